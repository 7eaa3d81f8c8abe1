"""Training of several aligners on one stream of pairs, which is read once and kept on disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from xltpipe.alignment.plain import NOTES
from xltpipe.protocols import Pair
from xltpipe.types import Words


class _Trainable(Protocol):
    def train(self, pairs: Iterable[Pair], home: Path) -> None: ...


def train(members: Mapping[str, _Trainable], pairs: Iterable[Pair], home: Path) -> None:
    """Train each member in the folder of `home` that bears its name; one after the other."""
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home) as scratch:
        text = Path(scratch) / "pairs.jsonl"
        with text.open("w", encoding="utf-8") as lines:
            for source, target in pairs:
                sides = [[side.text, side.bounds] for side in (source, target)]
                lines.write(json.dumps(sides) + "\n")
        for name, member in members.items():
            member.train(_read(text), home / name)
    notes = {
        f"{name}.{what}": count
        for name in members
        for what, count in _notes(home / name / NOTES).items()
    }
    (home / NOTES).write_text(json.dumps({"notes": notes}), "utf-8")


def _read(text: Path) -> Iterator[Pair]:
    with text.open(encoding="utf-8") as lines:
        for line in lines:
            one, other = (
                Words(string, tuple((start, end) for start, end in bounds))
                for string, bounds in json.loads(line)
            )
            yield one, other


def _notes(file: Path) -> dict[str, int]:
    if not file.is_file():
        return {}
    found: dict[str, int] = json.loads(file.read_bytes()).get("notes", {})
    return found
