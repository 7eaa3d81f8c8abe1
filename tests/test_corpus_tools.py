"""The verbs on rows as a person types them: exit codes, what is said, files for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.toy_recipe import toy_recipe
from tests.toy_run import run
from tests.toy_shelf import RUN, answer, shelve
from xltpipe import learning, steps
from xltpipe.cli import OK, WRONG, _main
from xltpipe.recipe_file import parse
from xltpipe.store import Store


class Terminal:
    """Runs verbs on one data folder and gives exit code, output and errors."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.capsys = home, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = _main([*arguments, "--store", str(self.home)])
        out, err = self.capsys.readouterr()
        return code, out, err


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    shelve(tmp_path)
    return Terminal(tmp_path, capsys)


@pytest.fixture
def reviewed(terminal: Terminal) -> str:
    """The run that a review made: one row accepted, one rejected, one relabelled."""
    out = terminal.home / "out.json"
    assert terminal("export", RUN, str(out), "--format", "label-studio", "--state", "all")[0] == OK
    t = json.loads(out.read_text("utf-8"))
    back = [
        answer(t[2], ("ليلى", "LOC"), ("القاهرة", "LOC")),
        answer(t[3], ("Bob", "PER"), ("París", "LOC"), verdict="accept"),
        answer(t[4], verdict="reject"),
    ]
    out.write_text(json.dumps(back), encoding="utf-8")
    code, said, err = terminal("import-review", RUN, str(out))
    assert (code, err) == (OK, "")
    name = said.split(",")[0].removeprefix("run ")
    assert name.startswith(f"{RUN}-review-")
    for words in ("accepted by review", "rejected by review", f"xltpipe diff {RUN} {name}"):
        assert words in said
    return name


def test_export_says_what_was_written_and_what_to_do_next(terminal: Terminal) -> None:
    code, out, err = terminal("export", "toy", str(terminal.home / "x.conll"), "--format", "conll")
    assert (code, err) == (OK, "")
    assert out == f"wrote 5 rows, 7 spans to {terminal.home / 'x.conll'}\n"
    code, out, _ = terminal(
        "export", RUN, str(terminal.home / "x.json"), "--format", "label-studio"
    )
    assert code == OK
    assert f"wrote {terminal.home / 'x.config.xml'}: paste it under Settings" in out
    assert f"xltpipe import-review {RUN} FILE" in out


def test_diff_of_a_review_shows_counts_then_rows_side_by_side(
    terminal: Terminal, reviewed: str
) -> None:
    code, out, err = terminal("diff", RUN, reviewed, "--json", str(terminal.home / "d.json"))
    assert (code, err) == (OK, "")
    assert out.startswith(f"A = {RUN}\nB = {reviewed}\n")
    for words in ("differing", "span_lost", "PER → LOC", "A: rejected: span_lost, length_ratio",
                  "B: rejected: review", "added: Bob [PER]", "relabelled: ليلى [PER] → ليلى [LOC]",
                  "removed: Eva [PER]"):  # fmt: skip
        assert words in out, words
    document = json.loads((terminal.home / "d.json").read_text("utf-8"))
    assert (document["a"], document["b"]) == (RUN, reviewed)
    assert document["rows"][0]["differing"] == 3 == len(document["differing"])
    assert [row["id"] for row in document["differing"]] == ["r3", "r4", "r5"]
    assert document["differing"][0]["b"]["target"]["spans"][0]["covered"] == "ليلى"


def test_diff_of_equal_runs_and_fewer_rows_than_differ(terminal: Terminal, reviewed: str) -> None:
    code, out, _ = terminal("diff", RUN, RUN)
    assert (code, "no difference" in out) == (OK, True)
    code, out, _ = terminal("diff", RUN, reviewed, "--rows", "1")
    assert (code, "… 2 more rows differ" in out) == (OK, True)


def test_show_and_sample_know_the_reviewed_run(terminal: Terminal, reviewed: str) -> None:
    code, out, _ = terminal("show", reviewed)
    assert (code, "review" in out) == (OK, True)
    code, out, _ = terminal("sample", reviewed, "--reason", "review")
    assert (code, "r5" in out, "1 of 1 such rows" in out) == (OK, True, True)


def test_sample_prints_rows_for_people_and_for_programs(terminal: Terminal) -> None:
    code, out, err = terminal("sample", RUN, "--state", "rejected")
    assert (code, err) == (OK, "")
    assert "rejected: span_lost, length_ratio" in out
    assert "París[LOC]" in out
    code, out, err = terminal("sample", RUN, "--rows", "100", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, err, len(lines)) == (OK, "", 7)
    (arabic,) = [line for line in lines if line["id"] == "r3"]
    assert [s["covered"] for s in arabic["target"]["spans"]] == ["ليلى", "القاهرة"]
    drawn = [terminal("sample", RUN, "--rows", "2", "--seed", n, "--json")[1] for n in "330124"]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1
    code, out, _ = terminal("sample", RUN, "--state", "kept", "--reason", "span_lost")
    assert (code, "0 of 0 such rows" in out) == (OK, True)


