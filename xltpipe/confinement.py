"""Confinement: a recipe that somebody else wrote may use the files it is given, and nothing more.

On one's own machine a recipe names files anywhere, programs, and servers. One from elsewhere, or
from a colleague's form, could name a key file and a server to send it to. Confined, its paths must
lie below given folders (symbolic links followed), it starts no programs of its own, opens no
pickles, and reaches only servers that are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path
from urllib.parse import urlsplit

from xltpipe.errors import RecipeError
from xltpipe.spec import Spec

_RUNS = {
    "python": "an interpreter",
    "programs": "a folder of programs",
    "modes": "files of commands",
}
_FILES = frozenset(
    {
        *("path", "model", "name", "data_files", "prior", "extra", "generator", "base", "held_out"),
        *("api_key_file", "scratch", "examples", "auxiliary", "cache", "folder", "root"),
    }
)
_PICKLED = ("estimation",)
"""Components whose models are pickles, which run code when they are opened."""

Place = tuple[str, object, object]
"""The path of a key, its value, and the value that it has where nobody sets it."""


def confine(recipe: Spec, roots: Sequence[Path], hosts: Sequence[str] = ()) -> None:
    """Refuse a recipe that reaches beyond.

    Args:
        roots: folders that may be read, with all below them.
        hosts: names of servers that may be asked, `host` or `host:port`.

    Raises:
        RecipeError: it does; every fault is told.
    """
    allowed = [root.expanduser().resolve() for root in roots]
    home = Path(str(getattr(recipe, "folder", getattr(recipe, "root", "."))))
    faults = [
        fault
        for place in _settings(recipe, "")
        if (fault := _fault(place, allowed, home, hosts)) is not None
    ]
    if faults:
        listed = "".join(f"\n  {fault}" for fault in faults)
        raise RecipeError(
            f"Recipe must keep to {', '.join(map(str, allowed)) or 'no folder'}, was: one that "
            f"does not:{listed}\nRun it without confinement only if you trust who wrote it"
        )


def _settings(spec: Spec, path: str) -> Iterator[Place]:
    """Every value of a recipe, at any depth."""
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        where = f"{path}.{name}" if path else name
        if isinstance(value, Spec):
            yield where, type(value), None
            yield from _settings(value, where)
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                if isinstance(item, Spec):
                    yield from _settings(item, f"{where}.{number}")
                else:
                    yield where, item, None
        else:
            yield where, value, field.default


def _fault(place: Place, roots: Sequence[Path], home: Path, hosts: Sequence[str]) -> str | None:
    where, value, usual = place
    key = where.rpartition(".")[2]
    if key in _PICKLED and isinstance(value, type):
        return f"{where}: its models are pickles, which can run any program"
    if value is None or value == usual or not isinstance(value, str | Path):
        return None
    if key in _RUNS:
        return f"{where}: names {_RUNS[key]}"
    if key in {"url", "address"}:
        return None if _known(str(value), hosts) else f"{where}: names a server that is not listed"
    if key in _FILES or isinstance(value, Path):
        outside = any(not _inside(p, roots) for p in _meant(str(value), home))
        return f"{where}: lies outside, {str(value)!r}" if outside else None
    return None


def _known(url: str, hosts: Sequence[str]) -> bool:
    parts = urlsplit(url)
    named = {parts.hostname, f"{parts.hostname}:{parts.port}"}
    return any(host in named for host in hosts)


def _meant(name: str, home: Path) -> list[Path]:
    """The files that a value may name: from the recipe's folder, and from where we are."""
    given = Path(name).expanduser() if name.startswith("~") else Path(name)
    if given.is_absolute():
        return [given, *_matched(given)]
    here = Path.cwd() / given
    return [home / given, *_matched(home / given), *([here] if here.exists() else [])]


def _matched(pattern: Path) -> list[Path]:
    """The files that a pattern stands for: links among them may lead elsewhere."""
    if not set("*?[") & set(str(pattern)):
        return []
    return [Path(found) for found in glob(str(pattern), recursive=True)]  # noqa: PTH207


def _inside(path: Path, roots: Sequence[Path]) -> bool:
    try:
        found = path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or no path at all
        return False
    return any(found == root or root in found.parents for root in roots)
