"""Leaks: test rows that something in the recipe has seen before, so that scores would flatter.

Rows are the same if their letters (with their marks) and digits are, whatever the case; those of
fewer than four words (eight letters, in scripts without spaces) tell nothing and are left alone.
Only 64-bit hashes of the held-out rows are held in memory; all else streams by.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import regex

from xltpipe import learnt
from xltpipe.datasets import Hub, SourceSpec
from xltpipe.leak import Found, Leak, Missing, tell
from xltpipe.learnt import Learnt
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Sequential
from xltpipe.text import SIGNS, UNSPACED
from xltpipe.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

NAMED = 10
"""Rows that a leak names; the others are counted."""
_BATCH = 8192
_UNSPACED = regex.compile(rf"[[{UNSPACED}]--\p{{M}}]", regex.V1)


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
    found = look(recipe, learners(recipe, roots))
    tell(found.missing)
    return list(found.leaks)


def learners(recipe: Recipe, roots: Sequence[Path] | None = None) -> Learnt:
    """What the recipe's models learnt from, where tests are scored; see `learnt.of`."""
    return learnt.of(recipe, roots) if recipe.tests and _scored(recipe) else Learnt()


def together(cells: Sequence[Recipe]) -> list[Recipe]:
    """As few recipes as have seen what these of one comparison have: theirs, with all their tests,
    strategies and gold data, by each of their engines, projectors and scorers.
    """
    alike: dict[tuple[str, ...], list[Recipe]] = {}
    for cell in cells:
        parts = (cell.translation, cell.projection, cell.quality)
        alike.setdefault(tuple(part.model_dump_json() for part in parts), []).append(cell)
    return [_merged(recipes) for recipes in alike.values()]


def _merged(cells: Sequence[Recipe]) -> Recipe:
    changes: dict[str, object] = {
        name: tuple({str(one): one for cell in cells for one in getattr(cell, name)}.values())
        for name in ("targets", "strategies", "tests", "supervised")
    }
    sequences = [cell.sequence for cell in cells if "sequential" in cell.strategies]
    return cells[0].model_copy(update=changes | {"sequence": (sequences or [Sequential()])[0]})


def _scored(recipe: Recipe) -> bool:
    return not set(recipe.strategies) <= {"corpus"}


def look(recipe: Recipe, known: Learnt) -> Found:
    """As `check`, where it is known what the models learnt from; nothing is noted."""
    if not _scored(recipe):
        return Found()
    tests = [_Split(f"test {t.name} ({t.lang})", t.data, t.lang) for t in recipe.tests]
    dev = [_Split("dev", recipe.dev, recipe.source)] if recipe.dev is not None else []
    if not tests and not dev:
        return Found()
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
    _meet_learnt(tests, known)
    leaks = [leak for split in held for leak in _told(split, recipe)]
    chosen = [leak for split in oracle for leak in _chosen(split, recipe)]
    missing = tuple(Missing(model.name, model.missing) for model in known.models if model.missing)
    return Found((*leaks, *_named(tests, known), *chosen), missing)


def learns_gold(recipe: Recipe) -> bool:
    """Some strategy learns from `[[supervised]]`."""
    strategies = set(recipe.strategies)
    by_stages = "sequential" in strategies and recipe.sequence.data == "supervised"
    return "supervised" in strategies or by_stages or recipe.gold_rows is not None


def key(text: str) -> str:
    """What two texts must share to count as the same: letters, with their marks, and digits, in
    their usual form.
    """
    return str(SIGNS.sub(" ", unicodedata.normalize("NFKC", text).casefold())).strip()


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


def _meet_learnt(tests: Sequence[_Split], known: Learnt) -> None:
    """Meet what aligners and translation models learnt."""
    wanted = [one.texts for one in tests if one.texts is not None]
    bitexts = [("aligner", bitext) for bitext in known.bitexts]
    bitexts += [("translation", bitext) for model in known.models for bitext in model.bitexts]
    for kind, bitext in bitexts:
        numbers = (_number(k) for text in bitext.texts() if _telling(k := key(text)))
        for one, found in zip(tests, _met(numbers, wanted), strict=True):
            if found:
                one.found[kind, f"{bitext.learner} ({bitext.path.name})"] = found


def _named(tests: Sequence[_Split], known: Learnt) -> list[Leak]:
    """Leaks of data sets that the cards of models name."""
    return [
        Leak("named", f"{test.name} is of {name}, from which {model.name} learnt")
        for model in known.models
        for test in tests
        for name in model.named
        if _bare(name) in _bare(_origin(test.source))
    ]


def _origin(source: SourceSpec) -> str:
    return source.name if isinstance(source, Hub) else source.path


def _bare(name: str) -> str:
    return str(SIGNS.sub("", name.casefold()))


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