def test_control_characters_are_shown_not_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.toy_shelf import row

    unit = row(
        "\x1b[31mid",
        ("a\x1b[2Jb",),
        ("\x1b]0;x\x07 Ana",),
        [("b", "PER", "Ana")],
        reasons=("\x1bbad",),
    )
    shelve(tmp_path, {("spa", "train"): [[unit]]})
    for verb in (("sample", RUN), ("diff", RUN, RUN)):
        out = Terminal(tmp_path, capsys)(*verb)[1]
        assert "\x1b" not in out
    assert "␛[2J" in Terminal(tmp_path, capsys)("sample", RUN)[1]


Faulty = Callable[[Path], list[str]]
FAULTS: list[tuple[Faulty, str]] = [
    (lambda _: ["sample", "boy"], "Run must be one of the store's, was: 'boy'"),
    (lambda _: ["sample", RUN, "--rows", "0"], "Number of rows must be at least 1, was: 0"),
    (lambda _: ["sample", RUN, "--state", "good"], 'Invalid value "good" for --state'),
    (lambda _: ["sample", RUN, "--label", "ORG"], "Label must be one of the run's, LOC, PER"),
    (lambda _: ["diff", RUN, "boy"], "Run must be one of the store's, was: 'boy'"),
    (lambda h: ["diff", RUN, RUN, "--json", str(h / "no" / "d.json")], "File must lie in a folder"),
    (lambda h: ["export", RUN, str(h), "--format", "jsonl"], "File must lie in a folder"),
    (lambda h: ["export", RUN, str(h / "x"), "--format", "csv"], 'Invalid value "csv" for --format'),
    (lambda h: ["export", RUN, str(h / "x"), "--format", "squad"], "two texts, question and context"),
    (lambda h: ["export", RUN, str(h / "x"), "--format", "jsonl", "--limit", "0"], "at least 1"),
    (lambda h: ["import-review", RUN, str(h / "no.json")], "Review must be a file, was: "),
    (lambda h: ["import-review", RUN, str(h / "store" / "xltpipe.duckdb")], "Review must be"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), FAULTS, ids=range(len(FAULTS)))
def test_wrong_input_is_one_message_and_exit_code_2(
    terminal: Terminal, arguments: Faulty, message: str
) -> None:
    code, out, err = terminal(*arguments(terminal.home))
    assert (code, out) == (WRONG, "")
    assert message in err
    assert "Traceback" not in err


def test_a_run_that_is_not_completed_is_told(terminal: Terminal) -> None:
    path = terminal.home / "store" / "runs" / f"{RUN}.json"
    record = json.loads(path.read_text("utf-8")) | {"state": "failed"}
    path.write_text(json.dumps(record), encoding="utf-8")
    _, out, _ = terminal("export", RUN, str(terminal.home / "x"), "--format", "jsonl")
    assert "the run is failed: these are its rows so far" in out


def test_a_real_run_goes_out_is_corrected_and_trains_a_tagger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way: run, export, correct, import, export as gold, and learn from that."""
    recipe = toy_recipe(tmp_path)
    run(recipe, Store(tmp_path / "store"))
    terminal = Terminal(tmp_path, capsys)
    out = tmp_path / "out.json"
    assert (
        terminal("export", recipe.run, str(out), "--format", "label-studio", "--state", "all")[0]
        == OK
    )
    t = json.loads(out.read_text("utf-8"))
    row = next(task for task in t if "IBM" in task["data"]["text"])
    out.write_text(json.dumps([answer(row, ("IBM", "ORG"), ("Eva", "PER"), verdict="accept")]))
    said = terminal("import-review", recipe.run, str(out))
    assert said[0] == OK, said
    name = said[1].split(",")[0].removeprefix("run ")
    gold = tmp_path / "gold.parquet"
    assert terminal("export", name, str(gold), "--format", "parquet")[0] == OK
    supervised = [{"lang": "spa", "data": {"kind": "parquet", "path": "gold.parquet"}}]
    settings: dict[str, Any] = recipe.model_dump(mode="json", exclude={"folder"}) | {
        "supervised": supervised
    }
    again = parse(settings, tmp_path / "again.toml")
    examples = list(again.gold("spa").data.read("spa", again.root))
    (read,) = [e for e in examples if "IBM" in e.texts[0]]
    assert [read.covered(s) for s in read.spans] == ["IBM", "Eva"]
    store = Store(tmp_path / "store")
    made, _ = store.make(steps.read(again, again.gold("spa").data, "spa"))
    tagger, built = store.make(
        learning.train(again, store, [learning.Portion("spa", tuple(steps.parts(store, made)))])
    )
    assert (built, tagger.stage) == (True, "train")
