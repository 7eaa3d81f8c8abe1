"""What a run sets for Prefect before it is loaded."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from xltpipe.cli.environment import settle

NAMES = ("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "PREFECT_LOGGING_INTERNAL_LEVEL")


@pytest.mark.parametrize(
    ("verbose", "levels"), [(False, ["CRITICAL", "CRITICAL"]), (True, ["INFO", "ERROR"])]
)
def test_prefect_is_quiet_unless_asked(
    *, verbose: bool, levels: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that goes away is one error, and nothing of services beside the run."""
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(logging, "raiseExceptions", True)
    settle(str(tmp_path), verbose=verbose)
    assert [os.environ[name] for name in NAMES] == levels
    assert logging.raiseExceptions is verbose
    os.environ[NAMES[1]] = "DEBUG"
    settle(str(tmp_path), verbose=verbose)
    assert os.environ[NAMES[1]] == "DEBUG"  # what the user set stays
