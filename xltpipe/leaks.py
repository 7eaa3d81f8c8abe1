"""Leaks: test rows that something in the recipe has seen before, so that scores would flatter.

Rows are the same if their letters and digits are, whatever the case; those of fewer than four
words (eight letters, in scripts without spaces) tell nothing and are left alone. Only 64-bit hashes
of the held-out rows are held in memory; all else streams by.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import regex

from xltpipe import learnt, progress
from xltpipe.datasets import Hub, SourceSpec
from xltpipe.errors import RecipeError
from xltpipe.recipe import Recipe
from xltpipe.text import UNSPACED
from xltpipe.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

NAMED = 10
"""Rows that a leak names; the others are counted."""
_BATCH = 8192
_SIGNS = re.compile(r"[\W_]+")
_UNSPACED = regex.compile(f"[{UNSPACED}]")
_REMEDIES = {
    "duplicate": "take them out of one of the two",
    "aligner": "take their sentences out of the file",
    "translation": "test on other data, or train the model with them in held_out",
    "named": "test on other data, or translate with another model",
    "target_dev": "judge on source-language data, or report the scores as an upper bound",
}


@dataclass(frozen=True, slots=True)
class Leak:
    """Rows of held-out data that were seen before.

    `kind`: duplicate (in other data of the recipe), aligner or translation (in what these learnt
    from), named (a model's card says that it learnt from the data set), target_dev (checkpoints
    are chosen on the target language). `rows` are the first ids, `count` is how many there are
    (None: not counted), `text` is that of the first.
    """

    kind: str
    where: str
    rows: tuple[str, ...] = ()
    count: int | None = None
    text: str = ""

    def __str__(self) -> str:
        if self.count is None:
            return f"{self.where}; {_REMEDIES[self.kind]}"
        more = self.count - len(self.rows)
        named = ", ".join(self.rows) + (f" and {more} more" if more > 0 else "")
        begin = self.text if len(self.text) <= 60 else f"{self.text[:60]}…"
        rows = f"{self.count} row{'s' if self.count != 1 else ''}"
        return f"{rows} of {self.where}: {named} (“{begin}”); {_REMEDIES[self.kind]}"


@dataclass(slots=True)
class _Split:
    """Data of a recipe; once hashed, that of its rows and of each of their texts."""

    name: str
    source: SourceSpec
    lang: str
    rows: Hashes | None = None
    texts: Hashes | None = None
    found: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    """Hashes that were met, by kind of leak and where."""


def check(recipe: Recipe, *, roots: Sequence[Path] | None = None) -> list[Leak]:
    """What of the recipe's tests (and dev) it has seen elsewhere; reads all its data once or twice.

    Of an `oracle` also the target's dev data, which choose checkpoints. What cannot be checked,
    since a model's training text is not here (or outside `roots`, in a confined run), is noted.

    Raises:
        DataError, RecipeError, TransientError: data cannot be read.
    """
    if set(recipe.strategies) <= {"corpus"}:
        return []  # nothing is scored
    tests = [_Split(f"test {t.name} ({t.lang})", t.data, t.lang) for t in recipe.tests]
    dev = [_Split("dev", recipe.dev, recipe.source)] if recipe.dev is not None else []
    if not tests and not dev:
        return []
    seen = [_Split("train", recipe.train, recipe.source)]
    if learns_gold(recipe):
        seen += [_Split(f"supervised ({s.lang})", s.data, s.lang) for s in recipe.supervised]
    chosen_by = recipe.target_dev if recipe.oracle else ()
    oracle = [_Split(f"target_dev ({d.lang})", d.data, d.lang) for d in chosen_by]
    held = [*tests, *dev]
    for split in held:
        _hash(split, recipe)
    for split in (*seen, *dev, *oracle):
        _meet_rows(split, [one for one in held if one is not split], recipe)
    named = _meet_learnt(tests, recipe, roots)
    leaks = [leak for split in held for leak in _told(split, recipe)]
    chosen = [leak for split in oracle for leak in _chosen(split, recipe)]
    return [*leaks, *named, *chosen]


def learns_gold(recipe: Recipe) -> bool:
    """Some strategy learns from `[[supervised]]`."""
    strategies = set(recipe.strategies)
    by_stages = "sequential" in strategies and recipe.sequence.data == "supervised"
    return "supervised" in strategies or by_stages or recipe.gold_rows is not None


def write(leaks: Sequence[Leak], path: Path) -> None:
    """Keep what was found."""
    rows = [asdict(leak) for leak in leaks]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> list[Leak]:
    """What `write` kept."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Leak(**row | {"rows": tuple(row["rows"])}) for row in rows]


def demand(leaks: Sequence[Leak], *, strict: bool) -> None:
    """Warn of leaks at the end of the run, or, where the recipe is strict, refuse it.

    Raises:
        RecipeError: there are leaks and `strict` is set; they are named.
    """
    if strict and leaks:
        told = "".join(f"\n  {leak}" for leak in leaks)
        raise RecipeError(f"Recipe must not leak where strict = true, was:{told}")
    for leak in leaks:
        progress.note(f"leak: {leak}")


