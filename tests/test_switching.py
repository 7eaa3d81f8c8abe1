"""Code-switched examples: which words change, and that labels stay on theirs."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from xltpipe.protocols import Pair
from xltpipe.switching import switch
from xltpipe.types import Alignment, Example, Placement, Span, Unit


class Given:
    """An aligner whose links were told."""

    def __init__(self, links: Sequence[tuple[tuple[int, int], ...]]) -> None:
        self.links = links

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        assert len(pairs) == len(self.links)
        return [Alignment(links) for links in self.links]


def unit() -> Unit:
    source = Example("a", "eng", ("Ana Ruiz sees the red house",), (Span(0, 8, "PER"),))
    target = Example("a", "spa", ("Ana Ruiz ve la casa roja",), (Span(0, 8, "PER"),))
    return Unit(source, target, placements=(Placement(0, 0, "given"),))


LINKS = ((0, 0), (1, 1), (2, 2), (3, 3), (4, 5), (5, 4))


def test_all_that_can_be_switched_is() -> None:
    (made,) = switch([unit()], Given([LINKS]), 1.0, seed=1)
    # each word in its place: the order is the source's
    assert made.example.texts == ("Ana Ruiz ve la roja casa",)
    assert (made.words, made.of) == (6, 6)
    assert made.example.lang == "eng"


def test_a_word_linked_to_two_that_are_apart_stays() -> None:
    links = ((2, 2), (3, 3), (4, 5), (5, 3), (5, 4))
    (made,) = switch([unit()], Given([links]), 1.0, seed=1)
    # `the` and `house` share `la`
    assert made.example.texts == ("Ana Ruiz ve the roja house",)


def test_a_span_is_switched_as_a_whole_and_a_lost_one_stays() -> None:
    source = Example("a", "eng", ("The Nile is long",), (Span(0, 8, "LOC"),))
    target = Example("a", "spa", ("El río Nilo es largo",), (Span(3, 11, "LOC"),))
    placed = Unit(source, target, placements=(Placement(0, 0, "given"),))
    lost = Unit(source, target, placements=(Placement(0, None, "given", reason="no_alignment"),))
    links = ((0, 0), (1, 2), (2, 3), (3, 4))
    one, two = switch([placed, lost], Given([links, links]), 1.0, seed=1)
    assert one.example.texts == ("río Nilo es largo",)
    assert [one.example.covered(s) for s in one.example.spans] == ["río Nilo"]
    assert two.example.texts == ("The Nile es largo",)
    assert [two.example.covered(s) for s in two.example.spans] == ["The Nile"]


def test_the_seed_draws_and_the_order_of_rows_does_not_matter() -> None:
    many = [
        Unit(
            Example(f"r{n}", "eng", unit().source.texts, unit().source.spans),
            unit().target,
            placements=unit().placements,
        )
        for n in range(40)
    ]
    links = [LINKS] * 40
    first = switch(many, Given(links), 0.5, seed=1)
    assert first[::-1] == switch(many[::-1], Given(links), 0.5, seed=1)
    assert first != switch(many, Given(links), 0.5, seed=2)
    share = sum(one.words for one in first) / sum(one.of for one in first)
    assert 0.35 < share < 0.65


@given(st.data())
def test_spans_and_tokens_stay_on_their_words(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 7))
    words = [f"w{n}" for n in range(size)]
    order = data.draw(st.permutations(range(size)))
    text, there = " ".join(words), " ".join(f"x{n}y" for n in order)
    start = data.draw(st.integers(0, size - 1))
    a = text.index(words[start])
    spans = (Span(a, a + 2, "X"),)
    place = there.index(f"x{start}y")
    example = Example("a", "eng", (text,), spans)
    done = Unit(
        example,
        Example("a", "spa", (there,), (Span(place, place + 3, "X"),)),
        placements=(Placement(0, 0, "given"),),
    )
    links = tuple((n, order.index(n)) for n in range(size))
    share = data.draw(st.sampled_from([0.3, 0.6, 1.0]))
    (made,) = switch([done], Given([links]), share, data.draw(st.integers(0, 9)))
    new = made.example.texts[0].split()
    assert all(word in {f"w{n}", f"x{n}y"} for n, word in enumerate(new))
    assert [made.example.covered(s) for s in made.example.spans] == [new[start]]
    assert [made.example.texts[0][i:j] for i, j in made.example.tokens] == new
    assert made.words == sum(word.startswith("x") for word in new)
