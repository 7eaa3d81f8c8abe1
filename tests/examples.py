"""Examples in several scripts, and fakes that are real little components."""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe.protocols import Pair
from xltpipe.types import Alignment, Example, Span, Translation, Unit


def example(text: str, *spans: tuple[str, str], id: str = "1", lang: str = "eng") -> Example:
    """An example whose spans are given as (covered text, label); the first occurrence is meant."""
    found = []
    for covered, label in spans:
        start = text.index(covered)
        found.append(Span(start, start + len(covered), label))
    return Example(id, lang, (text,), tuple(found))


SCRIPTS = [
    example("Ana vive en São Paulo .", ("Ana", "PER"), ("São Paulo", "LOC")),
    example("زارت ليلى القاهرة أمس", ("ليلى", "PER"), ("القاهرة", "LOC"), lang="ara"),
    example("王芳在北京工作。", ("王芳", "PER"), ("北京", "LOC"), lang="zho"),
    example("सीता दिल्ली में रहती है।", ("सीता", "PER"), ("दिल्ली", "LOC"), lang="hin"),
    example("สมชายอยู่ที่กรุงเทพ", ("สมชาย", "PER"), ("กรุงเทพ", "LOC"), lang="tha"),
    example("Zoë 👩‍👩‍👧 loves ＮＡＳＡ１２３ a lot", ("Zoë", "PER"), ("ＮＡＳＡ１２３", "ORG")),
    example("[x] said (y) in {z} to Bob", ("Bob", "PER")),
    example("", id="empty"),
]


def unit(source: Example, target_text: str, lang: str = "spa") -> Unit:
    """A unit whose target is this text, without labels."""
    target = Example(source.id, lang, (target_text,), (), source.label)
    return Unit(source, target, source.texts, (Translation(target_text),))


class LinkedWords:
    """An aligner that gives the links it was told, one list for every pair."""

    def __init__(self, *links: Sequence[tuple[int, int]]) -> None:
        self.links = links

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        rows = [self.links[min(i, len(self.links) - 1)] for i in range(len(pairs))]
        return [Alignment(tuple(sorted(r)), (1.0,) * len(r)) for r in rows]


class Identity:
    """An aligner for identical texts: word i to word i."""

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        sizes = [min(len(a), len(b)) for a, b in pairs]
        return [Alignment(tuple((i, i) for i in range(n)), (1.0,) * n) for n in sizes]


class Echo:
    """A translator that gives back what it gets, and fails on texts that contain `poison`."""

    def __init__(self, poison: str | None = None) -> None:
        self.poison = poison

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        if self.poison and any(self.poison in t for t in texts):
            raise ValueError("the engine fell over")
        return [Translation(t, -0.1, len(t.split()), len(t.split())) for t in texts]
