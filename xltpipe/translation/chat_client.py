"""Client: many chats at once with a server of the OpenAI protocol, through its official client."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from random import Random
from ssl import SSLCertVerificationError
from typing import Any, Protocol

from xltpipe import progress
from xltpipe.errors import DataError, RecipeError, TransientError, XltError, require
from xltpipe.translation.chat_request import ChatRequest, GarbledError, Json, Reply, replied
from xltpipe.translation.chat_retries import AgainError, overlong, pause, retry_after
from xltpipe.translation.server_answers import model_names
from xltpipe.translation.server_faults import (
    BUSY,
    LONGEST_WAIT,
    message,
    refusal,
    too_long,
)

Outcome = Reply | str
"""What came of a request: an answer, or why there can be none for this text (`word: …`)."""

Keep = Callable[[ChatRequest, Reply, float], None]
"""Told of each answer and the seconds it took, before anybody sees it."""


class Gate(Protocol):
    """Lets requests through as far as a budget goes."""

    def take(self, request: ChatRequest) -> bool:
        """Whether it may be sent now; if not, it is asked again when another one is done."""
        ...

    def give_back(self, request: ChatRequest) -> None:
        """One that was taken is answered, or given up."""
        ...

    def exhausted(self) -> XltError:
        """What to raise when nothing is under way and the next one may not go."""
        ...


_ID = "xlt-"  # begins the ids of our requests, so that one that comes back is known as ours
_FIRST_CONTACT = 3
"""Tries before a server that has never answered counts as not there."""
_POLL = 0.25  # seconds between two looks at whether the run was stopped


@dataclass(frozen=True, slots=True)
class Contact:
    """How a server is reached, and how patiently.

    `timeout` is the longest wait for one answer and `deadline` that for a request with all its
    tries, in seconds; `backoff` bounds the wait after the first failure.
    """

    url: str
    model: str
    key: str | None
    concurrency: int
    timeout: float
    attempts: int
    deadline: float
    backoff: float


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
        self._under_way = self._sent_so_far = 0
        self._named = False
        self._nonce = secrets.token_hex(4)  # ids must differ: a server may still work on the first

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

        async with self._connected() as self._api:
            workers = [asyncio.create_task(worker()) for _ in range(self._contact.concurrency)]
            try:
                await asyncio.gather(*workers)
            finally:
                for one in workers:
                    one.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def introduce(self) -> dict[str, str]:
        """See /models: the model's entry, without what changes from start to start."""
        async with self._connected() as self._api:
            try:
                body = await self._persistent(
                    self._models, min(self._contact.attempts, _FIRST_CONTACT)
                )
            except _NoListError:
                return {}
        try:
            listed = json.loads(body)
            self._client.served = model_names(listed)
        except (ValueError, TypeError, DataError) as error:
            said = self._veiled(body[:200].decode("utf-8", "replace"))
            raise RecipeError(
                f"Server {self._contact.url} must be the base of an OpenAI-compatible API (most "
                f"end with /v1), was: one whose /models is {said!r}"
            ) from error
        entry: Json = next((m for m in listed["data"] if m["id"] == self._contact.model), {})
        return {name: str(entry[name]) for name in ("root", "parent") if entry.get(name)}

    def _connected(self) -> Any:
        import httpx2
        import openai

        contact = self._contact
        limits = httpx2.Limits(
            max_connections=contact.concurrency + 2,
            max_keepalive_connections=contact.concurrency + 2,
            keepalive_expiry=30.0,
        )
        timeout = httpx2.Timeout(contact.timeout, connect=min(contact.timeout, 15.0), pool=None)
        # The environment's proxies and keys are not used: the recipe says what is called.
        http = httpx2.AsyncClient(
            limits=limits, timeout=timeout, trust_env=False, follow_redirects=False
        )
        return openai.AsyncOpenAI(
            base_url=contact.url,
            api_key=contact.key or "none",
            organization="",
            project="",
            max_retries=0,  # we wait by the server's word and a deadline, and count
            timeout=timeout,
            http_client=http,
        )

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
                lambda left: self._chat(request, left), self._contact.attempts
            )
        except _FaultError as error:
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

    async def _models(self, left: float) -> bytes:
        import openai

        try:
            return await self._sent(left, self._api.get, "/models")
        except openai.APIStatusError as error:
            if error.status_code in {404, 405, 501}:
                raise _NoListError from error
            raise self._refused(error) from error

    async def _chat(self, request: ChatRequest, left: float) -> Reply:
        import openai

        self._sent_so_far += 1
        mark = f"{_ID}{request.key[:16]}-{self._nonce}-{self._sent_so_far}"
        headers = {"X-Request-Id": mark}
        if not self._named:  # without ids a connection is trusted with one answer only
            headers["Connection"] = "close"
        options = {"body": request.fields, "options": {"headers": headers}}
        try:
            body = await self._sent(left, self._api.post, "/chat/completions", mark, **options)
        except openai.APIStatusError as error:
            said = self._veiled(message(error.response.content))
            if not too_long(error.status_code, said):
                raise await self._explained(error) from error
            found = overlong(said)
            limit = found.limit
            if limit is None or limit >= request.sampling.limit:
                raise _FaultError(found.fault(self._contact.model, said)) from error
            self._client.counts["shorter_limits"] += 1
            return await self._chat(_shortened(request, limit), left)
        try:
            return replied(body)
        except GarbledError as error:
            raise AgainError("garbled", f"an answer that is {self._veiled(str(error))}") from error

    async def _sent(
        self, left: float, method: Any, path: str, mark: str | None = None, **options: Any
    ) -> bytes:
        """One request over the wire; what a later try may mend is an AgainError."""
        import httpx2
        import openai

        try:
            async with asyncio.timeout(min(left, self._contact.timeout)):
                response = await method(path, cast_to=httpx2.Response, **options)
        except openai.APIStatusError as error:
            if error.status_code not in BUSY:
                raise
            said = f"{error.status_code} ({self._veiled(message(error.response.content))})"
            after = retry_after(error.response.headers)
            raise AgainError(str(error.status_code), said, after) from error
        except (openai.APITimeoutError, TimeoutError) as error:
            raise AgainError("timeout", f"no answer in {self._contact.timeout:g} s") from error
        except openai.APIConnectionError as error:
            raise self._lost(error) from error
        if mark is not None:
            named = _named(response, mark)
            if named is False:
                raise AgainError("misdelivered", "the answer to another request")
            self._named = named is True
        return bytes(response.content)

    def _lost(self, error: Exception) -> Exception:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, SSLCertVerificationError):
            deeper = cause.__cause__ or cause.__context__
            cause, last = deeper, cause
        if cause is not None:
            return RecipeError(
                f"Server {self._contact.url} must have a certificate we trust, was: {cause}"
            )
        return AgainError("connection", f"{type(last).__name__}: {last}")

    async def _explained(self, error: Any) -> XltError:
        """The refusal, with the models that are served where the name is the fault."""
        if error.status_code in {400, 404, 422} and self._client.served is None:
            with suppress(XltError, AgainError, _NoListError, ValueError):
                self._client.served = model_names(json.loads(await self._models(10.0)))
        return self._refused(error)

    def _refused(self, error: Any) -> XltError:
        said = self._veiled(message(error.response.content))
        contact = self._contact
        return refusal(contact.url, error.status_code, said, contact.model, self._client.served)

    def _veiled(self, text: str) -> str:
        """A server may repeat the key in its message."""
        return text.replace(self._contact.key, "***") if self._contact.key else text


class _NoListError(Exception):
    """The server does not tell its models."""


class _FaultError(Exception):
    """This text cannot be answered, and no other is the worse for it."""


def _shortened(request: ChatRequest, limit: int) -> ChatRequest:
    """The same request, and key, with a lower limit: the server left no room for the first."""
    fields: Json = {**request.fields, "max_completion_tokens": limit}
    return replace(request, sampling=replace(request.sampling, limit=limit), fields=fields)


def _named(response: Any, mark: str) -> bool | None:
    """Whether the answer bears the id of our request; False: another's, None: of no request.

    vLLM puts the id that we send into the answer's own, other servers give it back in a header. A
    connection on which answers were doubled or mixed up would else give texts wrong translations.
    """
    body, header = response.content[:200], response.headers.get("x-request-id", "")
    first = body.partition(b",")[0].decode("utf-8", "replace")
    ours = [said for said in (first, header) if _ID in said]
    return all(mark in said for said in ours) if ours else None


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
