"""Long texts cut into sentences that belong together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.projection.texts import COLLISIONS, WORDS
from xltpipe.projection.passages import PassageAligner, part, passages
from xltpipe.protocols import Pair
from xltpipe.text import tokenise
from xltpipe.types import Alignment

CUT = [
    (
        "One dog barks. Two cats sleep on it. Three!",
        "Un perro ladra. Dos gatos duermen en ello. ¡Tres!",
        [
            ("One dog barks.", "Un perro ladra."),
            ("Two cats sleep on it.", "Dos gatos duermen en ello."),
            ("Three!", "¡Tres!"),
        ],
    ),
    # one sentence made of two
    (
        "The river rose all night. Then it fell again quickly. Nobody had seen that before.",
        "El río creció toda la noche y luego bajó otra vez muy deprisa. Nadie lo había visto antes.",
        [
            (
                "The river rose all night. Then it fell again quickly.",
                "El río creció toda la noche y luego bajó otra vez muy deprisa.",
            ),
            ("Nobody had seen that before.", "Nadie lo había visto antes."),
        ],
    ),
    # abbreviations and numbers before small letters and digits cut nothing by themselves
    (
        "It cost 3.5 m. at most.",
        "Costó 3,5 m. como mucho.",
        [("It cost 3.5 m. at most.", "Costó 3,5 m. como mucho.")],
    ),
    (
        "王芳在北京工作。她很忙。",
        "Wang Fang works in Beijing. She is busy.",
        [("王芳在北京工作。", "Wang Fang works in Beijing."), ("她很忙。", "She is busy.")],
    ),
    (
        "सीता आई। वह गई।",
        "Sita came. She went.",
        [("सीता आई।", "Sita came."), ("वह गई।", "She went.")],
    ),
    (
        "First line\nSecond line",
        "Primera línea\nSegunda línea",
        [("First line", "Primera línea"), ("Second line", "Segunda línea")],
    ),
]


@pytest.mark.parametrize(("source", "target", "expected"), CUT)
def test_sentences_go_with_their_counterparts(
    source: str, target: str, expected: list[tuple[str, str]]
) -> None:
    ours, theirs = tokenise(source), tokenise(target)

    def text(words: object) -> str:
        return words.text[words.bounds[0][0] : words.bounds[-1][1]]

    found = passages(ours, theirs)
    assert [(text(part(ours, p.source)), text(part(theirs, p.target))) for p in found] == expected


class First:
    """Links the first words of each pair and remembers how many pairs it was given."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        self.given.append(len(pairs))
        return [
            Alignment(((0, 0),), (0.5,)) if a.bounds and b.bounds else Alignment(())
            for a, b in pairs
        ]


def test_links_count_words_of_the_whole_text() -> None:
    long = (
        tokenise("A dog barks. Two cats sleep."),
        tokenise("Un perro ladra. Dos gatos duermen."),
    )
    short = (tokenise("Hello"), tokenise("Hola"))
    inner = First()
    found = PassageAligner(inner, 5).align([long, short, (tokenise(""), tokenise("x"))])
    assert found == [
        Alignment(((0, 0), (4, 4)), (0.5, 0.5)),
        Alignment(((0, 0),), (0.5,)),
        Alignment(()),
    ]
    assert inner.given == [4]
    assert PassageAligner(inner, 5).align([]) == []


@settings(deadline=None, max_examples=60)
@given(*[st.lists(st.sampled_from(WORDS + COLLISIONS), max_size=30)] * 2)
def test_passages_ascend_and_stay_inside(one: list[str], other: list[str]) -> None:
    ours, theirs = tokenise(" ".join(one)), tokenise(" ".join(other))
    ends = (0, 0)
    for p in passages(ours, theirs):
        assert p.source[0] < p.source[1] or not ours.bounds or not theirs.bounds
        assert p.source[0] >= ends[0]
        assert p.target[0] >= ends[1]
        ends = (p.source[1], p.target[1])
    assert ends[0] <= len(ours)
    assert ends[1] <= len(theirs)
