"""Confinement of recipes by the environment of the process: what a worker's owner allows."""

from __future__ import annotations

import os
from pathlib import Path

from xltpipe.confinement import confine
from xltpipe.spec import Spec

FOLDERS = "XLTPIPE_CONFINED"
"""Folders that recipes may read, parted by colons; unset: anything this process may read."""
HOSTS = "XLTPIPE_HOSTS"
"""Servers that confined recipes may ask, `host` or `host:port`, parted by commas."""


def confined(recipe: Spec) -> None:
    """Refuse a recipe that reaches beyond what the environment allows.

    Raises:
        RecipeError: it does.
    """
    roots = allowed()
    if roots is None:
        return
    hosts = [host.strip() for host in os.environ.get(HOSTS, "").split(",") if host.strip()]
    confine(recipe, roots, hosts)


def allowed() -> list[Path] | None:
    """The folders that recipes may read; None: any."""
    named = os.environ.get(FOLDERS)
    return None if named is None else [Path(f) for f in named.split(os.pathsep) if f]
