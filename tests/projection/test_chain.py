"""Chain: the first confident method wins, what it placed stays, and every span tells who did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given

from tests.examples import LinkedWords, example, unit
from tests.projection.texts import labelled
from tests.projection.toy_tools import ToyTools
from xltpipe.errors import RecipeError
from xltpipe.projection import Aligned, Chain, Markers, Method
from xltpipe.projection.chain import ChainProjector
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.markers import MarkerProjector
from xltpipe.recipe_file import parse
from xltpipe.types import Example, Span, Translation, Unit

SOURCE = example("Ana lives in Paris", ("Ana", "PER"), ("Paris", "LOC"))
TARGET = "Ana vive en París"


@dataclass
class Told:
    """A projector that finds for each label the text it was told, with its score."""

    answers: dict[str, tuple[str, float | None]]
    name: str = "told"
    in_place: ClassVar[bool] = True

    def prepare(self, example: Example) -> tuple[str, ...]:
        return example.texts

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        return [
            filled(u, dict(enumerate(map(self._find(u), u.source.spans))), self.name) for u in units
        ]

    def _find(self, unit: Unit):
        def one(span: Span) -> Placed | str:
            if span.label not in self.answers:
                return f"{self.name}_gave_up"
            text, score = self.answers[span.label]
            start = unit.target.texts[0].index(text)
            return Placed(Span(start, start + len(text), span.label), score)

        return one


def run(*methods: tuple[Told, float], target: str = TARGET, source: Example = SOURCE) -> Unit:
    chain = ChainProjector([m for m, _ in methods], [floor for _, floor in methods])
    (done,) = chain.project([unit(source, target)])
    return done


def placed(done: Unit) -> list[tuple[str | None, str, float | None, int, str | None]]:
    """Covered text, method, score, rank and reason of each source span."""
    return [
        (
            None if p.target is None else done.target.covered(done.target.spans[p.target]),
            p.method,
            p.score,
            p.rank,
            p.reason,
        )
        for p in done.placements
    ]


def test_the_first_confident_method_wins() -> None:
    sure = Told({"PER": ("Ana", 0.9), "LOC": ("vive", 0.2)}, "sure")
    late = Told({"PER": ("en", 0.8), "LOC": ("París", 0.7)}, "late")
    assert placed(run((sure, 0.5), (late, 0.5))) == [
        ("Ana", "sure", 0.9, 0, None),
        ("París", "late", 0.7, 1, None),
    ]


def test_a_method_without_scores_is_trusted() -> None:
    done = run((Told({"PER": ("Ana", None), "LOC": ("París", None)}), 0.9), (Told({}), 0.0))
    assert [p.rank for p in done.placements] == [0, 0]


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (Told({"PER": ("Ana", 1.0)}, "late"), "late_gave_up"),
        (Told({"LOC": ("París", 0.1)}), "below_floor"),
    ],
)
def test_the_last_reason_is_kept(last: Told, reason: str) -> None:
    done = run((Told({"PER": ("Ana", 0.9)}), 0.5), (last, 0.5))
    assert done.placements[1].reason == reason
    assert done.placements[1].target is None
    assert done.placements[1].method == "chain"


def test_a_later_method_cannot_take_what_is_placed() -> None:
    done = run((Told({"PER": ("Ana vive", 0.9)}), 0.5), (Told({"LOC": ("vive en", 0.9)}), 0.0))
    assert placed(done)[0][0] == "Ana vive"
    assert done.placements[1].reason == "overlap"


def test_spans_that_overlap_in_the_source_may_overlap() -> None:
    source = example("Bank of Paris", ("Bank of Paris", "ORG"), ("Paris", "LOC"))
    done = run(
        (Told({"ORG": ("Banco de París", 1.0)}), 0.5),
        (Told({"LOC": ("París", 1.0)}), 0.5),
        target="Banco de París",
        source=source,
    )
    assert [p[0] for p in placed(done)] == ["Banco de París", "París"]


def test_later_methods_are_asked_for_open_spans_only() -> None:
    asked: list[tuple[str, ...]] = []

    class Listening(Told):
        def project(self, units: Sequence[Unit]) -> list[Unit]:
            asked.extend(tuple(s.label for s in u.source.spans) for u in units)
            return super().project(units)

    chain = ChainProjector([Told({"PER": ("Ana", 1.0)}), Listening({})], [0.5, 0.0])
    whole = example("Ana", ("Ana", "PER"))
    chain.project([unit(SOURCE, TARGET), unit(whole, "Ana"), unit(example("Hi"), "Hola")])
    assert asked == [("LOC",)]


def test_markers_first_then_alignment_on_the_text_that_came_back() -> None:
    chain = ChainProjector(
        [
            MarkerProjector("letters", repair=False),
            Aligned().build(ToyTools(LinkedWords([(0, 0), (1, 1), (2, 2), (3, 3)]))),
        ],
        [0.0, 0.0],
    )
    sent = chain.prepare(SOURCE)
    assert sent == ("[A] Ana [/A] lives in [B] Paris [/B]",)
    target = Example("1", "spa", ("",))
    received = (Translation("[A] Ana [/A] vive en París [/B]"),)
    (done,) = chain.project([Unit(SOURCE, target, sent, received)])
    assert done.target.texts == (TARGET,)
    assert placed(done) == [
        ("Ana", "markers:letters", None, 0, None),
        ("París", "aligned", 1.0, 1, None),
    ]
    assert not chain.in_place


def test_markers_may_only_come_first(tmp_path: Path) -> None:
    methods = [{"projector": {"kind": "aligned"}}, {"projector": {"kind": "markers"}}]
    data = {
        "name": "r",
        "targets": ["spa"],
        "train": {"kind": "conll", "path": "x"},
        "projection": {"kind": "chain", "methods": methods},
    }
    with pytest.raises(RecipeError, match="methods after the first must label a given text"):
        parse(data, tmp_path / "r.toml")
    data["projection"] = {"kind": "chain", "methods": methods[::-1]}
    recipe = parse(data, tmp_path / "r.toml")
    assert (recipe.projection.in_place, recipe.projection.marking) == (False, Markers())
    assert recipe.projection.aligners() == Aligned().aligners()
    data["strategies"] = ["translate_test"]
    with pytest.raises(RecipeError, match="translate_test needs a projector that labels a given"):
        parse(data, tmp_path / "r.toml")


@given(labelled())
def test_nothing_is_lost_on_random_texts(source: Example) -> None:
    spec = Chain(methods=(Method(projector=Aligned(), floor=1.0), Method(projector=Aligned())))
    built = spec.build(ToyTools())
    target = Example(source.id, "spa", source.texts)
    (done,) = built.project([Unit(source, target)])
    assert done.target.texts == source.texts
    assert [p.source for p in done.placements] == list(range(len(source.spans)))
    assert all((p.target is None) != (p.reason is None) for p in done.placements)
