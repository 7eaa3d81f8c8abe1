from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xltpipe.errors import DataError, RecipeError
from xltpipe.training.tag_grammar import Automaton, Chunk, TagGrammar

END = 0
# Few distinct tokens, so that words and tags begin alike all the time.
TOKENS = st.integers(min_value=1, max_value=4)
PIECES = st.lists(TOKENS, min_size=1, max_size=3).map(tuple)
WORDS = st.lists(PIECES, max_size=5)


@st.composite
def grammars(draw: st.DrawFn) -> TagGrammar:
    openings = draw(st.lists(PIECES, max_size=3, unique=True))
    return TagGrammar(openings, [draw(PIECES) for _ in openings], END)


def walk(automaton: Automaton, seed: int) -> list[int]:
    """An output by random logits, greedily; never longer than promised."""
    rng = random.Random(seed)
    states, out = automaton.start, []
    while allowed := automaton.allowed(states):
        assert allowed == sorted(set(allowed))
        token = max(allowed, key=lambda _: rng.random())
        states = automaton.follow(states, token)
        assert states
        out.append(token)
        assert len(out) <= automaton.longest
    return out


def check(grammar: TagGrammar, words: list[tuple[int, ...]], output: list[int]) -> None:
    """The output ends, and is the words with tags that are balanced, flat and not empty."""
    chunks = grammar.over(words).read(output)
    assert chunks is not None
    assert all(0 <= first < last <= len(words) for first, last, _ in chunks)
    assert all(a[1] <= b[0] for a, b in pairwise(chunks))
    assert grammar.write(words, chunks) == output
    assert output.count(END) == 1
    assert output[-1] == END


@given(grammars(), WORDS, st.integers(0, 999))
@settings(deadline=None)
def test_every_walk_writes_the_words_with_sound_tags(
    grammar: TagGrammar, words: list[tuple[int, ...]], seed: int
) -> None:
    check(grammar, words, walk(grammar.over(words), seed))


@given(grammars(), WORDS, st.integers(0, 999), st.integers(0, 12))
@settings(deadline=None)
def test_every_walk_keeps_to_its_limit(
    grammar: TagGrammar, words: list[tuple[int, ...]], seed: int, more: int
) -> None:
    limit = sum(map(len, words)) + 1 + more
    automaton = grammar.over(words, limit)
    output = walk(automaton, seed)
    assert len(output) <= automaton.longest <= limit
    check(grammar, words, output)
    if not automaton.refused:
        assert output == walk(grammar.over(words), seed)


@given(grammars(), WORDS, st.data())
@settings(deadline=None)
def test_every_marking_can_be_written_and_read(
    grammar: TagGrammar, words: list[tuple[int, ...]], data: st.DataObject
) -> None:
    ends = sorted(data.draw(st.sets(st.integers(0, len(words)))))
    labels = st.integers(0, len(grammar.openings) - 1)
    chunks = [
        (first, last, data.draw(labels))
        for first, last in pairwise(ends)
        if grammar.openings and data.draw(st.booleans())
    ]
    output = grammar.write(words, chunks)
    automaton = grammar.over(words)
    states = automaton.start
    for token in output:
        assert token in automaton.allowed(states)
        states = automaton.follow(states, token)
    assert automaton.allowed(states) == []
    check(grammar, words, output)  # another marking may be written alike: see below


@given(grammars(), WORDS, st.lists(st.integers(0, 4), max_size=12))
@settings(deadline=None)
def test_what_is_read_is_what_is_allowed(
    grammar: TagGrammar, words: list[tuple[int, ...]], tokens: list[int]
) -> None:
    automaton = grammar.over(words)
    states = automaton.start
    for token in tokens:
        states = automaton.follow(states, token)
    finished = bool(states) and not automaton.allowed(states)
    assert (automaton.read(tokens) is not None) == finished


@given(grammars(), WORDS, st.integers(0, 999))
@settings(deadline=None, max_examples=30)
def test_the_rules_told_another_way(
    grammar: TagGrammar, words: list[tuple[int, ...]], seed: int
) -> None:
    """All outputs of short inputs, listed by hand, are those that the automaton has."""
    words = words[:2]
    listed = {tuple(grammar.write(words, chunks)) for chunks in markings(grammar, words)}
    automaton = grammar.over(words)
    found, fringe = set(), [((), automaton.start)]
    while fringe:
        tokens, states = fringe.pop()
        following = automaton.allowed(states)
        if not following:
            found.add(tokens)
        fringe += [((*tokens, t), automaton.follow(states, t)) for t in following]
    assert found == listed


def markings(grammar: TagGrammar, words: list[tuple[int, ...]]) -> list[list[Chunk]]:
    labels = range(len(grammar.openings))
    single = [[(i, i + 1, a)] for i in range(len(words)) for a in labels]
    if len(words) < 2:
        return [[], *single]
    both = [[(0, 2, a)] for a in labels]
    apart = [[(0, 1, a), (1, 2, b)] for a in labels for b in labels]
    return [[], *single, *both, *apart]


