"""Random texts in many scripts with spans on whole words."""

from __future__ import annotations

from hypothesis import strategies as st

from xltpipe.text import is_punctuation, tokenise
from xltpipe.types import Example, Span

WORDS = (
    *("Ana", "São", "Zoë", "ＮＡＳＡ", "don't", "U.S.", "well-known", "3,5", "l'", "Ｘ１"),
    *("القاهرة", "ليلى", "أمس", "北京", "王芳", "在", "東京", "दिल्ली", "सीता", "में"),
    *("สมชาย", "กรุงเทพ", "서울", "에서", "Москва", "ქალაქი", "አዲስ", "waseJamani"),
    *("👩‍👩‍👧", "🇪🇸", "e\u0301", ".", ",", "!", "?", "¿", "«", "»", "。", "「", "…", "$", "%"),
)
COLLISIONS = (
    *("[", "]", "{", "}", "<", ">", "/", "⟨", "⟩", "⟦", "⟧", "【", "】", "《", "》"),
    *("[A]", "[/A]", "[B]", "<a>", "</a>", "[[", "]]", "A", "a"),
)


@st.composite
def labelled(
    draw: st.DrawFn, words: tuple[str, ...] = WORDS, most: int = 6, *, flat: bool = False
) -> Example:
    """An example of one or two texts; each span covers whole words, one at least no punctuation."""
    texts = tuple(
        "".join(
            draw(st.sampled_from((" ", " ", "", "  "))) + draw(st.sampled_from(words))
            for _ in range(draw(st.integers(0, 9)))
        )
        for _ in range(draw(st.integers(1, 2)))
    )
    spans: list[Span] = []
    for _ in range(draw(st.integers(0, most))):
        text = draw(st.integers(0, len(texts) - 1))
        bounds = tokenise(texts[text]).bounds
        if not bounds:
            continue
        first = draw(st.integers(0, len(bounds) - 1))
        last = draw(st.integers(first, min(first + 3, len(bounds) - 1)))
        if all(is_punctuation(texts[text][a:b]) for a, b in bounds[first : last + 1]):
            continue
        span = Span(bounds[first][0], bounds[last][1], draw(st.sampled_from("PL")), text)
        clash = any(s.text == text and s.start < span.end and span.start < s.end for s in spans)
        if span not in spans and not (flat and clash):
            spans.append(span)
    return Example("1", "eng", texts, tuple(spans))


def covered(example: Example) -> list[tuple[int, str, str]]:
    """Text number, covered text without white space, and label of each span, sorted."""
    return sorted((s.text, "".join(example.covered(s).split()), s.label) for s in example.spans)
