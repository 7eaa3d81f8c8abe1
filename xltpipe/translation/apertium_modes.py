"""Modes: the pairs of languages that Apertium has data for on this machine.

A mode is a pipe of programs with their data, in a file named after its languages, such as
`spa-cat.mode`, or after a variant, such as `spa-cat_valencia.mode` or `es-pt_BR.mode`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from xltpipe.errors import MissingExtraError, RecipeError
from xltpipe.languages import Language, resolve
from xltpipe.translation.models import model_digest

WBLANK = "apertium-wblank-mode"
"""Makes every program of a mode flush at NUL and carry tags; part of Apertium 3.8 and later."""

INSTALL = "apt-get install --no-install-recommends apertium"

_NAME = re.compile(r"([a-z]{2,3})(?:_([A-Za-z0-9_]+))?-([a-z]{2,3})(?:[-_]([A-Za-z0-9_-]+))?")
_STAGE = re.compile(r"(?:[^|'\"]|'[^']*'|\"[^\"]*\")+")


@dataclass(frozen=True, slots=True)
class Mode:
    """One direction of a pair; languages by ISO 639-3 id, `variant` empty for the usual one."""

    path: Path
    source: str
    target: str
    variant: str

    @property
    def name(self) -> str:
        return self.path.stem

    def __str__(self) -> str:
        return f"{self.source}-{self.target}" + (f" ({self.variant})" if self.variant else "")

    def stages(self) -> list[str]:
        """The commands of the pipe, as a shell would read them, made to flush at NUL.

        Raises:
            MissingExtraError: a program of the pipe is not installed.
            RecipeError: the mode file cannot be read.
        """
        stages = _flushing(self.path, self.path.stat().st_mtime_ns)
        require(*(stage.split()[0] for stage in stages))
        return list(stages)


def require(*programs: str) -> None:
    """Check that programs are on the search path.

    Raises:
        MissingExtraError: one is not; the message says how to install Apertium.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise MissingExtraError(
                f'Program "{program}" must be installed for translation "apertium": {INSTALL} and '
                "the package of a pair, such as apertium-spa-cat (Debian, Ubuntu; Apertium 3.8 or "
                "newer)"
            )


@lru_cache(maxsize=64)
def _flushing(path: Path, changed: int) -> tuple[str, ...]:  # noqa: ARG001 - part of the memory's key
    require(WBLANK)
    made = subprocess.run(  # noqa: S603 - the program is Apertium's own
        [WBLANK, "-z", str(path)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    stages = tuple(stage.strip() for stage in _STAGE.findall(made.stdout) if stage.strip())
    if made.returncode != 0 or not stages:
        raise RecipeError(
            f"Mode must be one that {WBLANK} can read, was: {path} ({made.stderr.strip()[:200]})"
        )
    return stages


def installed(folder: Path) -> list[Mode]:
    """The modes in a folder whose languages the registry knows, by source, target, variant."""
    found = [mode for path in folder.glob("*.mode") if (mode := _mode(path)) is not None]
    return sorted(found, key=lambda m: (m.source, m.target, m.variant, -len(m.name), m.name))


def _mode(path: Path) -> Mode | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    try:
        source, target = resolve(match[1]), resolve(match[3])
    except RecipeError:
        return None
    variant = "_".join(part for part in (match[2], match[4]) if part)
    return Mode(path, source.id, target.id, variant)


def find_mode(folder: Path, source: Language, target: Language, variant: str) -> Mode:
    """The mode of a pair.

    Raises:
        MissingExtraError: Apertium, or the pair, is not installed; the message lists what is.
        RecipeError: the pair is there, but not this variant.
    """
    require(WBLANK)
    modes = installed(folder)
    ours = [m for m in modes if (m.source, m.target) == (source.id, target.id)]
    if not ours:
        names = sorted({f"apertium-{one}" for one in _packages(source, target)})
        pairs = ", ".join(dict.fromkeys(f"{m.source}-{m.target}" for m in modes)) or "none"
        raise MissingExtraError(
            f'Pair of translation "apertium" must be installed, was: {source.id}-{target.id}; '
            f"installed in {folder}: {pairs}. If Debian has the pair, its package is one of "
            f"{', '.join(names)} (apt-cache search '^apertium-'): {INSTALL} PACKAGE; else "
            "translate by way of a third language, or with another engine"
        )
    for mode in ours:
        if mode.variant == variant:
            return mode
    known = ", ".join(repr(m.variant) for m in ours)
    raise RecipeError(
        f'variant of translation "apertium" must be one of {known} for {source.id}-{target.id}, '
        f"was: {variant!r}"
    )


def _packages(source: Language, target: Language) -> Iterator[str]:
    """The names that Debian's package of a pair may have: either direction, old or new codes."""
    for one, other in ((source, target), (target, source)):
        yield f"{one.id}-{other.id}"
        if one.short and other.short:
            yield f"{one.short}-{other.short}"


def licences(mode: Mode) -> dict[str, str]:
    """The packages whose data a mode uses, and the id of the licence in each one's copyright file.

    An id is empty where there is no such file (Debian keeps them, `copyright-format/1.0`).
    """
    home = str(mode.path.resolve().parent.parent)
    used = re.findall(rf"{re.escape(home)}/([^/'\"]+)/", mode.path.read_text(encoding="utf-8"))
    return {name: _licence(Path("/usr/share/doc", name, "copyright")) for name in sorted(set(used))}


def _licence(copyright_file: Path) -> str:
    if not copyright_file.is_file():
        return ""
    text = copyright_file.read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^Files: \*$.*?^License: *(\S+)", text, re.MULTILINE | re.DOTALL)
    stated = found[1] if found else ""
    family = re.fullmatch(r"(L?GPL)-([0-9](?:\.[0-9])?)\+?", stated)
    if family is None:
        return stated
    return f"{family[1].lower()}-{family[2]}" + ("" if "." in family[2] else ".0")


def fingerprint(folder: Path) -> dict[str, str]:
    """Digests of the data of all pairs beside the modes' folder, and of the programs they use.

    Settings do not know the pair: another package's update changes the keys of this one, too,
    which costs translating again and is never wrong.
    """
    programs = sorted({stage for mode in installed(folder) for stage in _programs(mode.path)})
    found = [where for name in (*programs, "apertium") if (where := shutil.which(name))]
    states = tuple((name, Path(name).stat().st_mtime_ns) for name in found)
    return {"modes": model_digest(folder.resolve().parent), "programs": _digest(states)}


def _programs(path: Path) -> Sequence[str]:
    stages = _STAGE.findall(path.read_text(encoding="utf-8", errors="replace"))
    return [words[0] for stage in stages if (words := stage.split())]


_TELLING = {"apertium", "lt-proc", "cg-proc"}
"""Programs that tell their version, and so that of the library which does their work."""


@lru_cache(maxsize=8)
def _digest(states: tuple[tuple[str, int], ...]) -> str:
    whole = hashlib.sha256()
    for name, _ in states:
        path = Path(name)
        whole.update(f"{path.name}\0".encode())
        whole.update(path.read_bytes())
        if path.name in _TELLING:
            said = subprocess.run(  # noqa: S603 - found on the search path
                [name, "-V"],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            whole.update(said.stdout + said.stderr)
    return whole.hexdigest()
