"""fast_align: our reading of the package's model against the package itself."""

import json
import math

import numpy as np
import pytest

from tests.alignment.bitexts import SCRIPT_PAIRS, TOY
from xltpipe.alignment import FastAlign
from xltpipe.alignment.fast_align_model import Table, joint
from xltpipe.alignment.plain import spelled
from xltpipe.errors import DataError
from xltpipe.text import tokenise

package = pytest.importorskip("systran_align", reason="needs systran-align")

UNKNOWN = (tokenise("Ana sees a zebra"), tokenise("Ana ve una cebra"))
LONG = (tokenise("house " * 1001), tokenise("casa"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("fast") / "m"
    FastAlign().train([*TOY, *SCRIPT_PAIRS, LONG], home)
    return home


def test_a_zero_in_a_word_does_not_break_the_model(tmp_path):
    pair = (tokenise("the a\0b \0 house"), tokenise("la a\0b \0 casa"))
    assert spelled(pair[0])[-2:] == ["_", "house"]
    assert not any("\0" in word for side in pair for word in spelled(side))
    FastAlign().train([pair, *TOY], tmp_path / "m")
    (found,) = FastAlign().build(tmp_path / "m", "eng", "spa").align([pair])
    assert found.links


def test_links(home):
    notes = json.loads((home / "settings.json").read_bytes())["notes"]
    assert notes == {"used": len(TOY) + len(SCRIPT_PAIRS) - 3, "empty": 3, "too_long": 1}
    aligner = FastAlign().build(home, "eng", "spa")
    found = aligner.align([*TOY[:3], *SCRIPT_PAIRS, LONG])
    assert {(0, 0), (1, 1), (2, 2), (5, 5)} <= set(found[0].links)
    assert all(0 < score <= 1 for one in found for score in one.scores)
    assert [found[3 + k].links for k in (5, 6, 7)] == [(), (), ()]
    assert aligner.skipped == 1
    assert found[:3] == [aligner.align([pair])[0] for pair in TOY[:3]]


@pytest.mark.parametrize(("source", "target"), [*TOY[::20], UNKNOWN, SCRIPT_PAIRS[1]])
def test_probabilities_are_those_of_the_package(home, source, target):
    paths = [home / name for name in ("forward.probs", "backward.probs")]
    theirs = package.Aligner(*map(str, paths)).align(spelled(source), spelled(target))
    sides = (spelled(source), spelled(target))
    for path, (one, other), name in zip(
        paths, (sides, sides[::-1]), ("forward_log_prob", "backward_log_prob"), strict=True
    ):
        if not all(word in Table.read(path).ids for word in (*one, *other)):
            continue  # the package reads past its table there
        ours = float(np.log(joint(Table.read(path), one, other, 0.08).sum(axis=0)).sum())
        # the package adds a Poisson model of length around as many words and a twentieth
        mean, size = 0.05 + len(one), len(other)
        length = size * math.log(mean) - mean - math.lgamma(size + 1)
        assert ours + length == pytest.approx(theirs[name], abs=1e-3)


def test_grow_diag_final_and_gives_the_links_of_the_package(home):
    paths = [str(home / name) for name in ("forward.probs", "backward.probs")]
    ours = FastAlign(symmetrisation="grow_diag_final_and").build(home, "", "").align(TOY)
    engine = package.Aligner(*paths)
    for (source, target), found in zip(TOY, ours, strict=True):
        theirs = engine.align(spelled(source), spelled(target))["alignments"]
        assert set(found.links) == set(theirs)


@pytest.mark.parametrize("how", ["forward", "reverse", "intersection", "union"])
def test_directions(home, how):
    links = [
        set(one.links) for one in FastAlign(symmetrisation=how).build(home, "", "").align(TOY[:9])
    ]
    if how == "forward":
        assert all(len({j for _, j in one}) == len(one) for one in links)
    if how == "reverse":
        assert all(len({i for i, _ in one}) == len(one) for one in links)
    assert all(links)


def test_without_a_model(tmp_path):
    with pytest.raises(DataError, match="must have a pair"):
        FastAlign().train(SCRIPT_PAIRS[5:8], tmp_path / "none")
    with pytest.raises(DataError, match="must be trained"):
        FastAlign().build(tmp_path / "nowhere", "eng", "spa")
    for damage in (b"", b"\x01\0\0\0\x01\0\0\0", b"\x02\0\0\0\x05\0\0\0a\0"):
        for name in ("forward.probs", "backward.probs"):
            (tmp_path / name).write_bytes(damage)
        with pytest.raises(DataError, match=r"must be a file of systran-align 3\.5"):
            FastAlign().build(tmp_path, "eng", "spa")
