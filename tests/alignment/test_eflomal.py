"""eflomal as the program it is; skipped where it is not installed."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.alignment.bitexts import SCRIPT_PAIRS, TOY, TOY_LINKS
from xltpipe.alignment import Eflomal
from xltpipe.alignment.eflomal_program import PROGRAMS
from xltpipe.errors import DataError, MissingExtraError, TransientError
from xltpipe.text import tokenise

needs_eflomal = pytest.mark.skipif(
    not (shutil.which(PROGRAMS[0]) or (Path(sys.executable).parent / PROGRAMS[0]).exists()),
    reason="needs eflomal",
)
LONG = (tokenise("house " * 1001), tokenise("casa"))


@needs_eflomal
def test_links_by_stored_priors(tmp_path):
    spec = Eflomal(scratch=tmp_path)
    spec.train([*TOY, *SCRIPT_PAIRS, LONG], tmp_path / "m")
    notes = json.loads((tmp_path / "m" / "settings.json").read_bytes())["notes"]
    assert notes == {"used": len(TOY) + len(SCRIPT_PAIRS) - 3, "empty": 3, "too_long": 1}
    aligner = spec.build(tmp_path / "m", "eng", "spa")
    found = aligner.align([*TOY[:3], *SCRIPT_PAIRS, LONG])
    assert len(TOY_LINKS & set(found[0].links)) >= 4
    assert set(found[0].scores) <= {0.5, 1.0}
    assert [found[3 + k].links for k in (5, 6, 7)] == [(), (), ()]
    assert found[-1].links == ()
    assert aligner.skipped == 1
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@needs_eflomal
def test_priors_are_carried_from_chunk_to_chunk(tmp_path):
    spec = Eflomal(chunk=60, samplers=1)
    spec.train(TOY, tmp_path / "m")
    lines = (tmp_path / "m" / "priors").read_text("utf-8").splitlines()
    assert {line.split("\t")[0] for line in lines} == {"LEX", "FERF", "FERR", "HMMF", "HMMR"}
    # the end of each sentence is a jump, and so is each target word with a link
    jumps = sum(float(line.split("\t")[-1]) for line in lines if line.startswith("HMMF"))
    assert jumps > 2 * len(TOY)
    found = spec.build(tmp_path / "m", "", "").align(TOY)
    right = sum(len(TOY_LINKS & set(one.links)) for one in found)
    assert right >= 0.75 * len(TOY_LINKS) * len(TOY)


@needs_eflomal
def test_nothing_to_learn_from(tmp_path):
    with pytest.raises(DataError, match="must have a pair"):
        Eflomal().train(SCRIPT_PAIRS[5:8], tmp_path / "none")
    with pytest.raises(DataError, match="must be trained"):
        Eflomal().build(tmp_path / "nowhere", "eng", "spa")


@pytest.mark.parametrize("use", [lambda s, home: s.check(), lambda s, home: s.train(TOY, home)])
def test_missing(tmp_path, monkeypatch, use):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingExtraError, match=r"xltpipe\[eflomal\]"):
        use(Eflomal(), tmp_path / "m")


def test_failing_program_is_named(tmp_path):
    for name in PROGRAMS:
        (tmp_path / name).write_text("#!/bin/sh\necho disk full >&2\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(TransientError, match="eflomal-align must succeed, was: disk full"):
        Eflomal(programs=tmp_path).train(TOY, tmp_path / "m")
