"""The tools of a run: what its projector may ask for."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.toy_recipe import toy_recipe
from xltpipe import tools
from xltpipe.alignment import HMM, Attention, Lexical
from xltpipe.alignment.ensemble_aligner import EnsembleAligner
from xltpipe.errors import RecipeError
from xltpipe.projection.tools import Plain
from xltpipe.protocols import Pair
from xltpipe.store import Store
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Example


def test_an_aligner_that_was_not_trained_is_refused(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path)
    run = tools.RunTools.of(recipe, Store(tmp_path / "store"), [], ("eng", "spa"))
    with pytest.raises(RecipeError, match="Aligner hmm must be trained before it is used"):
        run.aligner(HMM())


def test_each_aligner_is_listed_once_with_its_reason(tmp_path: Path) -> None:
    plain = toy_recipe(tmp_path, projection={"kind": "aligned", "aligner": {"kind": "attention"}})
    (found,) = tools.aligners(plain, 10, "spa")
    assert (found.spec, found.named, found.shard) == (Attention(), Attention(), None)
    assert found.why == "attention: named by the recipe"
    assert tools.aligners(toy_recipe(tmp_path, projection={"kind": "markers"}), 10, "spa") == []


def test_pairs_without_links_are_counted() -> None:
    class Nothing:
        skipped = 0

        def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
            self.skipped += 1
            return [Alignment(())] * len(pairs)

    counts: dict[str, int] = {}
    watched = tools._Watched(Nothing(), counts)
    watched.align([(tokenise("a b"), tokenise("c")), (tokenise("a"), tokenise(""))])
    watched.align([(tokenise("a"), tokenise("d"))])
    assert counts == {"pairs_without_links": 2, "pairs_skipped": 2, "pairs_windowed": 0}


def test_an_ensemble_is_copied_with_its_members() -> None:
    member = Lexical().build()
    whole = EnsembleAligner([member], partial=[False], weights=[1.0], how="mean", floor=0.1)
    copied = copy.copy(whole)
    member.skipped = 5
    assert (whole.skipped, copied.skipped) == (5, 0)
    pairs = [(tokenise("Ana saw Oslo"), tokenise("Ana vio Oslo"))]
    assert copied.align(pairs) == whole.align(pairs)


def test_plain_sends_texts_as_they_are() -> None:
    assert Plain().prepare(Example("1", "eng", ("a [b]", "c"))) == ("a [b]", "c")
