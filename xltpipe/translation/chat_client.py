"""Client: many chats at once with a server of the OpenAI protocol."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from random import Random
from typing import Any

from xltpipe import progress
from xltpipe.errors import DataError, RecipeError, TransientError, XltError, require
from xltpipe.json_text import loads
from xltpipe.translation.chat_model import Gate, Keep, Outcome
from xltpipe.translation.chat_request import ChatRequest, Json, Reply
from xltpipe.translation.chat_retries import AgainError, pause
from xltpipe.translation.chat_wire import Contact, FaultError, NoListError, Wire
from xltpipe.translation.server_answers import model_names
from xltpipe.translation.server_faults import LONGEST_WAIT

_FIRST_CONTACT = 3
"""Tries before a server that has never answered counts as not there."""
_POLL = 0.25  # seconds between two looks at whether the run was stopped


class ChatClient:
    """Asks a server; `counts` tells what it met on the way."""

    def __init__(self, contact: Contact) -> None:
        require("openai", "openai")
        self.contact = contact
        self.counts: Counter[str] = Counter()
        self.served: list[str] | None = None

    def identity(self) -> dict[str, str]:
        """What the server says about the weights behind the model's name.

        Raises:
            TransientError: it cannot be reached.
            RecipeError: it refuses our key, or is no such server.
        """
        found: dict[str, str] = _in_thread(lambda: _Run(self).introduce())
        return found

    def ask(
        self, requests: Iterable[ChatRequest], keep: Keep, gate: Gate
    ) -> Iterator[tuple[ChatRequest, Outcome]]:
        """Each request with what came of it, as they are answered; read from lazily.

        After a failure nothing new is sent; what is under way is still waited for and kept.

        Raises:
            TransientError: the server was busy or away to the end.
            RecipeError: it refuses what we send, or `gate` lets nothing more go.
        """
        results: SimpleQueue[tuple[ChatRequest, Outcome] | BaseException | None] = SimpleQueue()
        run = _Run(self)

        def work() -> None:
            try:
                asyncio.run(run.serve(iter(requests), keep, gate, results.put))
                results.put(run.fault)
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                results.put(error)

        thread = threading.Thread(target=work, name="xltpipe-chat", daemon=True)
        thread.start()
        try:
            while True:
                try:
                    found = results.get(timeout=_POLL)
                except Empty:
                    progress.tick("translate", 0)
                    continue
                if found is None:
                    return
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            run.stop()
            thread.join()


class _Run:
    """One event loop's work: it lives and dies with its connections."""

    def __init__(self, client: ChatClient) -> None:
        self._client, self._contact = client, client.contact
        self._random = Random()  # noqa: S311 - spreads waits, decides nothing
        self.fault: XltError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._under_way = 0

    def stop(self) -> None:
        """End the work from another thread; what is under way is given up."""
        if self._loop is not None and self._main is not None:
            with suppress(RuntimeError):  # the loop is closed: there is nothing left to stop
                self._loop.call_soon_threadsafe(self._main.cancel)

    async def serve(
        self,
        requests: Iterator[ChatRequest],
        keep: Keep,
        gate: Gate,
        tell: Callable[[tuple[ChatRequest, Outcome]], None],
    ) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._settled = asyncio.Event()

        async def worker() -> None:
            while self.fault is None and (request := next(requests, None)) is not None:
                try:
                    outcome = await self._admitted(request, keep, gate)
                except XltError as error:
                    self.fault = self.fault or error
                    return
                tell((request, outcome))

        async with self._connected() as self._wire:
            workers = [asyncio.create_task(worker()) for _ in range(self._contact.concurrency)]
            try:
                await asyncio.gather(*workers)
            finally:
                for one in workers:
                    one.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def introduce(self) -> dict[str, str]:
        """See /models: the model's entry, without what changes from start to start."""
        async with self._connected() as self._wire:
            try:
                body = await self._persistent(
                    self._wire.models, min(self._contact.attempts, _FIRST_CONTACT)
                )
            except NoListError:
                return {}
        try:
            listed = loads(body)
            self._client.served = model_names(listed)
        except (ValueError, TypeError, DataError) as error:
            said = self._wire.veiled(body[:200].decode("utf-8", "replace"))
            raise RecipeError(
                f"Server {self._contact.url} must be the base of an OpenAI-compatible API (most "
                f"end with /v1), was: one whose /models is {said!r}"
            ) from error
        entry: Json = next((m for m in listed["data"] if m["id"] == self._contact.model), {})
        return {name: str(entry[name]) for name in ("root", "parent") if entry.get(name)}

    def _connected(self) -> Wire:
        return Wire(self._contact, self._client.counts, self._client.served)

    async def _admitted(self, request: ChatRequest, keep: Keep, gate: Gate) -> Outcome:
        """The answer, once the budget lets the request go."""
        while not gate.take(request):
            if self.fault is not None or not self._under_way:
                raise self.fault or gate.exhausted()
            self._settled.clear()
            await self._settled.wait()
        self._under_way += 1
        try:
            return await self._answer(request, keep)
        finally:
            self._under_way -= 1
            gate.give_back(request)
            self._settled.set()

    async def _answer(self, request: ChatRequest, keep: Keep) -> Outcome:
        started = time.monotonic()
        try:
            reply: Reply = await self._persistent(
                lambda left: self._wire.chat(request, left), self._contact.attempts
            )
        except FaultError as error:
            return str(error)
        keep(request, reply, time.monotonic() - started)
        return reply

    async def _persistent(self, ask: Callable[[float], Any], attempts: int) -> Any:
        """Ask until there is an answer, `attempts` times or until the deadline.

        Raises:
            TransientError: there was none.
        """
        contact, said = self._contact, ""
        end = time.monotonic() + contact.deadline
        for attempt in range(attempts):
            try:
                return await ask(max(0.01, end - time.monotonic()))
            except AgainError as error:
                self._client.counts[f"server:{error.kind}"] += 1
                said = str(error)
                seconds = pause(attempt, contact.backoff, error.after, self._random)
                if error.after is not None and error.after > LONGEST_WAIT:
                    said += f", to be asked again after {error.after:.0f} s"
                    break
            if self.fault is not None or attempt + 1 == attempts:
                break
            if time.monotonic() + seconds >= end:
                said += f", for {contact.deadline:.0f} s (deadline)"
                break
            await asyncio.sleep(seconds)
        raise TransientError(
            f"Server {contact.url} must answer, was: {said}; see that it runs and has room, then "
            "run again: what it answered is kept (fewer at a time: concurrency; slow: timeout, "
            "deadline; more patience: attempts)"
        )


def _in_thread(make: Callable[[], Any]) -> Any:
    """Run a coroutine in a thread of its own: ours may have an event loop already."""
    out: list[Any] = []

    def work() -> None:
        try:
            out.append(asyncio.run(make()))
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            out.append(error)

    thread = threading.Thread(target=work, name="xltpipe-chat", daemon=True)
    thread.start()
    thread.join()
    if isinstance(out[0], BaseException):
        raise out[0]
    return out[0]
