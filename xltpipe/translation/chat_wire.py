"""Wire: one chat with a server, and what its failures mean, through OpenAI's official client."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from ssl import SSLCertVerificationError
from typing import Any, Self

from xltpipe.errors import RecipeError, XltError
from xltpipe.json_text import loads
from xltpipe.translation.chat_request import ChatRequest, GarbledError, Json, Reply, replied
from xltpipe.translation.chat_retries import AgainError, overlong, retry_after
from xltpipe.translation.chat_transport import bounded
from xltpipe.translation.server_answers import model_names
from xltpipe.translation.server_faults import BUSY, message, refusal, too_long

_ID = "xlt-"  # begins the ids of our requests, so that one that comes back is known as ours


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


class NoListError(Exception):
    """The server does not tell its models."""


class FaultError(Exception):
    """This text cannot be answered, and no other is the worse for it."""


class Wire:
    """Connections to one server, for one event loop; `served` are its models, None if unknown.

    Use as an async context manager.
    """

    def __init__(self, contact: Contact, counts: Counter[str], served: list[str] | None) -> None:
        self._contact, self.counts, self.served = contact, counts, served
        self._sent_so_far = 0
        self._named = False
        self._nonce = secrets.token_hex(4)  # ids must differ: a server may still work on the first

    async def __aenter__(self) -> Self:
        self._api = self._connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()

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
            transport=bounded(limits),
            headers={"Accept-Encoding": "identity"},
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
        )
        api = openai.AsyncOpenAI(
            base_url=contact.url,
            api_key=contact.key or "none",
            max_retries=0,  # we wait by the server's word and a deadline, and count
            timeout=timeout,
            http_client=http,
        )
        # what it took from the environment beside the key
        api.organization = api.project = None
        api._custom_headers = {}  # noqa: SLF001 - there is no other way to leave them out
        return api

    async def models(self, left: float) -> bytes:
        """The body of /models.

        Raises:
            NoListError: the server does not tell its models.
        """
        import openai

        try:
            return await self._sent(left, self._api.get, "/models")
        except openai.APIStatusError as error:
            if error.status_code in {404, 405, 501}:
                raise NoListError from error
            raise self._refused(error) from self._cause(error)

    async def chat(self, request: ChatRequest, left: float) -> Reply:
        """One try, of at most so many seconds.

        Raises:
            AgainError: another try may succeed.
            FaultError: this text cannot be answered.
            RecipeError: nothing that we send will be.
        """
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
            said = self.veiled(message(error.response.content))
            if not too_long(error.status_code, said):
                raise await self._explained(error) from self._cause(error)
            found = overlong(said)
            limit = found.limit
            if limit is None or limit >= request.sampling.limit:
                raise FaultError(found.fault(self._contact.model, said)) from self._cause(error)
            self.counts["shorter_limits"] += 1
            return await self.chat(_shortened(request, limit), left)
        try:
            return replied(body)
        except GarbledError as error:
            said = f"an answer that is {self.veiled(str(error))}"
            raise AgainError("garbled", said) from self._cause(error)

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
            said = f"{error.status_code} ({self.veiled(message(error.response.content))})"
            after = retry_after(error.response.headers)
            raise AgainError(str(error.status_code), said, after) from self._cause(error)
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
        if error.status_code in {400, 404, 422} and self.served is None:
            with suppress(XltError, AgainError, NoListError, ValueError):
                self.served = model_names(loads(await self.models(10.0)))
        return self._refused(error)

    def _refused(self, error: Any) -> XltError:
        said = self.veiled(message(error.response.content))
        contact = self._contact
        return refusal(contact.url, error.status_code, said, contact.model, self.served)

    def _cause(self, error: Exception) -> Exception | None:
        """The error, if a traceback may show it: its text must not hold the key."""
        return error if self.veiled(str(error)) == str(error) else None

    def veiled(self, text: str) -> str:
        """A server may repeat the key in its message."""
        return text.replace(self._contact.key, "***") if self._contact.key else text


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
