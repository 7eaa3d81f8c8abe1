"""Checkpoints: everything comes back as it was, and nothing in them runs."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from xltpipe.errors import DataError
from xltpipe.mt import checkpoint


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.where,)


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    matrix = torch.randn(3, 4)
    state = {
        "weights": {"a": matrix, "b": matrix, "c": matrix.T, "d": torch.tensor(2.5)},
        "optimisers": [
            {"state": {0: {"step": torch.tensor(3.0)}, 1: {}}, "groups": [{"lr": 1e-3}]}
        ],
        "half": torch.ones(2, dtype=torch.bfloat16),
        "draw": random.Random(1).getstate(),
        "at": {"best": None, "step": 7, "names": ("x", ["y"]), "fast": True, "snapshots": []},
    }
    checkpoint.save(state, tmp_path)
    back = checkpoint.load(tmp_path)
    assert back is not None
    assert back["weights"].keys() == state["weights"].keys()  # type: ignore[attr-defined]
    for name, tensor in state["weights"].items():  # type: ignore[attr-defined]
        assert torch.equal(back["weights"][name], tensor)
        assert back["weights"][name].dtype == tensor.dtype
    assert back["optimisers"][0]["state"].keys() == {0, 1}
    assert back["half"].dtype == torch.bfloat16
    assert back["at"] == state["at"]
    random.Random().setstate(back["draw"])
    assert back["draw"] == state["draw"]


def test_what_it_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="must hold tensors and plain values, was: set"):
        checkpoint.save({"a": {1, 2}}, tmp_path)
    assert checkpoint.load(tmp_path) is None


def test_a_checkpoint_of_before_is_read_and_replaced(tmp_path: Path) -> None:
    state = {
        "weights": {"a": torch.ones(2)},
        "draw": random.Random(1).getstate(),
        "at": {"step": 3},
    }
    torch.save(state, tmp_path / "checkpoint.pt")
    back = checkpoint.load(tmp_path)
    assert back is not None
    assert (back["draw"], back["at"]) == (state["draw"], state["at"])
    checkpoint.save(back, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [checkpoint.FILE]


@pytest.mark.parametrize("name", ["checkpoint.pt", checkpoint.FILE])
def test_what_would_run_does_not(tmp_path: Path, name: str) -> None:
    ran = tmp_path / "ran"
    torch.save({"at": Evil(ran)}, tmp_path / name)
    with pytest.raises(DataError, match="Checkpoint must be readable"):
        checkpoint.load(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Evil(ran)))
    with pytest.raises(DataError, match="Checkpoint must be readable"):
        checkpoint.load(tmp_path)
    assert not ran.exists()
    pickle.loads(pickle.dumps(Evil(ran)))  # noqa: S301 - so that it is known to work
    assert ran.exists()