def key(text: str) -> str:
    """What two texts must share to count as the same: letters and digits, in their usual form."""
    return _SIGNS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def _telling(text: str) -> bool:
    """A key so long that two people would not write it by chance."""
    return text.count(" ") >= 3 or len(_UNSPACED.findall(text)) >= 8


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _row(example: Example) -> int | None:
    """The hash of a row by all its texts; None if it tells nothing."""
    keys = [key(text) for text in example.texts]
    return _number("\0".join(keys)) if _telling(" ".join(keys)) else None


def _texts(example: Example) -> Iterator[int]:
    for text in map(key, example.texts):
        if _telling(text):
            yield _number(text)


def _read(split: _Split, recipe: Recipe) -> Iterator[Example]:
    return iter(split.source.read(split.lang, recipe.root))


def _hash(split: _Split, recipe: Recipe) -> None:
    import numpy as np

    rows, texts = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    examples = _read(split, recipe)
    while batch := list(islice(examples, _BATCH)):
        known = [number for example in batch if (number := _row(example)) is not None]
        rows.append(np.array(known, np.uint64))
        texts.append(np.array([n for e in batch for n in _texts(e)], np.uint64))
    split.rows, split.texts = np.unique(np.concatenate(rows)), np.unique(np.concatenate(texts))


def _met(numbers: Iterable[int], wanted: Sequence[Hashes]) -> list[set[int]]:
    """Of the numbers that stream by, those that are among each of the wanted ones."""
    import numpy as np

    found: list[set[int]] = [set() for _ in wanted]
    stream = iter(numbers)
    while batch := list(islice(stream, _BATCH)):
        array = np.array(batch, np.uint64)
        for known, hashes in zip(found, wanted, strict=True):
            known.update(array[np.isin(array, hashes)].tolist())
    return found


def _meet_rows(split: _Split, held: Sequence[_Split], recipe: Recipe) -> None:
    numbers = (n for example in _read(split, recipe) if (n := _row(example)) is not None)
    wanted = [one.rows for one in held if one.rows is not None]
    for one, found in zip(held, _met(numbers, wanted), strict=True):
        if found:
            one.found["duplicate", split.name] = found


def _meet_learnt(
    tests: Sequence[_Split], recipe: Recipe, roots: Sequence[Path] | None
) -> list[Leak]:
    """Meet what aligners and translation models learnt; leaks of data sets that cards name."""
    wanted = [one.texts for one in tests if one.texts is not None]
    models = learnt.models(recipe, roots) if tests else []
    bitexts = [("aligner", bitext) for bitext in learnt.aligner_bitexts(recipe) if tests]
    bitexts += [("translation", bitext) for model in models for bitext in model.bitexts]
    for kind, bitext in bitexts:
        numbers = (_number(k) for text in bitext.texts() if _telling(k := key(text)))
        for one, found in zip(tests, _met(numbers, wanted), strict=True):
            if found:
                one.found[kind, f"{bitext.learner} ({bitext.path.name})"] = found
    leaks = []
    for model in models:
        if model.missing:
            progress.note(
                f"leaks: {len(model.missing)} file{'s' if len(model.missing) > 1 else ''} that the "
                f"translation model {model.name} learnt from could not be looked through: not "
                "beside the recipe or the model"
            )
        for test in tests:
            leaks += [
                Leak("named", f"{test.name} is of {name}, from which {model.name} learnt")
                for name in model.named
                if _bare(name) in _bare(_origin(test.source))
            ]
    return leaks


def _origin(source: SourceSpec) -> str:
    return source.name if isinstance(source, Hub) else source.path


def _bare(name: str) -> str:
    return _SIGNS.sub("", name.casefold())


def _told(split: _Split, recipe: Recipe) -> list[Leak]:
    """The leaks of a split, its rows named; reads it once more if there are any."""
    if not split.found:
        return []
    ids: dict[tuple[str, str], list[str]] = {place: [] for place in split.found}
    counts, first = dict.fromkeys(split.found, 0), dict.fromkeys(split.found, "")
    for example in _read(split, recipe):
        row, texts = {_row(example)}, set(_texts(example))
        for place, numbers in split.found.items():
            if numbers.isdisjoint(row if place[0] == "duplicate" else texts):
                continue
            counts[place] += 1
            first[place] = first[place] or " / ".join(example.texts)
            if len(ids[place]) < NAMED:
                ids[place].append(example.id)
    verb = {"duplicate": "are in", "aligner": "are in", "translation": "were learnt by"}
    return [
        Leak(
            kind,
            f"{split.name} {verb[kind]} {where}",
            tuple(ids[kind, where]),
            counts[kind, where],
            first[kind, where],
        )
        for kind, where in split.found
    ]


def _chosen(dev: _Split, recipe: Recipe) -> list[Leak]:
    ids: list[str] = []
    count, text = 0, ""
    for example in _read(dev, recipe):
        count += 1
        text = text or " / ".join(example.texts)
        if len(ids) < NAMED:
            ids.append(example.id)
    where = f"{dev.name} choose checkpoints (oracle = true)"
    return [Leak("target_dev", where, tuple(ids), count, text)] if count else []
