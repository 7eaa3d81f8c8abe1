"""A few odd inputs for every parser; `benchmarks/fuzz.py` tries a hundred thousand.

What was found is held by tests of its own, beside those of the parsers and in test_findings.
"""

from __future__ import annotations

import logging
import zlib

import pytest

from tests.fuzz.running import run
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

EXAMPLES = 30


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_nothing_but_our_own_errors(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "xltpipe.store")  # set back afterwards
    tally = run(target, EXAMPLES, zlib.crc32(target.name.encode()))
    assert tally.uncaught == {}
    assert tally.inputs >= EXAMPLES


def test_a_fault_would_be_seen() -> None:
    def broken(data: bytes) -> int:
        return 1 // (len(data) % 2)

    inputs = next(t.inputs for t in TARGETS if t.name == "bitext")
    (found,) = run(Target("broken", inputs, broken), 40, 1).uncaught
    assert found.startswith("ZeroDivisionError at ")


def test_names_differ() -> None:
    names = [target.name for target in TARGETS]
    assert len(set(names)) == len(names) > 50
