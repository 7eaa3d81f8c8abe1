"""Pairs of texts as units, texts of many scripts to draw from, and what one scorer makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from tests.examples import example, unit
from xltpipe.quality.batch import Batch
from xltpipe.quality.scorer import Scorer
from xltpipe.types import Example, Span, Translation, Unit

CHARACTERS = "abAB éÉ12 .,!?()[]{}<>'\"-_/@%&;:$€…\n\t\u00a0\u200d\u0301ßİ我们。，（）กิไเ한글दिन्ا٣سЖж😀👍𠀀𠀁ー\ue000\x07"
WORDS = (
    "the",
    "The",
    "cat",
    "gato",
    "no",
    "NO",
    "sí",
    "12",
    "1,234",
    "我们",
    "猫",
    "दिन",
    "قط",
    "แมว",
    "x",
    ",",
    ".",
    "?",
)

texts = st.text(CHARACTERS, max_size=24) | st.lists(st.sampled_from(WORDS), max_size=14).map(
    " ".join
)


def pair(source: str, target: str, target_lang: str = "spa", *names: str) -> Unit:
    """A unit whose `names` are spans on both sides."""

    def labelled(text: str, lang: str) -> Example:
        return example(text, *((n, "X") for n in names if n in text), lang=lang)

    return replace(
        unit(labelled(source, "eng"), target, target_lang), target=labelled(target, target_lang)
    )


def several(sources: Sequence[str], targets: Sequence[str]) -> Unit:
    """A unit of several texts."""
    return Unit(
        Example("1", "eng", tuple(sources)), Example("1", "spa", tuple(targets)), tuple(sources)
    )


@st.composite
def _examples(draw: st.DrawFn, lang: str, size: int) -> Example:
    own = [draw(texts) for _ in range(size)]
    spans = []
    for number, text in enumerate(own):
        for _ in range(draw(st.integers(0, 2)) if text else 0):
            start = draw(st.integers(0, len(text) - 1))
            spans.append(Span(start, draw(st.integers(start + 1, len(text))), "X", number))
    return Example("1", lang, tuple(own), tuple(spans))


@st.composite
def units(draw: st.DrawFn) -> Unit:
    """A unit of nought to two texts, some sent with markers, some cut, some with a score."""
    size = draw(st.integers(0, 2))
    source, target = draw(_examples("eng", size)), draw(_examples("spa", size))
    sent = draw(st.sampled_from([source.texts, tuple(f"[{t}]" for t in source.texts), ()]))
    score = draw(st.sampled_from([None, -0.5, -3.0, 1e-9]))
    received = tuple(Translation(t, score, truncated=draw(st.booleans())) for t in target.texts)
    return Unit(source, target, sent, received)


def scores(scorer: Scorer, *made: Unit) -> dict[str, list[float]]:
    """All columns over these units, as one batch."""
    found = scorer.score(Batch.of(made))
    return {c.name: v.tolist() for c, v in zip(scorer.columns, found, strict=True)}


def one(scorer: Scorer, made: Unit, column: str | None = None) -> float:
    """One column of one unit."""
    return scores(scorer, made)[column or scorer.columns[0].name][0]


def fails(scorer: Scorer, made: Unit) -> set[str]:
    """The columns whose default or usual rule this unit fails."""
    return {
        c.name for c, values in _columns(scorer, [made]) if (c.limits or c.usual).fails(values)[0]
    }


def _columns(scorer: Scorer, made: Sequence[Unit]) -> Iterable[tuple]:
    found = zip(scorer.columns, scorer.score(Batch.of(made)), strict=True)
    return [(c, v) for c, v in found if c.limits or c.usual]
