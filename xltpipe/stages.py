"""The stages: translate, project, predict. Rows in, as many rows out, same order.

What scores and judges is in `quality.stage`.

A stage never drops a row. What a component cannot do raises, or, where the recipe says
`on_error = "quarantine"`, sets the row's `error`; the rest of the shard goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Literal, TypeVar

from xltpipe import carried, progress
from xltpipe.errors import DataError, TransientError, XltError
from xltpipe.machine import lack, told
from xltpipe.protocols import Projector, Sender, Tagger, Translator, Writing
from xltpipe.types import Example, Translation, Unit, one_each
from xltpipe.veil import veiled

OnError = Literal["fail", "quarantine"]
In = TypeVar("In")
Out = TypeVar("Out")

TRANSLATE = 7
PROJECT = 7
PREDICT = 4
"""Versions: raise by one when what a stage computes changes its meaning."""

CHUNK = 256
"""Rows between two ticks of the progress in the cheap stages."""


def translate(
    examples: Sequence[Example],
    translator: Translator,
    sender: Sender,
    target: str,
    on_error: OnError = "fail",
) -> list[Unit]:
    """Translate each example's texts as the projector prepares them; labels come later.

    The target's texts are what came back; its spans are empty until `project`. A text that the
    engine could not translate (`Translation.fault`) puts its row in quarantine. Verbatim texts are
    not sent: they come back as they are. A text that occurs several times is sent once.

    Raises:
        DataError: an engine failed, or could not translate a text, under `on_error = "fail"`.
    """
    if not examples:
        return []
    sent = [sender.prepare(carried.shown(example)) for example in examples]
    source = examples[0].lang

    def call(rows: Sequence[int]) -> list[tuple[Translation, ...]]:
        flat = [
            text for i in rows for k, text in enumerate(sent[i]) if k not in examples[i].verbatim
        ]
        different = list(dict.fromkeys(flat))
        progress.expect("translate", len(different) - len(rows))  # announced by rows, done by texts
        received = translator.translate(different, source, target)
        one_each("Translator", len(different), received)
        _check_scores(received)
        cut = _repeated(flat, dict(zip(different, received, strict=True)))
        return [
            tuple(
                Translation(text) if k in examples[i].verbatim else next(cut)
                for k, text in enumerate(sent[i])
            )
            for i in rows
        ]

    results = _guarded(call, range(len(examples)), on_error, "translate")
    units = [_unit(e, s, r, target) for e, s, r in zip(examples, sent, results, strict=True)]
    if on_error == "fail":
        _check_faults(units)
    return units


def _repeated(texts: Sequence[str], received: Mapping[str, Translation]) -> Iterator[Translation]:
    """The translation of each text; a text that came before cost nothing this time.

    Questions share their contexts: on SQuAD four of five texts are such.
    """
    seen: set[str] = set()
    for text in texts:
        one = received[text]
        yield replace(one, tokens_in=0, tokens_out=0) if text in seen else one
        seen.add(text)


def _check_faults(units: Sequence[Unit]) -> None:
    for unit in units:
        if unit.error is not None:
            raise DataError(
                f"Text must be one that the engine can translate, was: {unit.error} (example "
                f'{unit.source.id!r}); set on_error = "quarantine" to go on without such rows'
            )


def _check_scores(received: Sequence[Translation]) -> None:
    """NaN would pass for a score without meaning, and every rule with it."""
    for one in received:
        if one.score is not None and not isfinite(one.score):
            raise DataError(
                f"Score of a translation must be finite, was: {one.score} for {one.text[:60]!r}"
            )


def _unit(
    example: Example,
    sent: tuple[str, ...],
    received: tuple[Translation, ...] | str,
    target: str,
) -> Unit:
    if isinstance(received, str):
        return Unit(
            example, _target(example, target, ("",) * len(example.texts)), sent, error=received
        )
    texts = tuple(t.text for t in received[: len(example.texts)])
    faults = [t.fault for t in received if t.fault is not None]
    error = f"translate: {faults[0]}" if faults else None
    return Unit(example, _target(example, target, texts), sent, received, error=error)


def _target(example: Example, lang: str, texts: tuple[str, ...]) -> Example:
    """The example in another language, without spans and what depends on them."""
    bare = replace(example, spans=(), tokens=(), links=())  # what was lost before stays masked
    return replace(bare, lang=lang, texts=texts)


def project(units: Sequence[Unit], projector: Projector, on_error: OnError = "fail") -> list[Unit]:
    """Carry the source's spans over; a span that was lost has a placement with the reason.

    Links follow their spans; one that loses an end is lost with it.
    """
    good = [i for i, unit in enumerate(units) if unit.error is None]

    def call(rows: Sequence[int]) -> list[Unit]:
        done = projector.project([carried.shown_unit(units[i]) for i in rows])
        one_each("Projector", len(rows), done)
        for unit in done:
            _check_placements(unit)
        whole = [carried.restored(units[i], unit) for i, unit in zip(rows, done, strict=True)]
        return [carried.linked(unit) for unit in whole]

    out = list(units)
    for start in range(0, len(good), CHUNK):
        rows = good[start : start + CHUNK]
        for i, result in zip(rows, _guarded(call, rows, on_error, "project"), strict=True):
            out[i] = replace(units[i], error=result) if isinstance(result, str) else result
        progress.tick("project", len(rows))
    return out


def _check_placements(unit: Unit) -> None:
    """Every source span is either placed or lost for a reason: nothing vanishes in silence."""
    sources = sorted(p.source for p in unit.placements)
    unexplained = [p for p in unit.placements if (p.target is None) == (p.reason is None)]
    if sources != list(range(len(unit.source.spans))) or unexplained:
        raise DataError(
            f"Projector must place each source span or say why not, was: {unit.placements} "
            f"for {len(unit.source.spans)} spans (example {unit.source.id!r})"
        )


def masked(unit: Unit) -> Unit:
    """The unit whose texts that lost a span are masked: nobody knows where the label belongs."""
    lost = {unit.source.spans[p.source].text for p in unit.placements if p.target is None}
    if not lost:
        return unit
    masked = tuple(sorted(lost | set(unit.target.masked)))
    return replace(unit, target=replace(unit.target, masked=masked))


def predict(examples: Sequence[Example], tagger: Tagger) -> list[Example]:
    """Predicted labels, or last texts, for each example; the given ones are not looked at."""
    bare = [replace(e, spans=(), links=(), label=None) for e in examples]
    if isinstance(tagger, Writing):
        bare = [carried.answered(e, "") for e in bare]
    predicted = tagger.predict(bare)
    one_each("Tagger", len(bare), predicted)
    return predicted


def _guarded(
    call: Callable[[Sequence[int]], Sequence[Out]],
    rows: Sequence[int],
    on_error: OnError,
    stage: str,
) -> list[Out | str]:
    """Call on all rows at once; on a fault halve until the rows that cause it stand alone.

    Our own errors tell that the recipe or a service is wrong, not one row: they pass through,
    and so does every fault under `on_error = "fail"`, and whatever the machine is to blame for.

    Raises:
        TransientError: the machine lacks memory, space, files.
    """
    if not rows:
        return []
    try:
        return list(call(rows))
    except XltError as error:
        if on_error == "fail" or not isinstance(error, DataError) or lack(error):
            raise
        fault: Exception = error
    except Exception as error:
        if what := lack(error):
            raise TransientError(told(error, what)) from error
        if on_error == "fail":
            raise DataError(
                f"Stage {stage} must not fail, was: {type(error).__name__}: {error}; "
                'set on_error = "quarantine" to go on without the rows that cause it'
            ) from error
        fault = error
    if len(rows) == 1:
        return [veiled(f"{stage}: {type(fault).__name__}: {fault}")]
    half = len(rows) // 2
    return [
        *_guarded(call, rows[:half], on_error, stage),
        *_guarded(call, rows[half:], on_error, stage),
    ]
