"""Importing: people's corrections come back as a run of their own, or nothing comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.toy_shelf import RUN, answer, relang, row, rows, shelve
from xltpipe.catalogue import query
from xltpipe.durable import digest_file
from xltpipe.errors import DataError
from xltpipe.published import published
from xltpipe.review.export import export
from xltpipe.review.importing import Imported, import_review
from xltpipe.review.rows import find, parts
from xltpipe.review.rows import rows as stored
from xltpipe.store import Store
from xltpipe.types import Span, Unit

Json = dict[str, Any]


def tasks(store: Store, folder: Path, run: str = RUN) -> list[Json]:
    path = folder / "out.json"
    record = find(store, run)
    export(
        store, record, path, format="label-studio", state="all", lang=None, split=None, limit=None
    )
    return list(json.loads(path.read_text("utf-8")))


def save(folder: Path, given: list[Json]) -> Path:
    path = folder / "back.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    return path


def imported(store: Store, path: Path, run: str = RUN) -> Imported:
    return import_review(store, find(store, run), path)


def units(store: Store, run: str) -> dict[str, Unit]:
    return {r.unit.source.id: r.unit for r in stored(store, parts(find(store, run)))}


def covered(unit: Unit) -> list[str]:
    return [f"{unit.target.covered(s)}/{s.label}" for s in unit.target.spans]


@pytest.fixture
def reviewed(tmp_path: Path) -> tuple[Store, Imported, Path]:
    """Seven rows, five of them reviewed, with emoji, Arabic and a line break."""
    store = shelve(tmp_path)
    t = tasks(store, tmp_path)
    given = [
        answer(t[0], ("Ana", "PER"), ("Roma", "LOC")),  # as it was
        answer(t[1], ("Ana vio", "PER")),  # moved, and one removed
        answer(t[2], ("ليلى", "LOC"), ("القاهرة", "LOC"), ("أمس", "PER")),  # relabelled, added
        answer(t[3], ("Bob", "PER"), ("París", "LOC"), verdict="accept"),
        answer(t[4], verdict="reject"),
        t[5],
        t[6],
    ]
    path = save(tmp_path, given)
    return store, imported(store, path), path


def test_reviewed_rows_are_as_people_left_them(reviewed: tuple[Store, Imported, Path]) -> None:
    store, found, _ = reviewed
    now, before = units(store, found.run), units(store, RUN)
    assert {id: covered(unit) for id, unit in now.items()} == {
        "r1": ["Ana/PER", "Roma/LOC"],
        "r2": ["Ana vio/PER"],
        "r3": ["ليلى/LOC", "القاهرة/LOC", "أمس/PER"],
        "r4": ["Bob/PER", "París/LOC"],
        "r5": [],
        "r6": [],
        "r7": [],
    }
    assert [now[id] for id in ("r6", "r7")] == [before[id] for id in ("r6", "r7")]
    assert [(u.reasons, u.error is None) for u in now.values()] == [
        ((), True), ((), True), ((), True), ((), True), (("review",), True), ((), True), ((), False),
    ]  # fmt: skip
    assert [p.target for p in now["r3"].placements] == [0, 1]
    assert [p.target for p in now["r4"].placements] == [0, 1]
    assert all(now[id].source == before[id].source for id in now)


def test_every_row_is_kept_rejected_or_quarantined(
    reviewed: tuple[Store, Imported, Path],
) -> None:
    store, found, _ = reviewed
    (funnel,) = query(
        store,
        f"""SELECT count(*) AS "in", count(*) FILTER (reason IS NULL AND error IS NULL) AS kept,
            count(*) FILTER (reason IS NOT NULL) AS rejected,
            count(*) FILTER (error IS NOT NULL) AS quarantined
            FROM units WHERE run = '{found.run}'""",  # noqa: S608
    ).to_pylist()
    assert funnel == {"in": 7, "kept": 5, "rejected": 1, "quarantined": 1}
    made = [s for s in query(store, "SELECT * FROM shards").to_pylist() if s["run"] == found.run]
    (corpus,) = [json.loads(s["counts"]) for s in made if s["stage"] == "materialise"]
    assert (corpus["rows_in"], corpus["rows"], corpus["rejected"], corpus["quarantined"]) == (
        7,
        5,
        1,
        1,
    )
    assert corpus["reason:review"] == 1


def test_the_counts_say_what_the_review_did(reviewed: tuple[Store, Imported, Path]) -> None:
    _, found, _ = reviewed
    assert {name: n for name, n in found.counts.items() if n} == {
        "reviewed": 5, "not_reviewed": 2, "unchanged": 1, "accepted_by_review": 1,
        "rejected_by_review": 1, "spans_moved": 1, "spans_removed": 2, "spans_added": 2,
        "spans_relabelled": 1,
    }  # fmt: skip
    assert found.met["utf16"] == 2  # what stands behind an emoji: r2's one, and أمس
    assert found.by_place[("spa", "train")]["reviewed"] == 5


def test_the_run_names_its_parent_and_its_file(reviewed: tuple[Store, Imported, Path]) -> None:
    store, found, path = reviewed
    digest = digest_file(path)
    assert found.run == f"{RUN}-review-{digest[:8]}"
    record = find(store, found.run)
    assert (record["parent"], record["state"]) == (RUN, "completed")
    told = record["review"]
    assert (told["file"], told["sha256"], told["reviewed"]) == ("back.json", digest, 5)
    assert (told["first"], told["last"], told["annotators"]) == (
        "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z", 1,
    )  # fmt: skip
    card = (store.root / "corpus" / f"run={found.run}" / "README.md").read_text("utf-8")
    assert "## Reviewed by hand" in card
    assert digest in card
    assert "5 of these rows were reviewed by hand" in card
    assert "A person has checked 5 of the rows." in card
    assert "No person has checked" not in card
    assert f"toy.toml\nxltpipe import-review {RUN} back.json\n" in card


def test_importing_again_is_the_same_run_with_the_same_bytes(
    reviewed: tuple[Store, Imported, Path],
) -> None:
    store, found, path = reviewed
    home = store.root / "corpus" / f"run={found.run}"
    before = {p: p.read_bytes() for p in home.rglob("*") if p.is_file()}
    started = find(store, found.run)["started"]
    assert imported(store, path) == found
    assert {p: p.read_bytes() for p in home.rglob("*") if p.is_file()} == before
    assert find(store, found.run)["started"] == started
    assert len(list((store.root / "runs").glob("*.json"))) == 2


def test_shards_without_a_reviewed_row_are_the_parents_own(tmp_path: Path) -> None:
    places = {("spa", "train"): [rows()[:4], rows()[4:]], ("fra", "train"): [relang(rows(), "fra")]}
    store = shelve(tmp_path, places)
    (task,) = [
        t for t in tasks(store, tmp_path) if t["data"]["row"] == "r5" and t["data"]["lang"] == "spa"
    ]
    found = imported(store, save(tmp_path, [answer(task, ("IBM", "PER"))]))
    old, new = parts(find(store, RUN)), parts(find(store, found.run))
    assert [(p.lang, p.split) for p in new] == [(p.lang, p.split) for p in old]
    assert [a.shard == b.shard for a, b in zip(old, new, strict=True)] == [
        p.lang == "fra" or units_of(store, p)[0] == "r1" for p in old
    ]
    counted = query(
        store,
        f"""SELECT lang, count(*) AS n FROM units WHERE run = '{found.run}'
            GROUP BY ALL ORDER BY ALL""",  # noqa: S608
    )
    assert counted.to_pylist() == [{"lang": "fra", "n": 7}, {"lang": "spa", "n": 7}]


def units_of(store: Store, part: Any) -> list[str]:
    return [r.unit.source.id for r in stored(store, [part])]


def test_a_reviewed_run_can_be_reviewed(reviewed: tuple[Store, Imported, Path]) -> None:
    store, found, path = reviewed
    t = tasks(store, path.parent, found.run)
    assert t[4]["data"]["status"] == "rejected: review"
    again = imported(
        store, save(path.parent, [answer(t[4], ("Eva", "PER"), verdict="accept")]), found.run
    )
    assert again.run.startswith(f"{found.run}-review-")
    assert covered(units(store, again.run)["r5"]) == ["Eva/PER"]
    assert units(store, again.run)["r5"].kept
    assert find(store, again.run)["parent"] == found.run
    card = (store.root / "corpus" / f"run={again.run}" / "README.md").read_text("utf-8")
    told = [line for line in card.splitlines() if line.startswith("xltpipe import-review")]
    assert told == [f"xltpipe import-review {run} back.json" for run in (RUN, found.run)]


def test_classes_are_corrected_too(tmp_path: Path) -> None:
    nli = [
        row("n1", ("It rains", "It is dry"), ("Llueve", "Está seco"), label="neutral"),
        row("n2", ("It rains", "It is wet"), ("Llueve", "Está mojado"), label="contradiction"),
    ]
    store = shelve(tmp_path, {("spa", "train"): [nli]})
    task = tasks(store, tmp_path)[0]
    task["annotations"] = [
        {
            "result": [
                {
                    "from_name": "class",
                    "to_name": "text",
                    "type": "choices",
                    "value": {"choices": ["contradiction"]},
                }
            ]
        }
    ]
    found = imported(store, save(tmp_path, [task]))
    assert [u.target.label for u in units(store, found.run).values()] == ["contradiction"] * 2
    assert found.counts["label_changed"] == 1
    task["annotations"][0]["result"][0]["value"]["choices"] = ["entailment"]
    with pytest.raises(
        DataError, match="Class must be one of the run's, contradiction, neutral, was: 'entailment'"
    ):
        imported(store, save(tmp_path, [task]))


def test_rejected_rows_without_a_verdict_stay_and_are_counted(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    t = tasks(store, tmp_path)
    found = imported(store, save(tmp_path, [answer(t[3], ("Bob", "PER"), ("París", "LOC"))]))
    row = units(store, found.run)["r4"]
    assert (row.reasons, covered(row)) == (("span_lost", "length_ratio"), ["Bob/PER", "París/LOC"])
    assert found.counts["without_verdict"] == 1


def test_a_file_without_any_review_makes_an_equal_run(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    found = imported(store, save(tmp_path, tasks(store, tmp_path)))
    assert found.counts.get("reviewed", 0) == 0
    assert units(store, found.run) == units(store, RUN)
    card = (store.root / "corpus" / f"run={found.run}" / "README.md").read_text("utf-8")
    assert "No person has checked the rows." in card


Change = Callable[[list[Json]], list[Json]]


def data(number: int, **fields: object) -> Change:
    def change(t: list[Json]) -> list[Json]:
        t[number] = answer(t[number], ("Ana", "PER"))
        t[number]["data"] |= fields
        return t

    return change


FAULTS: list[tuple[Change, str]] = [
    (data(1, run="other-1"), r"Review must be of run toy-0a1b2c3d, was: of other-1 \(.*back\.json, task 2, row 'r2'\); xltpipe import-review other-1 "),
    (data(1, row="r99"), r"Row must be one of toy-0a1b2c3d, was: 'r99', which is not \(.*task 2, row 'r99'\)"),
    (data(1, lang="fra"), r"data\.lang and data\.split must be one of spa/train, was: fra/train \(.*task 2"),
    (data(1, text="😀👩‍👩‍👧 Ana vio París"), r"data\.text must be the run's text, was: 'París' for 'Roma' at character 15 \(.*task 2.*reject the row instead"),
    (data(0, text="Ana vive en Roma."), r"data\.text must be the run's text, was: '\.' for '' at character 16"),
    (data(1, text2="more"), r"Task must have 1 texts, as the row has, was: 2 \(.*task 2"),
    (lambda t: [t[0], answer(t[1], ("Ana", "PERSON"))], r"Label must be one of the run's, LOC, PER, was: 'PERSON' \(.*task 2, row 'r2'\); rename it"),
    (lambda t: [answer(t[6], verdict="accept")], r"Row must have a translation to be accepted, was: an empty text \(.*task 1, row 'r7'\)"),
    (lambda t: [answer(t[0]), answer(t[0])], r"reviewed in one task, was: in two \(.*task 1.*; .*task 2"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=range(len(FAULTS)))
def test_what_does_not_fit_is_told_and_nothing_is_imported(
    tmp_path: Path, change: Change, message: str
) -> None:
    store = shelve(tmp_path)
    given = change(tasks(store, tmp_path))
    before = sorted(p for p in store.root.rglob("*") if p.is_file())
    with pytest.raises(DataError, match=message):
        imported(store, save(tmp_path, given))
    assert sorted(p for p in store.root.rglob("*") if p.is_file()) == before


def test_a_row_twice_of_which_one_is_reviewed_is_reviewed(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    t = tasks(store, tmp_path)
    for given in ([t[0], answer(t[0])], [answer(t[0]), t[0]]):
        assert imported(store, save(tmp_path, given)).counts["reviewed"] == 1


def test_labels_that_the_recipe_names_are_known(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    path = store.root / "runs" / f"{RUN}.json"
    record = json.loads(path.read_text("utf-8"))
    record["recipe"]["labels"] = ["PER", "LOC", "ORG"]
    path.write_text(json.dumps(record), encoding="utf-8")
    found = imported(store, save(tmp_path, [answer(tasks(store, tmp_path)[4], ("IBM", "ORG"))]))
    assert units(store, found.run)["r5"].target.spans == (Span(15, 18, "ORG"),)


def test_the_data_of_the_recipe_need_not_be_there_any_more(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    for name in ("train.conll", "test.conll"):
        (tmp_path / name).unlink()
    found = imported(store, save(tmp_path, [answer(tasks(store, tmp_path)[0], ("Ana", "PER"))]))
    assert covered(units(store, found.run)["r1"]) == ["Ana/PER"]


def test_the_review_of_a_run_that_is_not_whole_is_not_whole(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    path = store.root / "runs" / f"{RUN}.json"
    record = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(record | {"state": "failed", "error": "x"}), encoding="utf-8")
    t = tasks(store, tmp_path)
    done = imported(store, save(tmp_path, [answer(t[0], ("Ana", "PER"))]))
    after = find(store, done.run)
    assert (after["state"], RUN in after["error"]) == ("failed", True)
    with pytest.raises(DataError, match="Run must be completed"):
        published(store, done.run)
