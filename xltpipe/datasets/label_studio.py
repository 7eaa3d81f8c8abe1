"""Label Studio: rows out as tasks that a person corrects, with the labelling interface beside them.

The task format and the tags are those of labelstud.io/guide/task_format and labelstud.io/tags.
Offsets are code points, as its editor writes them since 2022; older ones wrote UTF-16 units
(see `label_studio_regions`). Tried in the editor of version 1.23.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from xltpipe.datasets.write import Written, whole
from xltpipe.types import Example, Span, Unit

ACCEPT, REJECT = "accept", "reject"
VERDICT, CLASS = "verdict", "class"
"""The names of the two groups of choices: about the row, and the example's own label."""


@dataclass(frozen=True, slots=True)
class Task:
    """A row to be reviewed: where it stands, and what is known of it."""

    run: str
    split: str
    unit: Unit
    scores: Mapping[str, float | None]


def text_name(number: int) -> str:
    """The field and tag of a text: `text`, `text2`, …"""
    return "text" if number == 0 else f"text{number + 1}"


def label_name(number: int) -> str:
    """The tag that labels this text: `label`, `label2`, …"""
    return "label" if number == 0 else f"label{number + 1}"


def config_path(path: Path) -> Path:
    """Where the labelling interface of an export lies: `review.json`, `review.config.xml`."""
    return path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.json')}.config.xml")


def write_label_studio(
    tasks: Iterable[Task], path: Path, labels: Sequence[str], classes: Sequence[str]
) -> Written:
    """Write a JSON array of tasks, one a line, and the labelling interface to `config_path(path)`.

    `labels` and `classes` are what a person may choose from, whether or not these rows have them.
    Nothing is dropped.
    """
    rows = spans = texts = 0
    with whole(path) as stream:
        for task in tasks:
            texts = max(texts, len(task.unit.target.texts))
            stream.write(b",\n" if rows else b"[\n")
            stream.write(json.dumps(_task(task, rows), ensure_ascii=False).encode())
            rows += 1
            spans += len(task.unit.target.spans)
        stream.write(b"\n]\n" if rows else b"[]\n")
    with whole(config_path(path)) as stream:
        stream.write(config(labels, classes, max(texts, 1)).encode())
    return Written(rows, spans, 0)


def _task(task: Task, number: int) -> dict[str, object]:
    unit = task.unit
    data: dict[str, object] = {
        "run": task.run,
        "row": unit.source.id,
        "lang": unit.target.lang,
        "split": task.split,
        "status": status(unit),
        "reasons": list(unit.reasons),
        "error": unit.error,
        "scores": {name: value for name, value in task.scores.items() if value is not None},
    }
    for at, text in enumerate(unit.target.texts):
        data[text_name(at)] = text
    for at, text in enumerate(unit.source.texts):
        data[f"source_{text_name(at)}"] = text
        data[f"source_labelled{at + 1 if at else ''}"] = _labelled(unit.source, at)
    prediction: dict[str, object] = {"model_version": task.run, "result": _result(unit, number)}
    known = [p.score for p in unit.placements if p.target is not None and p.score is not None]
    if known:  # the weakest link: a project sorted by score shows the doubtful rows first
        prediction["score"] = min(known)
    return {"data": data, "predictions": [prediction]}


def status(unit: Unit) -> str:
    """The verdict so far, in words."""
    if unit.error is not None:
        return f"quarantined: {unit.error}"
    return f"rejected: {', '.join(unit.reasons)}" if unit.reasons else "kept"


def _result(unit: Unit, number: int) -> list[dict[str, object]]:
    target = unit.target
    regions = [_region(target, s, f"{number}-{at}") for at, s in enumerate(target.spans)]
    if target.label is not None:
        regions.append(_choice(CLASS, target.label, f"{number}-c"))
    return regions


def _region(example: Example, span: Span, id: str) -> dict[str, object]:
    return {
        "id": id,  # must differ within the file
        "from_name": label_name(span.text),
        "to_name": text_name(span.text),
        "type": "labels",
        "value": {
            "start": span.start,
            "end": span.end,
            "text": example.covered(span),
            "labels": [span.label],
        },
    }


def _choice(name: str, value: str, id: str) -> dict[str, object]:
    chosen = {"choices": [value]}
    return {"id": id, "from_name": name, "to_name": "text", "type": "choices", "value": chosen}


def _labelled(example: Example, number: int) -> str:
    """The text with its labels in brackets: `[Ana]PER lives in [Rome]LOC`."""
    text, marks = example.texts[number], []
    for span in example.spans:
        if span.text == number:
            # at one place what ends comes before what begins, and the wider span outside
            marks.append((span.start, 1, -span.end, "["))
            marks.append((span.end, 0, -span.start, f"]{span.label}"))
    out, at = [], 0
    for place, _, _, mark in sorted(marks):
        out += [text[at:place], mark]
        at = place
    return "".join([*out, text[at:]])


def config(labels: Sequence[str], classes: Sequence[str], texts: int) -> str:
    """The labelling interface: the source as it was labelled, then each text to be corrected."""
    # pre-wrap keeps every space in view, plaintext lets each text run in its own direction
    style = ".htx-text, .htx-richtext { white-space: pre-wrap; unicode-bidi: plaintext; }"
    lines = ["<View>", f"  <Style>{style}</Style>", '  <Header value="$status" size="5"/>']
    for number in range(texts):
        lines += _text_lines(labels, number)
    lines += _choices(VERDICT, (ACCEPT, REJECT))
    lines += _choices(CLASS, classes) if classes else []
    return "\n".join([*lines, "</View>", ""])


def _text_lines(labels: Sequence[str], number: int) -> Iterator[str]:
    shown = f"source_labelled{number + 1 if number else ''}"
    yield '  <Header value="source" size="6"/>'
    yield f'  <Text name="{shown}" value="${shown}" selectionEnabled="false"/>'
    yield '  <Header value="translation" size="6"/>'
    if labels:
        yield f'  <Labels name="{label_name(number)}" toName="{text_name(number)}">'
        yield from (f"    <Label value={quoteattr(label)}/>" for label in labels)
        yield "  </Labels>"
    name = text_name(number)
    yield f'  <Text name="{name}" value="${name}" saveTextResult="yes" granularity="symbol"/>'


def _choices(name: str, values: Sequence[str]) -> list[str]:
    head = f'  <Choices name="{name}" toName="text" choice="single-radio" showInline="true">'
    return [head, *(f"    <Choice value={quoteattr(v)}/>" for v in values), "  </Choices>"]
