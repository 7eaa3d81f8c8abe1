"""Units with spans on both sides, by hand and at random, for tests of label-aware scores."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from xltpipe.quality.batch import Batch
from xltpipe.quality.scorer import Scorer
from xltpipe.types import Example, Placement, Span, Translation, Unit

WORDS = [
    *("Ana", "met", "São", "Paulo", "y", "Niño", "d'Or", "U.S.", "Berlin.", "İzmir", "ﬁn"),
    *("Москва", "и", "Αθήνα", "القاهرة", "وبال", "दिल्ली", "।", "서울에서", "თბილისი"),
    *(
        "北京",
        "王芳。",
        "カメラ",
        "กรุงเทพ",
        "123",
        "12,5%",
        "—",
        "«no»",
        "👩‍👩‍👧",
        "e\u0301t\u0301",
        "[x]",
    ),
]


def linked(
    source: str,
    target: str,
    *names: tuple[str | None, str | None],
    label: str = "X",
    langs: tuple[str, str] = ("eng", "spa"),
    sent: str | None = None,
) -> Unit:
    """A unit whose spans are the given pairs of covered texts; None on the right: lost."""
    ours = [_span(source, one, label) for one, _ in names if one is not None]
    theirs = [_span(target, other, label) for _, other in names if other is not None]
    placements, found = [], 0
    for k, (_, other) in enumerate(names):
        lost = other is None
        placements.append(
            Placement(k, None if lost else found, "m", reason="no_alignment" if lost else None)
        )
        found += not lost
    return Unit(
        Example("1", langs[0], (source,), tuple(ours)),
        Example("1", langs[1], (target,), tuple(theirs)),
        (source if sent is None else sent,),
        (Translation(target),),
        tuple(placements),
    )


def _span(text: str, covered: str, label: str) -> Span:
    start = text.index(covered)
    return Span(start, start + len(covered), label)


def at_random(number: int, seed: int = 0) -> list[Unit]:
    """Units in several scripts: spans that overlap, cross words and sentences, are lost, doubled."""
    random = Random(seed)
    return [_random_unit(random, str(n)) for n in range(number)]


def _random_unit(random: Random, id: str) -> Unit:
    texts = 1 + (random.random() < 0.3)
    source = _random_example(random, id, "eng", texts, random.randrange(4))
    target = _random_example(random, id, "spa", texts, random.randrange(4))
    free = list(range(len(target.spans)))
    random.shuffle(free)
    placements = []
    for k in range(len(source.spans)):
        if free and random.random() < 0.8:
            score = random.random() if random.random() < 0.7 else None
            margin = random.random() if random.random() < 0.5 else None
            rank = random.randrange(3)
            placements.append(Placement(k, free.pop(), "m", score, rank=rank, margin=margin))
        else:
            placements.append(Placement(k, None, "m", reason="no_alignment"))
    if random.random() < 0.1:
        placements = []
    sent = tuple(f"[A] {t}" if random.random() < 0.5 else t for t in source.texts)
    return Unit(source, target, sent, tuple(map(Translation, target.texts)), tuple(placements))


def _random_example(random: Random, id: str, lang: str, texts: int, spans: int) -> Example:
    made = [
        random.choice(["", " "]).join(random.choices(WORDS, k=random.randrange(9)))
        for _ in range(texts)
    ]
    found = []
    for _ in range(spans):
        text = random.randrange(texts)
        if made[text]:
            start = random.randrange(len(made[text]))
            end = random.randrange(start, len(made[text])) + 1
            found.append(Span(start, end, random.choice("ABC"), text))
    return Example(id, lang, tuple(made), tuple(found), random.choice([None, "yes", "no"]))


def columns(scorer: Scorer, units: Sequence[Unit]) -> dict[str, list[float]]:
    """The scorer's columns over one batch."""
    found = scorer.score(Batch.of(units))
    return {c.name: v.tolist() for c, v in zip(scorer.columns, found, strict=True)}


def alone(scorer: Scorer, unit: Unit) -> dict[str, float]:
    """The scores of one unit."""
    return {name: values[0] for name, values in columns(scorer, [unit]).items()}


def check_independence(scorer: Scorer, units: Sequence[Unit]) -> None:
    """A row's scores are the same alone, in other company, in a slice, and in its range."""
    whole = columns(scorer, units)
    for n, unit in enumerate(units):
        for name, value in alone(scorer, unit).items():
            assert value == pytest.approx(whole[name][n], nan_ok=True), (name, unit)
    part = Batch(Batch.of(units).table.slice(3, len(units) // 2))
    for name, values in zip([c.name for c in scorer.columns], scorer.score(part), strict=True):
        wanted = whole[name][3 : 3 + len(units) // 2]
        assert values.tolist() == pytest.approx(wanted, nan_ok=True)
    assert all(len(values) == 0 for values in scorer.score(Batch.of([])))
    for column in scorer.columns:
        known = np.array(whole[column.name])
        known = known[~np.isnan(known)]
        assert ((known >= column.low) & (known <= column.high)).all(), column.name
