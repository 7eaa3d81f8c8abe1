"""Where secrets are kept: in the environment of the process, else in Prefect's Secret blocks."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, cast

from xltpipe import credentials

PREFIX = "XLTPIPE_SECRET_"


@lru_cache(maxsize=64)  # asked for by every shard; a block is a request to the server
def look_up(name: str) -> str | None:
    """The secret of this name, None if it is in neither place."""
    found = os.environ.get(PREFIX + name.upper().replace("-", "_"))
    return found if found is not None else _block(name)


def _block(name: str) -> str | None:
    from prefect.blocks.system import Secret

    try:
        # outside of coroutines Prefect gives the block itself, whatever its types say
        value = cast("Secret[Any]", Secret.load(name)).get()
    except ValueError:  # Prefect's word for a block that is not there
        return None
    return value if isinstance(value, str) else None


credentials.look_up_by(look_up)
