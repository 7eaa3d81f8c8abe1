"""Label Studio's export (kind JSON) as reviews: for each task what a person decided, if anybody.

A region says where it lies and what text it covers; where the two disagree it is an error. Its
offsets count code points, or UTF-16 units where an editor from before 2022 made it (issues 1008
and 1347 of HumanSignal/label-studio): what is covered tells which.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from xltpipe.datasets.label_studio import ACCEPT, CLASS, REJECT, VERDICT, text_name
from xltpipe.datasets.label_studio_regions import Region, spans_of
from xltpipe.errors import DataError
from xltpipe.json_text import loads
from xltpipe.json_text import shown as _shown
from xltpipe.types import Span
from xltpipe.unpacking import document

Verdict = Literal["accept", "reject"]
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """One annotation: the spans as they should be; `label` and `verdict` are None if not chosen."""

    spans: tuple[Span, ...]
    label: str | None
    verdict: Verdict | None
    made: str
    annotator: str


@dataclass(frozen=True, slots=True)
class Review:
    """One task: the row it is about and, if somebody submitted an annotation, the decision."""

    place: str
    run: str
    lang: str
    split: str
    row: str
    texts: tuple[str, ...]
    decision: Decision | None


@dataclass(slots=True)
class Reviews:
    """A file's reviews, in order, and what was met on the way (`counts`)."""

    tasks: list[Review] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def read_reviews(path: Path) -> Reviews:
    """Read a whole file; reviews are made by hand, so it fits into memory.

    Of several annotations of a task, that marked as ground truth counts, else the one changed
    last; skipped ones never do. Counted are `several`, `disagreeing`, `skipped`, `unsent`
    (drafts only), `utf16`, `ambiguous`, `trimmed`, `repeated` and `ignored` (see docs/formats.md).

    Raises:
        DataError: the file, or a field of a task, is not what Label Studio writes for an export
            of ours; the message names file, task and field or region.
    """
    found = Reviews()
    for number, task in enumerate(_tasks(path), 1):
        place = f"{path}, task {number}"
        if not isinstance(task, dict):
            raise DataError(f"Task must be a JSON object, was: {_shown(task)} ({place})")
        found.tasks.append(_review(task, place, found.counts))
    return found


def _tasks(path: Path) -> list[object]:
    try:
        tasks = loads(document(path).decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise DataError(f"Review must be a file, was: {path.absolute()} (no such file)") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Review must be a readable UTF-8 file, was: {path} ({error})") from error
    except json.JSONDecodeError as error:
        raise DataError(
            f"Review must be JSON, was: {error.msg} ({path}:{error.lineno}); export from Label "
            "Studio as JSON"
        ) from error
    if not isinstance(tasks, list):
        raise DataError(f"Review must be an array of tasks, was: {_shown(tasks)} ({path})")
    return tasks


def _review(task: Json, place: str, counts: Counter[str]) -> Review:
    if "data" not in task:
        raise DataError(
            f"Task must have the field data, was: {', '.join(task) or 'none'} ({place}); export "
            "from Label Studio as JSON, not as JSON-MIN or CSV"
        )
    data = _object(task["data"], "data", place)
    run, row, lang, split = (_string(data, key, place) for key in ("run", "row", "lang", "split"))
    place = f"{place}, row {row!r}"
    texts = [_string(data, "text", place)]
    while text_name(len(texts)) in data:
        texts.append(_string(data, text_name(len(texts)), place))
    chosen = _chosen(task, place, counts)
    decision = None if chosen is None else _decision(chosen, texts, place, counts)
    return Review(place, run, lang, split, row, tuple(texts), decision)


def _chosen(task: Json, place: str, counts: Counter[str]) -> Json | None:
    """The annotation that counts."""
    given = [_object(a, "annotations", place) for a in _list(task, "annotations", place)]
    sent = [a for a in given if not a.get("was_cancelled")]
    if not sent:
        counts["skipped"] += bool(given)
        counts["unsent"] += not given and bool(task.get("drafts"))
        return None
    if len(sent) > 1:
        counts["several"] += 1
        counts["disagreeing"] += len({_content(a, place) for a in sent}) > 1
    return max(sent, key=lambda a: (bool(a.get("ground_truth")), _moment(a)))


def _content(annotation: Json, place: str) -> str:
    """What two annotations must share to agree."""
    results = [r for r in _list(annotation, "result", place) if isinstance(r, dict)]
    kept = [[r.get("to_name"), r.get("value")] for r in results]
    try:
        return "\n".join(sorted(json.dumps(one, sort_keys=True) for one in kept))
    except RecursionError as error:
        raise DataError(f"Region must be flat, was: values nested too deep ({place})") from error


def _moment(annotation: Json) -> str:
    return str(annotation.get("updated_at") or annotation.get("created_at") or "")


def _decision(annotation: Json, texts: Sequence[str], place: str, counts: Counter[str]) -> Decision:
    regions: list[Region] = []
    choices: dict[str, str] = {}
    for number, item in enumerate(_list(annotation, "result", place)):
        result = _object(item, f"result[{number}]", place)
        value = _object(result.get("value", {}), f"result[{number}].value", place)
        where = f"{place}, region {result.get('id', number)!r}"
        name = str(result.get("from_name"))
        if "choices" in value and name in (VERDICT, CLASS):
            choices[name] = _choice(value["choices"], where)
        elif "start" in value:
            regions.append(Region(str(result.get("to_name")), value, where))
        else:  # a relation, a comment field, a choice that somebody added
            counts["ignored"] += 1
    verdict = choices.get(VERDICT)
    if verdict not in (None, ACCEPT, REJECT):
        raise DataError(
            f"Verdict must be {ACCEPT} or {REJECT}, was: {verdict!r} ({place}); keep the choices "
            "of the labelling interface that lies beside the export"
        )
    spans = spans_of(regions, texts, counts)
    return Decision(
        spans,
        choices.get(CLASS),
        cast("Verdict | None", verdict),
        _moment(annotation),
        _annotator(annotation),
    )


def _choice(value: object, where: str) -> str:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    raise DataError(f"Choice must be one string in an array, was: {_shown(value)} ({where})")


def _annotator(annotation: Json) -> str:
    who = annotation.get("completed_by")
    return str(who.get("id", "") if isinstance(who, dict) else "" if who is None else who)


def _object(value: object, name: str, place: str) -> Json:
    if not isinstance(value, dict):
        raise DataError(f"{name} must be a JSON object, was: {_shown(value)} ({place})")
    return value


def _list(row: Json, name: str, place: str) -> list[object]:
    value = row.get(name, [])
    if not isinstance(value, list):
        raise DataError(f"{name} must be an array, was: {_shown(value)} ({place})")
    return value


def _string(row: Json, name: str, place: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        was = _shown(value) if name in row else "missing"
        raise DataError(
            f"data.{name} must be a string, was: {was} ({place}); import what `xltpipe export "
            "--format label-studio` wrote, and keep its fields"
        )
    return value
