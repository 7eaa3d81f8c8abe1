"""The two phases of FILTER: a teacher, what it says of the target side, and a student."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from xltpipe.errors import DataError
from xltpipe.kinds import Task
from xltpipe.training.filter import Filter
from xltpipe.training.filter_network import FilterNetwork
from xltpipe.training.filter_rows import Cutter, Row, sentence, sequence_row, span_rows
from xltpipe.training.filter_teacher import Collator, deviation, dump, keep, recall
from xltpipe.training.fitting import Schedule, begin, fit
from xltpipe.training.sentences import Reading, make_home
from xltpipe.training.transformers_heads import Head, make, save
from xltpipe.types import Unit

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_CHECKED = 32  # rows of which the kept logits are compared with the teacher's
_EQUAL = 1e-2  # batches of other widths differ by 1e-6, in bf16 by 1e-3


@dataclass(frozen=True, slots=True)
class _Learner:
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast


def learn(
    spec: Filter,
    seed: int,
    task: Task,
    units: Sequence[Unit],
    dev: Sequence[Unit],
    home: Path,
    work: Path,
) -> None:
    """Train on units, both phases, and write the model to `home`.

    Checkpoints of both, and the teacher once its phase is over, lie in `work` meanwhile.
    """
    labels = _labels(units, task)
    learner = _learner(spec, seed, task, units, labels)
    network = _network(spec, task, learner.model)
    make_home(home)
    cutter = Cutter(learner.tokenizer, spec.max_tokens, spec.overlap)
    ids = {label: i for i, label in enumerate(labels)}
    rows, counts = _rows(units, task, cutter, ids)
    dev_rows, _ = _rows(dev, task, cutter, ids)
    begin(work, repr((spec.identity(), seed, task)), [*units, "dev", *dev])
    schedule = spec.schedule(seed)
    report = _first(network, learner.tokenizer, rows, dev_rows, schedule, work)
    if spec.phases == 2:
        student = _learner(spec, seed, task, units, labels)
        pupil = _network(spec, task, student.model)
        report = {"teacher": report} | _taught(
            spec, seed, network, pupil, learner.tokenizer, rows, dev_rows, work / "student"
        )
        learner = student
    settings = spec.identity() | {"seed": seed, "task": task}
    save(home, learner.model, learner.tokenizer, settings, counts | report | {"labels": labels})
    shutil.rmtree(work)


def _first(
    network: FilterNetwork,
    tokenizer: PreTrainedTokenizerFast,
    rows: Sequence[Row],
    dev: Sequence[Row],
    schedule: Schedule,
    work: Path,
) -> dict[str, Any]:
    """Fit the teacher, if that was not done; what is to be told of it."""
    report = recall(network, work / "done", gpu=schedule.gpu)
    if report is None:
        collator = Collator(tokenizer)
        report = fit(network, tokenizer, rows, dev, schedule, work / "teacher", collator)
        keep(network, report, work / "done")
    return report


def _taught(
    spec: Filter,
    seed: int,
    teacher: FilterNetwork,
    student: FilterNetwork,
    tokenizer: PreTrainedTokenizerFast,
    rows: Sequence[Row],
    dev: Sequence[Row],
    work: Path,
) -> dict[str, Any]:
    """Fit the student on the labels and the teacher's logits.

    Raises:
        DataError: the kept logits are not what the teacher says of these rows.
    """
    with TemporaryDirectory(prefix="xltpipe-") as folder:
        logits = dump(teacher, rows, Collator(tokenizer), Path(folder), spec.predict_batch_size)
        numbered = [row | {"soft": i} for i, row in enumerate(rows)]
        apart = deviation(teacher, numbered[-_CHECKED:], Collator(tokenizer), logits)
        if not apart <= _EQUAL:
            raise DataError(
                f"Logits kept must be the teacher's, was: {apart:.2g} apart; are these its rows?"
            )
        schedule, collator = spec.schedule(seed), Collator(tokenizer, logits)
        fitted = fit(student, tokenizer, numbered, dev, schedule, work, collator)
        return fitted | {"logits_apart": apart}


def _labels(units: Sequence[Unit], task: Task) -> list[str]:
    """The labels of both sides, in the order of the head.

    Raises:
        DataError: there is none.
    """
    sides = [side for unit in units for side in (unit.target, unit.source)]
    if task != "spans":
        labels = sorted({side.label for side in sides if side.label is not None})
        if not labels:
            raise DataError(
                f"Training data must hold at least one label, was: none in {len(units)} pairs"
            )
        return labels
    reading = Reading("bio", partial=True)
    for side in sides:
        for text in range(len(side.texts)):
            sentence(side, text, reading)
    reading.check()
    return ["O", *(f"{prefix}-{label}" for label in sorted(reading.labels) for prefix in "BI")]


def _rows(
    units: Sequence[Unit], task: Task, cutter: Cutter, ids: dict[str, int]
) -> tuple[list[Row], dict[str, Any]]:
    if task != "spans":
        found = [sequence_row(unit, cutter, ids) for unit in units]
        rows = [row for row in found if row is not None]
        full = sum(
            len(r[s]["input_ids"]) >= cutter.length for r in rows for s in ("target", "source")
        )
        counts = {"pairs": len(units), "without_label": len(units) - len(rows), "full_texts": full}
        return rows, counts
    readings = Reading("bio", partial=True), Reading("bio", partial=True)
    rows = [row for unit in units for row in span_rows(unit, cutter, ids, readings)]
    return rows, {
        "pairs": len(units),
        "windows": len(rows),
        "target": readings[0].counts,
        "source": readings[1].counts,
    }


def _texts(units: Sequence[Unit]) -> Iterator[str]:
    for unit in units:
        yield from unit.source.texts
        yield from unit.target.texts


def _learner(
    spec: Filter, seed: int, task: Task, units: Sequence[Unit], labels: Sequence[str]
) -> _Learner:
    head: Head = "TokenClassification" if task == "spans" else "SequenceClassification"
    return _Learner(*make(spec, seed, head, labels, _texts(units)))


def _network(spec: Filter, task: Task, model: PreTrainedModel) -> FilterNetwork:
    return FilterNetwork(
        model,
        local=spec.local_layers,
        fused=spec.fusion_layers,
        both=spec.learns_both(task),
        alpha=spec.alpha,
        temperature=spec.temperature,
    )
