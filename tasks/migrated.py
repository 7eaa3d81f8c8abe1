"""Whether Prefect's own database is up to date, told without loading its migrations.

Loading more than a hundred migrations to find that there is nothing to do takes a large part of a
server's start. The revision that a version of Prefect migrates to never changes, so it is
remembered beside the database, once that version has served it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from xltpipe.durable import write_whole

_SQLITE = "sqlite+aiosqlite:///"


def known(url: str) -> bool:
    """Whether this version of Prefect has served the database at this revision before."""
    told = _told(url)
    try:
        return told is not None and _file(url).read_text(encoding="utf-8") == told
    except OSError:
        return False


def remember(url: str) -> None:
    """Note the revision of a database that a server of this version has just migrated."""
    told = _told(url)
    if told is not None and not known(url):
        write_whole(_file(url), told)


def _file(url: str) -> Path:
    return Path(f"{url.removeprefix(_SQLITE)}.migrated")


def _told(url: str) -> str | None:
    """Prefect's version and the database's own revision; None if it is no file, or new."""
    if not url.startswith(_SQLITE):
        return None
    file = f"file:{url.removeprefix(_SQLITE)}?mode=ro"
    try:
        with closing(sqlite3.connect(file, uri=True)) as database:
            rows = database.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return None
    return f"{version('prefect')} {rows[0][0]}\n" if len(rows) == 1 else None
