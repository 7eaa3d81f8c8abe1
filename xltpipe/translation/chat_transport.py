"""Transport: HTTP whose answers are bounded, for a server that we do not know.

An answer holds one text of some thousand tokens. One without end, or packed so that it unpacks to
gigabytes, is taken for a broken connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

MOST = 1 << 26
"""Bytes of one answer: 64 MiB, log-probabilities included."""


def bounded(limits: Any) -> Any:
    """An HTTP transport of httpx2 that ends an answer of more than `MOST` bytes."""
    import httpx2

    class Counted(httpx2.AsyncByteStream):
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            read = 0
            async for part in self._stream:
                read += len(part)
                if read > MOST:
                    raise httpx2.RemoteProtocolError(f"an answer of more than {MOST:,} bytes")
                yield part

        async def aclose(self) -> None:
            await self._stream.aclose()

    class Bounded(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            response = await super().handle_async_request(request)
            coding = response.headers.get("content-encoding", "identity")
            if coding != "identity":  # we asked for none
                await response.aclose()
                raise httpx2.RemoteProtocolError(f"an answer packed by {coding[:40]!r}")
            response.stream = Counted(response.stream)
            return response

    # the environment's proxies and certificates are not used: the recipe says what is called
    return Bounded(limits=limits, trust_env=False)
