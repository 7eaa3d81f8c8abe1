from __future__ import annotations

from math import isnan

import pytest
from pydantic import ValidationError

from xltpipe import __version__
from xltpipe.evaluation import Events
from xltpipe.types import Example, Link, Score, Span

TEXT = "Ana attacked Bob and Eva attacked Max"
ANA, BOB, EVA, MAX = (
    Span(TEXT.index(n), TEXT.index(n) + 3, "PER") for n in ("Ana", "Bob", "Eva", "Max")
)
FIRST, SECOND = Span(4, 12, "Attack"), Span(25, 33, "Attack")
SPANS = (FIRST, SECOND, ANA, BOB, EVA, MAX)
LINKS = (Link(0, 2, "Agent"), Link(0, 3, "Target"), Link(1, 4, "Agent"), Link(1, 5, "Target"))
GOLD = Example("1", "eng", (TEXT,), SPANS, links=LINKS)


def score(predicted: Example, gold: Example = GOLD, **spec: object) -> Score:
    return Events.model_validate(spec).build({}).measure([gold], [predicted])


def example(spans: tuple[Span, ...], *links: Link) -> Example:
    return Example("1", "eng", (TEXT,), spans, links=links)


CASES = [
    # right / predicted / gold: triggers found, named, arguments found, named
    ("the same in another order", example((ANA, FIRST, SECOND, BOB, EVA, MAX), Link(1, 0, "Agent"), Link(1, 3, "Target"), Link(2, 4, "Agent"), Link(2, 5, "Target")), (1, 1, 1, 1)),
    ("roles exchanged", example(SPANS, Link(0, 2, "Target"), Link(0, 3, "Agent"), *LINKS[2:]), (1, 1, 1, 0.5)),
    # both events are of one type: the type alone would call these right
    ("at the other trigger", example(SPANS, Link(1, 2, "Agent"), Link(1, 3, "Target"), *LINKS[2:]), (1, 1, 0.5, 0.5)),
    ("another type", example((Span(4, 12, "Meet"), *SPANS[1:]), *LINKS), (1, 0.5, 0.5, 0.5)),
    ("one argument of four", example((FIRST, SECOND, ANA), LINKS[0]), (1, 1, 2 / 5, 2 / 5)),
    ("the argument's own label is not asked", example((FIRST, SECOND, Span(0, 3, "ORG"), *SPANS[3:]), *LINKS), (1, 1, 1, 1)),
    ("a clipped argument", example((FIRST, SECOND, Span(0, 2, "PER"), *SPANS[3:]), *LINKS), (1, 1, 0.75, 0.75)),
    ("twice the same", example((*SPANS, FIRST), *LINKS, Link(6, 2, "Agent")), (1, 1, 1, 1)),
    ("nothing", example(()), (0, 0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("predicted", "f1"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_golden(predicted: Example, f1: tuple[float, ...]) -> None:
    details = score(predicted).details
    names = [
        f"{a}_{b}" for a in ("trigger", "argument") for b in ("identification", "classification")
    ]
    assert tuple(details[f"f1:{name}"] for name in names) == pytest.approx(f1)
    for name, value in zip(names, f1, strict=True):
        result = score(predicted, main=name)
        assert (result.name, result.value) == (f"{name}_f1", pytest.approx(value))


def test_precision_and_recall() -> None:
    details = score(example((FIRST, SECOND, ANA, BOB), LINKS[0], Link(0, 3, "Agent"))).details
    assert details["precision:argument_classification"] == 0.5
    assert details["recall:argument_classification"] == 0.25
    assert details["support:argument_classification"] == 4
    assert details["precision:argument_identification"] == 1


def test_entities_without_role_are_no_triggers_if_told() -> None:
    predicted = example((FIRST, SECOND, ANA, MAX), LINKS[0])  # Max is in no event
    assert score(predicted).details["precision:trigger_identification"] == pytest.approx(2 / 3)
    told = score(predicted, triggers=["Attack"])
    assert told.details["precision:trigger_identification"] == 1
    assert told.signature == (
        f"argument_classification_f1|match:strict|avg:micro|triggers:Attack|lang:eng|n:1|v:{__version__}"
    )


@pytest.mark.parametrize("triggers", [(), ("A|B",), ("",)])
def test_triggers_must_be_readable(triggers: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="triggers must be names"):
        Events(triggers=triggers)


def test_without_events() -> None:
    result = score(example(()), example(()))
    assert isnan(result.value)
    assert not any(isnan(value) for value in result.details.values())
