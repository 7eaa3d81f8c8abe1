"""Attention of the embedded model on our own short sentences; subwords with exact offsets."""

import pytest

from tests.alignment.bitexts import SCRIPT_PAIRS
from xltpipe.alignment import Attention
from xltpipe.alignment.proportional import windows
from xltpipe.alignment.subwords import BETWEEN, Cutter, normalise
from xltpipe.errors import RecipeError
from xltpipe.text import tokenise
from xltpipe.translation.models import find_model
from xltpipe.types import Alignment, Words

MODEL = find_model("embedded")
STEPS = ("nfkc", "plain_punctuation", "spaced_inversion")


@pytest.fixture(scope="module")
def aligner():
    return Attention().build(None, "eng", "spa", MODEL)


@pytest.mark.parametrize(
    ("source", "target", "some"),
    [
        ("The red house is big.", "La casa roja es grande.", {(0, 0), (1, 2), (2, 1), (4, 4)}),
        (
            "My sister lives in Boston.",
            "Mi hermana vive en Boston.",
            {(0, 0), (1, 1), (2, 2), (4, 4)},
        ),
        ("I want a new car.", "Quiero un coche nuevo.", {(2, 1), (3, 3), (4, 2)}),
    ],
)
def test_links_words(aligner, source, target, some):
    alignment = aligner.align([(tokenise(source), tokenise(target))])[0]
    assert some <= set(alignment.links)
    assert len(alignment.scores) == len(alignment.links)
    assert all(0 < score <= 1 for score in alignment.scores)


def test_other_direction_gives_the_same_links(aligner):
    source, target = tokenise("The red house is big."), tokenise("La casa roja es grande.")
    turned = Attention().build(None, "spa", "eng", MODEL).align([(target, source)])[0]
    links = aligner.align([(source, target)])[0].links
    assert sorted((i, j) for j, i in turned.links) == list(links)


def test_scripts_and_empty_sides(aligner):
    found = aligner.align(SCRIPT_PAIRS)
    assert len(found) == len(SCRIPT_PAIRS)
    for (source, target), alignment in zip(SCRIPT_PAIRS, found, strict=True):
        assert all(i < len(source) and j < len(target) for i, j in alignment.links)
    assert [found[k].links for k in (5, 6, 7)] == [(), (), ()]
    assert aligner.align([]) == []


def test_long_pairs_are_windowed(aligner):
    sentences = [
        ("The red house is big.", "La casa roja es grande."),
        ("My sister lives in Boston.", "Mi hermana vive en Boston."),
        ("I want a new car.", "Quiero un coche nuevo."),
    ]
    alone = [aligner.align([(tokenise(s), tokenise(t))])[0].links for s, t in sentences]
    many = [sentences[k % 3] for k in range(20)]
    expected, before = set(), [0, 0]
    for k, pair in enumerate(many):
        expected |= {(i + before[0], j + before[1]) for i, j in alone[k % 3]}
        before = [n + len(tokenise(text)) for n, text in zip(before, pair, strict=True)]
    long = tuple(tokenise(" ".join(pair[side] for pair in many)) for side in (0, 1))
    aligner = Attention().build(None, "eng", "spa", MODEL)
    found = set(aligner.align([long])[0].links)
    assert (aligner.windowed, aligner.skipped) == (1, 0)
    assert len(found & expected) >= 0.6 * len(expected)
    assert len(found & expected) >= 0.7 * len(found)
    unwindowed = Attention(longest=1000).build(None, "eng", "spa", MODEL)
    assert len(set(unwindowed.align([long])[0].links) & expected) < len(found & expected)


def test_same_links_whatever_the_batch():
    pairs = [*SCRIPT_PAIRS, (tokenise("the house " * 40), tokenise("la casa " * 40))]
    found = [
        [
            one.links
            for one in Attention(batch_size=size).build(None, "eng", "spa", MODEL).align(pairs)
        ]
        for size in (1, 64)
    ]
    assert found[0] == found[1]


def test_a_word_that_does_not_fit_is_counted_not_raised():
    aligner = Attention().build(None, "eng", "spa", MODEL)
    giant = Words("x" * 300, ((0, 300),))
    assert aligner.align([(giant, tokenise("la casa"))])[0].links == ()
    assert (aligner.windowed, aligner.skipped) == (0, 1)


@pytest.mark.parametrize(("sizes", "parts"), [((10, 10), 3), ((7, 100), 5), ((1, 30), 4)])
def test_windows_share_out_the_links(sizes, parts):
    pair = tuple(tokenise("a " * size) for size in sizes)
    seen = []
    for window in windows(pair, parts):
        inner = [(i, j) for i in range(len(window.pair[0])) for j in range(len(window.pair[1]))]
        seen += window.kept(Alignment(tuple(inner), (1.0,) * len(inner)))
    assert len(seen) == len(set(seen))
    near = {
        (i, j)
        for i in range(sizes[0])
        for j in range(sizes[1])
        if abs((i + 0.5) / sizes[0] - (j + 0.5) / sizes[1]) < 1 / parts
    }
    assert near <= set(seen)


def test_what_the_model_lacks():
    with pytest.raises(RecipeError, match="must translate between eng and deu"):
        Attention().build(None, "eng", "deu", MODEL)
    with pytest.raises(RecipeError, match="must have a CTranslate2 model"):
        Attention().build(None, "eng", "spa")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("¿Qué “tal”?", '¿ Qué "tal"?'),
        ("  a\u00a0 b\n", " a b "),
        ("ﬁn ½ ＡＢ", "fin 1⁄2 AB"),
        ("¡¿Cómo?!", "¡ ¿ Cómo?!"),
        ("हिन्दी 👩‍👩‍👧", "हिन्दी 👩‍👩‍👧"),
        ("", ""),
    ],
)
def test_normalise(text, normal):
    words = tokenise(text)
    found, owners = normalise(words, STEPS)
    assert found.strip() == normal.strip()
    assert len(owners) == len(found)
    assert {owner for owner in owners if owner != BETWEEN} == set(range(len(words)))


def test_other_models_get_their_text_as_it_is():
    assert normalise(tokenise("¿Qué ﬁn?"), ())[0] == "¿Qué ﬁn?"


def test_every_piece_knows_its_word():
    words = Words("¿Dónde, señor Okafor?", ((0, 7), (8, 13), (14, 21)))
    cut = Cutter(MODEL / "spm.model", STEPS).cut(words)
    owners = [int(row.argmax()) for row in cut.shares if row.sum()]
    assert owners == sorted(owners)
    assert set(owners) == {0, 1, 2}
    assert "".join(cut.pieces).replace("▁", "") == "¿Dónde,señorOkafor?"
