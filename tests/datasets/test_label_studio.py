"""Label Studio: tasks as its editor takes them, and annotations as it gives them back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.toy_shelf import row, rows
from xltpipe.datasets.label_studio import Task, config, config_path, write_label_studio
from xltpipe.datasets.label_studio_reader import Reviews, read_reviews
from xltpipe.datasets.write import Written
from xltpipe.errors import DataError
from xltpipe.types import Span, Unit

Json = dict[str, Any]


def export(path: Path, units: list[Unit]) -> list[Json]:
    tasks = [Task("run-1", "train", unit, {"length_ratio": 1.5, "other": None}) for unit in units]
    write_label_studio(tasks, path, ["LOC", "PER"], [])
    return list(json.loads(path.read_text(encoding="utf-8")))


def annotate(task: Json, *result: Json, **fields: object) -> Json:
    """The task with one more annotation, as Label Studio exports it."""
    one: Json = {"id": 7, "completed_by": 1, "was_cancelled": False, "ground_truth": False}
    one |= {"updated_at": "2026-03-01T10:00:00.000000Z", "result": list(result)}
    task.setdefault("annotations", []).append(one | fields)
    return task


def region(start: int, end: int, text: str | None, *labels: str, to: str = "text") -> Json:
    value: Json = {"start": start, "end": end, "labels": list(labels)}
    value |= {} if text is None else {"text": text}
    return {"id": "x1", "from_name": "label", "to_name": to, "type": "labels", "value": value}


def choice(name: str, *values: str) -> Json:
    value = {"choices": list(values)}
    return {"id": "c", "from_name": name, "to_name": "text", "type": "choices", "value": value}


def read(path: Path, *tasks: Json) -> Reviews:
    path.write_text(json.dumps(list(tasks)), encoding="utf-8")  # ASCII: emoji as \ud83d\ude00
    return read_reviews(path)


def decided(path: Path, task: Json) -> tuple[Span, ...]:
    decision = read(path, task).tasks[0].decision
    assert decision is not None
    return decision.spans


def test_a_task_shows_source_and_target_and_our_spans(tmp_path: Path) -> None:
    first = export(tmp_path / "x.json", rows())[0]
    assert first["data"] == {
        "run": "run-1", "row": "r1", "lang": "spa", "split": "train", "status": "kept",
        "reasons": [], "error": None, "scores": {"length_ratio": 1.5}, "text": "Ana vive en Roma",
        "source_text": "Ana lives in Rome", "source_labelled": "[Ana]PER lives in [Rome]LOC",
    }  # fmt: skip
    (prediction,) = first["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("run-1", 0.5)
    assert prediction["result"][1] == {
        "id": "0-1", "from_name": "label", "to_name": "text", "type": "labels",
        "value": {"start": 12, "end": 16, "text": "Roma", "labels": ["LOC"]},
    }  # fmt: skip


def test_ids_of_regions_differ_within_a_file_and_the_status_is_in_words(tmp_path: Path) -> None:
    tasks = export(tmp_path / "x.json", rows())
    ids = [r["id"] for t in tasks for p in t["predictions"] for r in p["result"]]
    assert len(set(ids)) == len(ids) == 8
    assert tasks[3]["data"]["status"] == "rejected: span_lost, length_ratio"
    assert tasks[6]["data"]["status"] == "quarantined: translate: RuntimeError: boom"


def test_written_is_counted_and_no_task_is_an_array_too(tmp_path: Path) -> None:
    tasks = [Task("r", "train", unit, {}) for unit in rows()]
    assert write_label_studio(tasks, tmp_path / "x.json", [], []) == Written(7, 8, 0)
    assert export(tmp_path / "y.json", []) == []


def test_a_file_that_fails_half_way_is_not_there(tmp_path: Path) -> None:
    def tasks() -> Any:
        yield Task("r", "train", rows()[0], {})
        raise DataError("shard broke")

    with pytest.raises(DataError, match="shard broke"):
        write_label_studio(tasks(), tmp_path / "x.json", [], [])
    assert list(tmp_path.iterdir()) == []


def test_nested_spans_of_the_source_are_bracketed_inside_out(tmp_path: Path) -> None:
    spans = [("Bank of Cuba", "ORG", "Banco de Cuba"), ("Cuba", "LOC", "Cuba")]
    (task,) = export(tmp_path / "x.json", [row("1", ("Bank of Cuba",), ("Banco de Cuba",), spans)])
    assert task["data"]["source_labelled"] == "[Bank of [Cuba]LOC]ORG"


def test_the_interface_names_what_the_tasks_hold(tmp_path: Path) -> None:
    unit = row(
        "q", ("Who?", "Ana & Bob"), ("¿Quién?", "Ana y Bob"), [("Bob", "answer", "Bob")], text=1
    )
    (task,) = export(tmp_path / "x.json", [unit])
    view = ET.fromstring(config_path(tmp_path / "x.json").read_text("utf-8"))  # noqa: S314 - ours
    texts = {t.get("name"): t for t in view.iter("Text")}
    assert set(texts) == {"text", "text2", "source_labelled", "source_labelled2"}
    assert all(t.get("value", "").removeprefix("$") in task["data"] for t in texts.values())
    labels = {t.get("name"): t.get("toName") for t in view.iter("Labels")}
    assert labels == {"label": "text", "label2": "text2"}
    (result,) = task["predictions"][0]["result"]
    assert (result["from_name"], result["to_name"]) == ("label2", "text2")
    assert task["data"]["source_labelled2"] == "Ana & [Bob]answer"


def test_labels_are_escaped_in_the_interface() -> None:
    view = ET.fromstring(config(['A"<&>', "العربية"], ["yes", "no"], 1))  # noqa: S314 - ours
    assert [t.get("value") for t in view.iter("Label")] == ['A"<&>', "العربية"]
    groups = {t.get("name"): [c.get("value") for c in t] for t in view.iter("Choices")}
    assert groups == {"verdict": ["accept", "reject"], "class": ["yes", "no"]}


def test_an_export_without_annotations_is_not_reviewed(tmp_path: Path) -> None:
    reviews = read(tmp_path / "y.json", *export(tmp_path / "x.json", rows()))
    assert [r.decision for r in reviews.tasks] == [None] * 7
    assert [r.row for r in reviews.tasks] == [f"r{n}" for n in range(1, 8)]
    assert not +reviews.counts


def test_our_own_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    tasks = export(tmp_path / "x.json", rows())
    back = read(tmp_path / "y.json", *(annotate(t, *t["predictions"][0]["result"]) for t in tasks))
    assert [r.decision.spans for r in back.tasks if r.decision] == [u.target.spans for u in rows()]
    assert not +back.counts


EMOJI = "😀👩‍👩‍👧 Ana vio Roma"  # two astral characters and three more, joined, before Ana


@pytest.mark.parametrize(
    ("start", "end", "covered", "span", "counted"),
    [
        (7, 10, "Ana", (7, 10), {}),  # code points, as the editor writes since 2022
        (11, 14, "Ana", (7, 10), {"utf16": 1}),  # UTF-16 units, as it wrote before
        (19, 23, "Roma", (15, 19), {"utf16": 1}),
        (0, 1, "😀", (0, 1), {}),
        (0, 2, "😀", (0, 1), {"utf16": 1}),
        (10, 15, " vio ", (11, 14), {"trimmed": 1}),
    ],
)
def test_offsets_in_either_unit_are_told_by_the_covered_text(
    tmp_path: Path, start: int, end: int, covered: str, span: tuple[int, int], counted: Json
) -> None:
    task = annotate(export(tmp_path / "x.json", rows())[1], region(start, end, covered, "PER"))
    reviews = read(tmp_path / "y.json", task)
    assert reviews.tasks[0].decision is not None
    assert reviews.tasks[0].decision.spans == (Span(*span, "PER"),)
    assert +reviews.counts == counted


def test_arabic_with_an_emoji_before_the_span(tmp_path: Path) -> None:
    task = export(tmp_path / "x.json", rows())[2]  # زارت ليلى القاهرة 🏛 أمس
    assert decided(tmp_path / "y.json", annotate(task, region(21, 24, "أمس", "LOC"))) == (
        Span(20, 23, "LOC"),
    )


def test_a_line_break_is_written_as_backslash_n(tmp_path: Path) -> None:
    task = export(tmp_path / "x.json", rows())[3]
    found = decided(tmp_path / "y.json", annotate(task, region(4, 14, "dejó\\nParís", "LOC")))
    assert found == (Span(4, 14, "LOC"),)


def test_what_fits_in_both_units_is_read_as_code_points_and_counted(tmp_path: Path) -> None:
    unit = row("1", ("😀 aaaa",), ("😀 aaaa",))
    task = annotate(export(tmp_path / "x.json", [unit])[0], region(3, 4, "a", "PER"))
    reviews = read(tmp_path / "y.json", task)
    assert reviews.counts["ambiguous"] == 1
    assert reviews.tasks[0].decision is not None
    assert reviews.tasks[0].decision.spans == (Span(3, 4, "PER"),)


def test_a_region_with_several_labels_is_several_spans_and_repetitions_are_one(
    tmp_path: Path,
) -> None:
    task = export(tmp_path / "x.json", rows())[0]
    annotate(task, region(0, 3, "Ana", "PER", "LOC"), region(0, 3, "Ana", "PER"))
    reviews = read(tmp_path / "y.json", task)
    assert reviews.counts["repeated"] == 1
    assert reviews.tasks[0].decision is not None
    assert reviews.tasks[0].decision.spans == (Span(0, 3, "LOC"), Span(0, 3, "PER"))


def test_choices_are_verdict_and_class_and_others_are_left_aside(tmp_path: Path) -> None:
    task = export(tmp_path / "x.json", rows())[0]
    annotate(
        task, choice("verdict", "reject"), choice("class", "neutral"), choice("mood", "good"),
        {"type": "relation", "from_id": "a", "to_id": "b"}, completed_by={"id": 3},
    )  # fmt: skip
    reviews = read(tmp_path / "y.json", task)
    decision = reviews.tasks[0].decision
    assert decision is not None
    assert (decision.verdict, decision.label, decision.annotator) == ("reject", "neutral", "3")
    assert +reviews.counts == {"ignored": 2}


def test_skipped_tasks_and_drafts_are_not_reviewed(tmp_path: Path) -> None:
    tasks = export(tmp_path / "x.json", rows())
    annotate(tasks[0], region(0, 3, "Ana", "LOC"), was_cancelled=True)
    tasks[1] |= {"annotations": [], "drafts": [{"result": []}]}
    reviews = read(tmp_path / "y.json", *tasks[:2])
    assert [r.decision for r in reviews.tasks] == [None, None]
    assert +reviews.counts == {"skipped": 1, "unsent": 1}


@pytest.mark.parametrize(
    ("first", "second", "label"),
    [
        ({"updated_at": "2026-03-02"}, {"updated_at": "2026-03-01"}, "PER"),
        ({"updated_at": "2026-03-01"}, {"updated_at": "2026-03-02"}, "LOC"),
        ({"ground_truth": True}, {"updated_at": "2027-01-01"}, "PER"),
        ({}, {"was_cancelled": True, "updated_at": "2027-01-01"}, "PER"),
    ],
)
def test_of_several_annotators_ground_truth_counts_else_the_latest(
    tmp_path: Path, first: Json, second: Json, label: str
) -> None:
    task = export(tmp_path / "x.json", rows())[0]
    annotate(task, region(0, 3, "Ana", "PER"), **first)
    annotate(task, region(0, 3, "Ana", "LOC"), **second)
    reviews = read(tmp_path / "y.json", task)
    assert reviews.tasks[0].decision is not None
    assert reviews.tasks[0].decision.spans == (Span(0, 3, label),)
    both = not second.get("was_cancelled")
    assert +reviews.counts == ({"several": 1, "disagreeing": 1} if both else {})


def bare(task: Json) -> Json:
    return {"text": task["data"]["text"], "label": [], "id": 3}  # what JSON-MIN looks like


def without(name: str) -> Callable[[Json], Json]:
    def change(task: Json) -> Json:
        del task["data"][name]
        return task

    return change


# A change of the second task, and the message.
FAULTS: list[tuple[Callable[[Json], Json], str]] = [
    (bare, r"Task must have the field data, was: text, label, id \(.*y\.json, task 2\); export .* as JSON, not as JSON-MIN"),
    (without("row"), r"data\.row must be a string, was: missing \(.*task 2\)"),
    (without("text"), r"data\.text must be a string, was: missing .*task 2, row 'r2'"),
    (lambda t: annotate(t, region(11, 15, "Rom", "PER")), r"'Rom', was: 'vio ' at 11–15 in code points, .*task 2, row 'r2', region 'x1'"),
    (lambda t: annotate(t, region(90, 93, "Ana", "PER")), r"'Ana', was: nothing at 90–93"),
    (lambda t: annotate(t, region(7, 10, None, "PER")), r"must say what text it covers, was: none at 7–10 .*saveTextResult"),
    (lambda t: annotate(t, region(7, 10, "Ana")), r"Region must have a label, was: \[\] .*region 'x1'"),
    (lambda t: annotate(t, region(7, 7, "", "PER")), r"whole numbers 0 <= start < end, was: 7, 7"),
    (lambda t: annotate(t, region(6, 7, " ", "PER")), r"hold more than white space"),
    (lambda t: annotate(t, region(7, 10, "Ana", "PER", to="txt")), r"Region must be of text, was: of 'txt'"),
    (lambda t: annotate(t, choice("verdict", "maybe")), r"Verdict must be accept or reject, was: 'maybe' .*task 2"),
    (lambda t: annotate(t, choice("verdict", "accept", "reject")), r"Choice must be one string in an array"),
    (lambda t: t | {"annotations": 3}, r"annotations must be an array, was: 3"),
    (lambda t: t | {"annotations": [{"result": [4]}]}, r"result\[0\] must be a JSON object, was: 4"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=range(len(FAULTS)))
def test_faults_name_file_task_and_region(
    tmp_path: Path, change: Callable[[Json], Json], message: str
) -> None:
    tasks = export(tmp_path / "x.json", rows())
    with pytest.raises(DataError, match=message):
        read(tmp_path / "y.json", tasks[0], change(tasks[1]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{}", r"Review must be an array of tasks, was: \{\}"),
        (b"[3]", r"Task must be a JSON object, was: 3 \(.*x\.json, task 1\)"),
        (b"[", r"Review must be JSON, was: .* \(.*x\.json:1\)"),
        (b"\xff\xfe", r"Review must be a readable UTF-8 file"),
    ],
)
def test_files_that_are_no_export(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(DataError, match=message):
        read_reviews(tmp_path / "x.json")
    with pytest.raises(DataError, match=r"Review must be a file, was: .*none\.json"):
        read_reviews(tmp_path / "none.json")
