"""The HMM aligner: learns a toy language, stores itself, and never fails on odd input."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from tests.alignment.bitexts import SCRIPT_PAIRS, TOY, TOY_LINKS
from xltpipe.alignment import HMM, hmm_aligner
from xltpipe.alignment.bitext import buckets, read_bitext, read_corpus, thin
from xltpipe.alignment.hmm_parameters import load
from xltpipe.alignment.similarity import signatures, similarity
from xltpipe.errors import DataError, RecipeError
from xltpipe.text import tokenise
from xltpipe.types import Words


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    home = tmp_path_factory.mktemp("hmm") / "model"
    HMM().train(iter(TOY), home)
    return home


def build(home, **settings):
    return HMM(**settings).build(home, "eng", "spa")


def test_learns_words_and_order(toy):
    for alignment in build(toy).align(TOY):
        assert set(alignment.links) == TOY_LINKS
        assert len(alignment.scores) == len(alignment.links)
        assert all(0.8 < score <= 1 for score in alignment.scores)


@pytest.mark.parametrize(
    "how",
    ["forward", "reverse", "intersection", "union", "grow_diag_final_and", "geometric_mean"],
)
def test_every_symmetrisation(toy, how):
    found = build(toy, symmetrisation=how).align(TOY[:5])
    assert all(set(alignment.links) == TOY_LINKS for alignment in found)


def test_unknown_names_and_numbers_find_their_likes(toy):
    pair = (tokenise("Nakamura paints 1,250 houses"), tokenise("1,250 casas pinta Nakamura"))
    links = build(toy).align([pair])[0].links
    assert {(0, 3), (1, 2), (2, 0)} <= set(links)


def test_scripts_and_empty_sides(toy):
    found = build(toy).align(SCRIPT_PAIRS)
    assert len(found) == len(SCRIPT_PAIRS)
    for (source, target), alignment in zip(SCRIPT_PAIRS, found, strict=True):
        assert all(i < len(source) and j < len(target) for i, j in alignment.links)
        assert list(alignment.links) == sorted(set(alignment.links))
    assert [found[k].links for k in (5, 6, 7)] == [(), (), ()]


def test_training_on_many_scripts(tmp_path):
    HMM().train(SCRIPT_PAIRS * 3, tmp_path / "m")
    found = build(tmp_path / "m").align(SCRIPT_PAIRS)
    assert (3, 2) in found[1].links or found[1].links  # 東京 or 🗼 by likeness
    assert set(found[3].links) == {(0, 1), (1, 0)}


def test_training_twice_gives_the_same_bytes(toy, tmp_path):
    HMM().train(TOY, tmp_path / "again")
    names = sorted(file.name for file in toy.iterdir())
    assert names == ["parameters.npz", "settings.json", "vocabulary.json"]
    for name in names:
        assert (toy / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_pair_does_not_depend_on_its_batch(toy):
    aligner = build(toy)
    together = aligner.align(SCRIPT_PAIRS + TOY[:7])
    alone = [aligner.align([pair])[0] for pair in SCRIPT_PAIRS + TOY[:7]]
    assert [one.links for one in together] == [one.links for one in alone]


def test_no_training_text(tmp_path):
    HMM().train([], tmp_path / "empty")
    aligner = build(tmp_path / "empty")
    assert aligner.align([]) == []
    links = aligner.align([(tokenise("Ana 42"), tokenise("42 Ana"))])[0].links
    assert set(links) == {(0, 1), (1, 0)}


def test_long_sentences(toy, monkeypatch, tmp_path):
    long = tuple(tokenise(" ".join(pair[side].text for pair in TOY[:100])) for side in (0, 1))
    links = build(toy).align([long])[0].links
    assert set(links) == {(i + 6 * k, j + 6 * k) for i, j in TOY_LINKS for k in range(100)}
    monkeypatch.setattr(hmm_aligner, "MAX_CELLS", 1000)
    aligner = build(toy)
    assert aligner.align([long, TOY[0]])[0].links == ()
    assert aligner.skipped == 1
    HMM(max_words=100).train([*TOY, long], tmp_path / "m")
    assert '"too_long": 1' in (tmp_path / "m" / "settings.json").read_text()


def test_no_artefact(tmp_path):
    with pytest.raises(DataError, match="must be trained before it is built"):
        HMM().build(None, "eng", "spa")
    with pytest.raises(DataError, match="HMM artefact must be readable"):
        HMM().build(tmp_path, "eng", "spa")


def test_extra_text_teaches(tmp_path):
    few = TOY[:1]
    lines = "".join(f"{source.text}\t{target.text}\n" for source, target in TOY)
    (tmp_path / "extra.tsv.gz").write_bytes(gzip.compress(lines.encode()))
    spec = HMM(extra=(tmp_path / "extra.tsv.gz",))
    spec.train(few, tmp_path / "m")
    assert set(spec.build(tmp_path / "m", "eng", "spa").align(few)[0].links) == TOY_LINKS


def test_files_enter_the_identity_by_content(tmp_path):
    path = tmp_path / "extra.tsv"
    path.write_text("a\tb\n")
    before = HMM(extra=(path,)).identity()
    moved = path.rename(tmp_path / "moved.tsv")
    assert HMM(extra=(moved,)).identity() == before
    moved.write_text("a\tc\n")
    assert HMM(extra=(moved,)).identity() != before
    with pytest.raises(RecipeError, match="must be readable"):
        HMM(extra=(tmp_path / "none.tsv",)).identity()


def test_prior_helps_in_either_direction(toy, tmp_path):
    few = TOY[::108]
    for name, pairs, links in (
        ("same", few, TOY_LINKS),
        ("turned", [(t, s) for s, t in few], {(j, i) for i, j in TOY_LINKS}),
    ):
        spec = HMM(prior=toy)
        spec.train(pairs, tmp_path / name)
        for alignment in spec.build(tmp_path / name, "eng", "spa").align(pairs):
            assert set(alignment.links) == links


def test_swapped_twice_is_the_same(toy):
    model = load(toy)
    again = model.swapped().swapped()
    assert (again.codes == model.codes).all()
    assert (again.counts == model.counts).all()


def test_thin_is_even_and_bounded():
    assert thin(range(5), 10) == [0, 1, 2, 3, 4]
    assert thin(range(10), 5) == [0, 2, 4, 6, 8]
    many = thin(range(100_003), 100)
    assert len(many) == 100
    assert many[-1] > 98_000
    assert thin(range(3), 0) == []


def test_max_pairs_takes_own_text_first():
    corpus = read_corpus(TOY[:4], TOY, max_pairs=6, max_words=50)
    assert corpus.notes["used"] == 6
    assert corpus.notes["thinned"] == len(TOY) - 2


def test_buckets_hold_every_pair_once():
    pairs = [
        (np.arange(1, 1 + n, dtype=np.int32), np.arange(1, 1 + m, dtype=np.int32))
        for n in range(14)
        for m in (0, 1, 7, 40)
    ]
    rows = [row for bucket in buckets(pairs) for row in bucket.rows.tolist()]
    assert sorted(rows) == [k for k, (s, t) in enumerate(pairs) if len(s) and len(t)]


def test_bitext_without_tab(tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_text("a\tb\nno tab\n")
    with pytest.raises(DataError, match=r"source TAB target.*line 2"):
        list(read_bitext(path))


@pytest.mark.parametrize(
    ("left", "right", "low", "high"),
    [
        ("madrid", "madrid", 1, 1),
        ("restaurant", "restaurante", 0.8, 0.95),
        ("cat", "perro", 0, 0.2),
        ("東京", "東京", 1, 1),
        ("москва", "moscow", 0, 0.1),
        ("", "", 1, 1),
    ],
)
def test_similarity(left, right, low, high):
    value = similarity(signatures([left]), signatures([right]))[0]
    assert low <= value <= high


def test_repeated_words_keep_their_order(toy):
    source, target = (f"{TOY[0][side].text} {TOY[1][side].text}" for side in (0, 1))
    links = build(toy).align([(tokenise(source), tokenise(target))])[0].links
    assert set(links) == TOY_LINKS | {(i + 6, j + 6) for i, j in TOY_LINKS}


def test_words_with_glued_punctuation(toy):
    source = Words("the house.", ((0, 3), (4, 10)))
    target = Words("la casa.", ((0, 2), (3, 8)))
    assert set(build(toy).align([(source, target)])[0].links) == {(0, 0), (1, 1)}
    assert replace(source, text="the house!") != source