A, B = (7,), (8, 9)  # the opening tags; 17 and 18, 9 close
GRAMMAR = TagGrammar([A, B], [(17,), (18, 9)], END)


@pytest.mark.parametrize(
    ("output", "chunks"),
    [
        ([1, 2, 3, 0], []),
        ([7, 1, 2, 17, 3, 0], [(0, 1, 0)]),
        ([7, 1, 2, 17, 8, 9, 3, 18, 9, 0], [(0, 1, 0), (1, 2, 1)]),
        ([7, 1, 2, 17, 7, 3, 17, 0], [(0, 1, 0), (1, 2, 0)]),
        ([8, 9, 1, 2, 3, 18, 9, 0], [(0, 2, 1)]),
        ([1, 2, 3], None),  # no end
        ([1, 2, 0], None),  # a word is missing
        ([1, 2, 3, 3, 0], None),  # one too many
        ([1, 2, 4, 0], None),  # another word
        ([7, 17, 1, 2, 3, 0], None),  # nothing inside
        ([7, 1, 17, 2, 3, 0], None),  # inside a word
        ([1, 7, 2, 17, 3, 0], None),
        ([7, 1, 2, 3, 0], None),  # not closed
        ([7, 1, 2, 18, 9, 3, 0], None),  # closed as another
        ([7, 1, 2, 8, 9, 3, 18, 9, 17, 0], None),  # nested
        ([1, 2, 3, 17, 0], None),
        ([8, 1, 2, 18, 9, 3, 0], None),  # half a tag
        ([7, 1, 2, 17, 3, 0, 0], None),
        ([], None),
    ],
)
def test_outputs_are_read_or_refused(output: list[int], chunks: list[Chunk] | None) -> None:
    assert GRAMMAR.over([(1, 2), (3,)]).read(output) == chunks


def test_words_that_look_like_tags() -> None:
    automaton = GRAMMAR.over([(8,), (8, 9), (5,)])
    assert automaton.allowed(automaton.start) == [7, 8]
    states = automaton.follow(automaton.start, 8)  # the first word, or half of the tag
    assert len(states) == 2
    assert automaton.allowed(states) == [7, 8, 9]
    assert automaton.read([8, 9, 8, 8, 9, 18, 9, 5, 0]) == [(0, 2, 1)]
    assert automaton.read([8, 8, 9, 8, 9, 18, 9, 5, 0]) == [(1, 2, 1)]
    assert automaton.read([8, 8, 9, 5, 0]) == []


def test_two_readings_of_one_output() -> None:
    automaton = TagGrammar([(7,)], [(17,)], END).over([(7,), (1,), (17,)])
    output = [7, 7, 1, 17, 17, 0]
    assert automaton.read(output) == [(1, 3, 0)]  # copies 7 before it opens, 17 before it closes


def test_no_words() -> None:
    automaton = GRAMMAR.over([])
    assert automaton.allowed(automaton.start) == [END]
    assert automaton.longest == 1
    assert automaton.read([END]) == []


def test_room_for_tags() -> None:
    words = [(1, 2), (3,)]
    assert GRAMMAR.over(words).longest == 4 + 2 * 4
    tight = GRAMMAR.over(words, 6)
    assert tight.allowed(tight.start) == [1, 7]  # the longer tag would not fit
    assert tight.refused
    assert tight.read([7, 1, 2, 17, 3, 0]) == [(0, 1, 0)]
    assert tight.read([7, 1, 2, 17, 7, 3, 17, 0]) is None
    assert not GRAMMAR.over(words, 99).refused


@pytest.mark.parametrize(
    ("openings", "closings", "match"),
    [
        ([(1,), (1,)], [(2,), (3,)], "differ in their tokens"),
        ([(1,)], [], "one pair per label"),
        ([()], [(2,)], "must have tokens"),
        ([(1,)], [(END,)], r"not the one that ends an output \(0\)"),
    ],
)
def test_tags_must_be_told_apart(
    openings: list[tuple[int, ...]], closings: list[tuple[int, ...]], match: str
) -> None:
    with pytest.raises(RecipeError, match=match):
        TagGrammar(openings, closings, END)


@pytest.mark.parametrize("words", [[()], [(1,), (END,)]])
def test_words_must_be_copied(words: list[tuple[int, ...]]) -> None:
    with pytest.raises(DataError, match="Words must have tokens"):
        GRAMMAR.over(words)


def test_words_must_fit() -> None:
    with pytest.raises(DataError, match="must fit into 3 tokens with the end, was: 4"):
        GRAMMAR.over([(1, 2), (3,)], 3)
