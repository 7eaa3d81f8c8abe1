"""SimAlign with a tiny encoder of random weights, against the package on the same encoder."""

from importlib.util import find_spec

import pytest

from tests.alignment.bitexts import SCRIPT_PAIRS
from tests.alignment.tiny_encoder import write_encoder
from xltpipe.alignment import SimAlign
from xltpipe.errors import MissingExtraError, RecipeError
from xltpipe.text import tokenise
from xltpipe.types import Words

LONG = (tokenise("the red house " * 50), tokenise("la casa roja " * 60))
PAIRS = [*SCRIPT_PAIRS, (tokenise("the red house is big"), tokenise("la casa roja es grande"))]


def test_spec_needs_no_package():
    assert SimAlign().fingerprint() == {"model": "bert-base-multilingual-cased"}
    assert SimAlign(model="owner/name").identity()["model!"] == "owner/name"
    assert SimAlign(batch_size=3).identity() == SimAlign().identity()
    with pytest.raises(RecipeError, match="folder or a hub name"):
        SimAlign(model="./nowhere").fingerprint()


def test_missing():
    if find_spec("simalign"):
        pytest.skip("simalign is installed")
    with pytest.raises(MissingExtraError, match=r"xltpipe\[simalign\]"):
        SimAlign().check()


@pytest.fixture(scope="module")
def package():
    return pytest.importorskip("simalign", reason="needs simalign")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("bert"))


def built(folder, **settings):
    return SimAlign(model=str(folder), layer=1, **settings).build(None, "eng", "spa")


@pytest.mark.parametrize(
    ("matching", "letter", "theirs"),
    [
        ("inter", "a", "inter"),
        ("itermax", "i", "itermax"),
        ("forward", "r", "rev"),  # their direction is named after the side that chooses
        ("reverse", "f", "fwd"),
        ("match", "m", "mwmf"),
    ],
)
@pytest.mark.parametrize("level", ["subword", "word"])
@pytest.mark.parametrize("distortion", [0.0, 0.5])
def test_links_are_those_of_the_package(
    package, folder, matching, letter, theirs, level, distortion
):
    aligner = built(folder, matching=matching, level=level, distortion=distortion)
    reference = package.SentenceAligner(
        str(folder), "bpe" if level == "subword" else "word", distortion, letter, layer=1
    )
    for source, target in (
        ("the red house is big", "la casa roja es grande"),
        ("the house", "la casa roja es"),
        ("big red red", "grande roja"),
    ):
        ours = aligner.align([(tokenise(source), tokenise(target))])[0]
        expected = reference.get_word_aligns(source.split(), target.split())[theirs]
        assert [tuple(map(int, link)) for link in expected] == list(ours.links)


@pytest.mark.parametrize("matching", ["inter", "itermax", "forward", "reverse", "match"])
def test_scripts_and_empty_sides(package, folder, matching):
    found = built(folder, matching=matching).align(PAIRS)
    assert len(found) == len(PAIRS)
    for (source, target), one in zip(PAIRS, found, strict=True):
        assert list(one.links) == sorted(set(one.links))
        assert all(i < len(source) and j < len(target) for i, j in one.links)
        assert all(0 <= score <= 1 for score in one.scores)
    assert [found[k].links for k in (5, 6, 7)] == [(), (), ()]


def test_same_links_whatever_the_batch(package, folder):
    pairs = [*PAIRS, LONG]
    one_by_one = [built(folder, batch_size=1).align([pair])[0].links for pair in pairs]
    for size in (2, 64):
        assert [one.links for one in built(folder, batch_size=size).align(pairs)] == one_by_one


def test_equal_texts_are_linked_word_by_word(package, folder):
    words = tokenise("the red house is big")
    assert built(folder, matching="inter").align([(words, words)])[0].links == tuple(
        (k, k) for k in range(5)
    )


def test_long_texts_are_windowed_not_cut(package, folder):
    aligner = built(folder, matching="reverse")
    found = aligner.align([LONG, PAIRS[-1]])
    assert {i for i, _ in found[0].links} == set(range(len(LONG[0])))
    assert (aligner.windowed, aligner.skipped) == (1, 0)
    encoder = aligner.encoder
    assert encoder.room == 20
    whole = encoder.embed([LONG[0]])[0]
    assert len(whole.vectors) == len(whole.owners)
    assert {word for own in whole.owners for word in own} == set(range(len(LONG[0])))
    short = encoder.embed([tokenise("the red house")])[0]
    assert short.windows == 1 < whole.windows
    assert whole.vectors.shape[1] == short.vectors.shape[1]


def test_one_word_longer_than_the_model(package, folder):
    giant = Words("x" * 100 + "house", ((0, 105),))
    aligner = built(folder, matching="inter")
    assert aligner.align([(giant, giant)])[0].links == ((0, 0),)
    spaces = Words(" " * 5, ())
    assert aligner.align([(spaces, giant)])[0].links == ()


def test_pieces_across_words(package, folder):
    """A word of the tokenizer may be several of ours: each gets the link."""
    glued = Words("redhouse", ((0, 3), (3, 8)))
    links = built(folder, matching="reverse").align([(glued, glued)])[0].links
    assert {i for i, _ in links} == {0, 1}


def test_too_long_even_so(package, folder, monkeypatch):
    monkeypatch.setattr("xltpipe.alignment.simalign_aligner.MAX_CELLS", 10)
    aligner = built(folder)
    assert aligner.align([PAIRS[-1]])[0].links == ()
    assert (aligner.windowed, aligner.skipped) == (0, 1)


def test_what_the_model_lacks(package, folder, tmp_path):
    with pytest.raises(RecipeError, match="layer of simalign must be at most 2"):
        SimAlign(model=str(folder), layer=3).build()
    with pytest.raises(RecipeError, match="config, fast tokenizer and safetensors"):
        SimAlign(model=str(tmp_path)).build()
    one = SimAlign(model=str(folder)).identity()
    assert one["model!"] != str(folder)
    assert "model" not in one
