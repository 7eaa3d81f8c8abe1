"""Ensembles of aligners whose links are known, and of real ones."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.alignment.bitexts import SCRIPT_PAIRS, TOY, TOY_LINKS
from xltpipe.alignment import HMM, AlignerSpec, Ensemble, Lexical
from xltpipe.alignment.ensemble_aligner import EnsembleAligner
from xltpipe.alignment.symmetrise import grow
from xltpipe.errors import DataError, RecipeError
from xltpipe.text import tokenise
from xltpipe.types import Alignment

PAIR = (tokenise("a b c d"), tokenise("w x y z"))


class Known:
    """Says what it was told to; an aligner that skipped and windowed something."""

    skipped, windowed = 1, 2

    def __init__(self, **links):
        # ab=.5 means the first source word, the second target word
        places = {("abcd".index(k[0]), "abcd".index(k[1])): v for k, v in links.items()}
        self.alignment = Alignment(tuple(sorted(places)), tuple(places[k] for k in sorted(places)))

    def align(self, pairs):
        return [self.alignment] * len(pairs)


def together(members, how, floor, weights=None, partial=None):
    aligner = EnsembleAligner(
        members,
        partial=partial or [False] * len(members),
        weights=weights or [1.0] * len(members),
        how=how,
        floor=floor,
    )
    found = aligner.align([PAIR])[0]
    return {
        "abcd"[i] + "abcd"[j]: pytest.approx(score)
        for (i, j), score in zip(found.links, found.scores, strict=True)
    }


def test_mean():
    members = [Known(aa=0.9, bb=0.4, cd=1.0), Known(aa=0.7, bb=0.5)]
    assert together(members, "mean", 0.5) == {"aa": 0.8, "cd": 0.5}
    assert together(members, "mean", 0.4) == {"aa": 0.8, "bb": 0.45, "cd": 0.5}
    assert together(members, "mean", 0.5, weights=[3, 1]) == {"aa": 0.85, "cd": 0.75}


def test_a_partial_member_abstains_from_words_that_it_does_not_link():
    members = [Known(aa=0.6, bb=0.6, bc=0.6), Known(bb=1.0)]
    assert together(members, "mean", 0.5) == {"bb": 0.8}
    assert together(members, "mean", 0.5, partial=[False, True]) == {"aa": 0.6, "bb": 0.8}


def test_votes():
    members = [Known(aa=0.9, bb=0.1), Known(aa=0.9, cc=1.0), Known(bb=0.2, cc=1.0, dd=1.0)]
    assert set(together(members, "votes", 2)) == {"aa", "bb", "cc"}
    assert set(together(members, "votes", 3)) == set()
    assert set(together(members, "votes", 2, weights=[1, 1, 2])) == {"aa", "bb", "cc", "dd"}
    assert together(members, "votes", 2)["aa"] == 0.6
    # 0.7 + 0.1 is 0.7999999999999999
    assert "aa" in together(members, "votes", 0.8, weights=[0.7, 0.1, 0.1])


def test_intersect_grow():
    members = [Known(aa=1.0, bb=1.0, ab=1.0, dd=1.0), Known(aa=1.0, bc=1.0)]
    # (a,b) and (b,b) touch what both have, (b,c) touches these; (d,d) touches nothing
    assert set(together(members, "intersect_grow", 0)) == {"aa", "ab", "bb", "bc"}
    assert grow({(0, 0)}, {(0, 0), (1, 1), (5, 5)}) == {(0, 0), (1, 1)}
    assert grow(set(), {(0, 0)}) == set()


def test_what_lexical_is_silent_about_needs_the_others_only():
    members = [Known(aa=1.0, bb=1.0), Known(aa=1.0)]
    assert set(together(members, "intersect_grow", 0)) == {"aa", "bb"}  # by growing
    members = [Known(aa=1.0, dd=1.0), Known(aa=1.0)]
    assert set(together(members, "intersect_grow", 0)) == {"aa"}
    silent = together(members, "intersect_grow", 0, partial=[False, True])
    assert set(silent) == {"aa", "dd"}


def test_members_without_scores_are_sure():
    sure = Known(aa=1.0)
    sure.alignment = Alignment(((0, 0),))
    assert together([sure, Known(bb=1.0)], "mean", 0.5) == {"aa": 0.5, "bb": 0.5}


def test_counts_of_members_are_seen():
    aligner = EnsembleAligner(
        [Known(), Known()], partial=[False] * 2, weights=[1.0] * 2, how="mean", floor=0.5
    )
    assert (aligner.skipped, aligner.windowed) == (2, 4)


def test_a_member_that_loses_pairs_is_caught():
    class Lossy(Known):
        def align(self, pairs):
            return []

    with pytest.raises(DataError, match="one result per input"):
        together([Known(), Lossy()], "mean", 0.5)


def test_trains_and_aligns(tmp_path):
    spec = Ensemble(members=(HMM(threshold=0.05), HMM(ibm1=2, threshold=0.05), Lexical()))
    spec.train(iter([*TOY, *SCRIPT_PAIRS]), tmp_path / "m")  # a stream is read once
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        "0-hmm",
        "1-hmm",
        "settings.json",
    ]
    notes = json.loads((tmp_path / "m" / "settings.json").read_bytes())["notes"]
    assert notes["0-hmm.empty"] == notes["1-hmm.empty"] == 3
    aligner = spec.build(tmp_path / "m", "eng", "spa")
    pairs = [*TOY[:3], *SCRIPT_PAIRS]
    found = aligner.align(pairs)
    assert set(found[0].links) == TOY_LINKS
    assert [found[3 + k].links for k in (5, 6, 7)] == [(), (), ()]
    alone = [aligner.align([pair])[0] for pair in pairs]
    assert [one.links for one in found] == [one.links for one in alone]
    assert aligner.align([]) == []
    with pytest.raises(DataError):
        spec.build(tmp_path / "nowhere", "eng", "spa")


def test_trained_only_if_a_member_is(tmp_path):
    assert Ensemble().trained
    spec = Ensemble(members=(Lexical(), Lexical(romanisation="none")))
    assert not spec.trained
    assert spec.build(None, "eng", "spa").align([PAIR])[0].links == ()


def test_settings():
    spec = TypeAdapter(AlignerSpec).validate_python(
        {"kind": "ensemble", "members": [{"kind": "hmm"}, {"kind": "lexical"}], "weights": [1, 2]}
    )
    assert spec.shares() == (1, 2)
    assert hash(spec) == hash(spec.model_copy())
    assert Ensemble().shares() == (1.0, 0.6)
    assert Ensemble(how="votes").shares() == (1.0, 1.0)
    assert Ensemble(how="votes", weights=(0.7, 0.1), least=0.8).least == 0.8
    for wrong, why in (
        ({"members": [{"kind": "hmm"}]}, "at least 2"),
        ({"members": [{"kind": "hmm"}, {"kind": "auto"}]}, "auto"),
        ({"members": [{"kind": "hmm"}, {"kind": "ensemble"}]}, "ensemble"),
        ({"weights": [1]}, "one entry per member, was: 1 for 2"),
        ({"how": "votes", "least": 3}, r"in reach of all votes together \(2\), was: 3"),
    ):
        with pytest.raises(ValidationError, match=why):
            Ensemble.model_validate(wrong)


def test_identity_holds_the_members(tmp_path):
    bitext = tmp_path / "extra.tsv"
    bitext.write_text("house\tcasa\n")
    spec = Ensemble(members=(HMM(extra=(bitext,)), Lexical()))
    one = spec.identity()
    assert one["members"][0]["extra.0!"] == HMM(extra=(bitext,)).fingerprint()["extra.0"]
    bitext.write_text("house\tmesa\n")
    assert spec.identity() != one
    assert Ensemble().identity() != Ensemble(members=(HMM(), Lexical())).identity()


def test_check_asks_every_member():
    with pytest.raises(RecipeError, match="folder or a hub name"):
        TypeAdapter(AlignerSpec).validate_python(
            {
                "kind": "ensemble",
                "members": [{"kind": "lexical"}, {"kind": "simalign", "model": "/no/such/folder"}],
            }
        ).identity()
