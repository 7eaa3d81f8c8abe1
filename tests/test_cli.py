"""The command line: exit codes, and messages that say what to do."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from rich.text import Text

import xltpipe
from tests.toy_recipe import TEST, TRAIN
from tests.toy_run import run
from xltpipe.cli import FAILED, OK, WRONG, _main, data, render
from xltpipe.cli.functions import FUNCTIONS
from xltpipe.errors import DataError, MissingExtraError, TransientError
from xltpipe.recipe_file import load
from xltpipe.store import Store

RECIPE = """\
name = "toy"
targets = ["spa"]
shard_rows = 4

[train]
kind = "conll"
path = "train.conll"

[[tests]]
name = "small"
lang = "spa"
data = { kind = "conll", path = "test.conll" }

[translation]
kind = "copy"

[projection]
kind = "markers"
style = "letters"

[rules]
copied = { max = 0.5 }
identical = false
similarity = false
target_language = false

[training]
kind = "crf"
max_iterations = 5
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "toy.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "train.conll").write_text(TRAIN, encoding="utf-8")
    (tmp_path / "test.conll").write_text(TEST, encoding="utf-8")
    return tmp_path


class Terminal:
    """Runs commands in a store of their own and gives exit code, output and errors."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.capsys = home, capsys

    def __call__(self, *arguments: str, store: bool = True) -> tuple[int, str, str]:
        more = ["--store", str(self.home / "data")] if store else []
        self.capsys.readouterr()
        code = _main([*arguments, *more])
        out, err = self.capsys.readouterr()
        return code, out, err

    def plan(self) -> tuple[int, str, str]:
        return self("plan", str(self.home / "toy.toml"))

    def edit(self, old: str, new: str) -> None:
        path = self.home / "toy.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def terminal(home: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(home, capsys)


def test_plan_says_what_is_to_do_and_then_that_nothing_is(home: Path, terminal: Terminal) -> None:
    code, out, err = terminal.plan()
    assert (code, err) == (OK, "")
    for stage in ("read", "translate", "project", "judge", "train", "evaluate"):
        assert stage in out
    assert "depends on earlier stages" in out
    run(load(home / "toy.toml"), Store(home / "data" / "store"))
    code, out, _ = terminal.plan()
    assert (code, "nothing to do: everything is on the shelf" in out) == (OK, True)
    assert not re.search(r"error|Traceback", out)


def test_plan_estimates_the_translation(terminal: Terminal) -> None:
    terminal.edit('kind = "copy"', 'kind = "ctranslate2"')
    code, out, _ = terminal.plan()
    assert code == OK
    assert re.search(r"to translate: 6 rows, about \d+ tokens, about \d+ s", out)


# A file made wrong or edits of the recipe, and the message.
FAULTS: list[tuple[tuple[str, bytes] | None, dict[str, str], str]] = [
    (("toy.toml", b"name = [\n"), {}, r"Recipe must be TOML, was: .*toy\.toml"),
    (("toy.toml", b"\xff\xfe\n"), {}, r"Recipe must be a readable UTF-8 file, was: .*toy\.toml"),
    (
        None,
        {"[translation]": "[translaton]"},
        r"translaton: unknown key; did you mean 'translation'\?",
    ),
    (
        None,
        {'kind = "crf"\n': 'kind = "crf"\nmax_iteration = 5\n'},
        r"training\.max_iteration: unknown key; did you mean 'max_iterations'\?",
    ),
    (None, {'kind = "copy"': 'kind = "google"'}, r"kind must be one of ctranslate2, .*copy"),
    (None, {'"train.conll"': '"nope.conll"'}, r"Path must name a file, was: 'nope\.conll'.*nope"),
    (("train.conll", b"Ana B-PER\nlives\nhere O\n\nHe O\nleft O\n"), {}, r"train\.conll:2\)"),
    (("train.conll", b"Jos\xe9 B-PER\nleft O\n"), {}, r"must be utf-8 text, .*train\.conll:1\)"),
    (("train.conll", b""), {}, r"must hold at least one example"),
    (
        ("train.conll", b"# sent_id = a\nAna O\nleft O\n\n# sent_id = a\nBob O\nleft O\n"),
        {},
        r"(?s)'a'.*train\.conll",
    ),
    (
        (
            "train.conll",
            b'{"id": "1", "text": "Ana", "spans": [{"start": 0, "end": 9, "label": "PER"}]}\n',
        ),
        {'kind = "conll"\npath = "train.conll"': 'kind = "jsonl"\npath = "train.conll"'},
        r"spans\[0\] must satisfy 0 <= start < end <= 3, .*end=9.*train\.conll:1",
    ),
    (None, {'kind = "copy"': 'kind = "ctranslate2"\nmodel = "/no/such/model"'}, r"/no/such/model"),
    (None, {'kind = "copy"': 'kind = "ctranslate2"', '"spa"': '"hau"'}, r"Hausa|hau"),
]


@pytest.mark.parametrize(("file", "edits", "message"), FAULTS)
def test_what_is_wrong_is_said_with_code_2(
    home: Path,
    terminal: Terminal,
    file: tuple[str, bytes] | None,
    edits: dict[str, str],
    message: str,
) -> None:
    for old, new in edits.items():
        terminal.edit(old, new)
    if file:
        (home / file[0]).write_bytes(file[1])
    code, out, err = terminal.plan()
    assert (code, out) == (WRONG, "")
    assert err.startswith("error: ")
    assert re.search(message, err), err
    assert "Traceback" not in err


def test_a_missing_recipe_tells_how_to_write_one(terminal: Terminal) -> None:
    code, _, err = terminal("plan", "nope.toml")
    assert code == WRONG
    assert re.search(r'was: /.*/nope\.toml \(no such file\); "xltpipe recipe new NAME"', err)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_is_told(home: Path, terminal: Terminal) -> None:
    (home / "data").mkdir(mode=0o500)
    code, _, err = terminal.plan()
    assert (code, "Store must be a folder that can be written" in err) == (WRONG, True)


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_store_that_cannot_be_is_told_before_anything_starts(
    home: Path, terminal: Terminal, verb: str
) -> None:
    (home / "data").write_text("a file")
    code, _, err = terminal(verb, str(home / "toy.toml"))
    assert code == WRONG
    assert re.search(r"Store must be a folder that can be written, was: .*--store to another", err)


def test_run_meets_a_wrong_recipe_before_anything_starts(home: Path, terminal: Terminal) -> None:
    terminal.edit('kind = "copy"', 'kind = "ctranslate2"\nmodel = "/no/such/model"')
    code, _, err = terminal("run", str(home / "toy.toml"))
    assert (code, "/no/such/model" in err) == (WRONG, True)


ARGUMENTS = [
    (["paln", "x.toml"], "paln"),
    (["plan"], "recipe|RECIPE"),
    (["plan", "x.toml", "--stoer", "x"], "stoer"),
    (["show", "x", "--rows", "many"], "rows|many"),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_wrong_arguments(terminal: Terminal, arguments: list[str], message: str) -> None:
    code, _, err = terminal(*arguments, store=False)
    assert (code, err[:7]) == (WRONG, "error: ")
    assert re.search(message, err)


def test_help_names_every_verb(terminal: Terminal) -> None:
    for arguments in ([], ["--help"]):
        code, out, _ = terminal(*arguments, store=False)
        assert code == OK
        assert all(verb in out for verb in ("plan", "run", "show", "runs", "query", "recipe"))


def test_help_says_of_verbs_imported_later_what_their_docstrings_say(terminal: Terminal) -> None:
    _, out, _ = terminal("--help", store=False)
    for path, text in FUNCTIONS.items():
        module, name = path.split(":")
        told = inspect.getdoc(getattr(import_module(module), name)) or ""
        assert text.split() == told.partition("Parameters\n---")[0].split()
        assert f"{name.replace('_', '-')} " in out
        assert " ".join(text.split()[:3]) in out


def test_version(terminal: Terminal) -> None:
    code, out, _ = terminal("--version", store=False)
    assert (code, out.strip()) == (OK, xltpipe.__version__)


# recipe new


def test_recipe_new_writes_one_that_can_be_planned(home: Path, terminal: Terminal) -> None:
    code, out, _ = terminal("recipe", "new", "mine", "--folder", str(home), store=False)
    # a terminal breaks a long path
    assert (code, "".join(out.split())) == (OK, f"wrote{home / 'mine.toml'}")
    code, _, err = terminal("plan", str(home / "mine.toml"))  # its test file is not there yet
    assert (code, "test.spa.conll" in err) == (WRONG, True)
    (home / "test.spa.conll").write_text(TEST, encoding="utf-8")
    code, out, err = terminal("plan", str(home / "mine.toml"))
    assert (code, err) == (OK, "")
    assert "translate_test" in out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy", "Recipe must be a new file, was: .*toy.toml \\(exists\\); choose another name"),
        ("My Recipe", "must be lower-case letters, digits, dots and dashes, was: 'My Recipe'"),
        ("../up", "must be lower-case"),
    ],
)
def test_recipe_new_refuses(home: Path, terminal: Terminal, name: str, message: str) -> None:
    code, _, err = terminal("recipe", "new", name, "--folder", str(home), store=False)
    assert code == WRONG
    assert re.search(message, err)
    assert (home / "toy.toml").read_text(encoding="utf-8") == RECIPE


def test_recipe_new_says_where_it_could_not_write(home: Path, terminal: Terminal) -> None:
    code, _, err = terminal("recipe", "new", "a", "--folder", str(home / "no"), store=False)
    assert (code, "Folder must be one to write to" in err) == (WRONG, True)


# runs, show, query


def test_without_a_catalogue(terminal: Terminal) -> None:
    for arguments in (["runs"], ["show", "x"], ["query", "FROM runs"]):
        code, _, err = terminal(*arguments)
        assert code == WRONG
        assert "Catalogue must exist, was: none at" in err
        assert "run a recipe first" in err


@pytest.fixture
def finished(home: Path, terminal: Terminal) -> Terminal:
    run(load(home / "toy.toml"), Store(home / "data" / "store"))
    return terminal


def test_runs_lists_them(home: Path, finished: Terminal) -> None:
    code, out, _ = finished("runs")
    assert code == OK
    assert load(home / "toy.toml").run in out
    assert "completed" in out


def test_show_tells_all_of_a_run(home: Path, finished: Terminal) -> None:
    name = load(home / "toy.toml").run
    code, out, err = finished("show", name, "--rows", "6")
    assert (code, err) == (OK, "")
    assert out.startswith(name)
    assert re.search(r"kept +rejected +quarantined", out)
    assert re.search(r"spa +train +untranslated +\d", out)
    assert re.search(r"span_f1\|\S*test:small\S* = \d\.\d{4}", out)
    assert out.count("kept\n") + out.count("rejected: untranslated") == 6
    assert "  Ana[PER] lives in Rome[LOC]" in out


def test_show_tells_where_the_model_lies_and_it_can_be_used(home: Path, finished: Terminal) -> None:
    """By what the guide says, word for word, but for the names of recipe and folder."""
    _, out, _ = finished("show", "toy")
    (line,) = [line for line in out.splitlines() if line.startswith("model: ")]
    told = re.fullmatch(r"model: (.+) \(translate_train: spa\)", line)
    assert told is not None
    guide = (Path(__file__).parents[1] / "docs" / "training.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide.split("## Using the model")[1], re.DOTALL)
    code, places = re.subn(r"data/store/train/\S+?/tagger", told[1], code)
    code, names = re.subn(r"my-task\.toml", str(home / "toy.toml"), code)
    assert (places, names) == (1, 1)
    finished.capsys.readouterr()
    exec(code.replace("Ana vive en Madrid.", "Ana lives in Rome"), {})  # noqa: S102 - our own guide
    assert finished.capsys.readouterr().out == "[('Ana', 'PER'), ('Rome', 'LOC')]\n"


def test_show_takes_the_beginning_of_a_name_and_a_seed(finished: Terminal) -> None:
    pairs = {seed: finished("show", "toy", "--rows", "3", "--seed", seed)[1] for seed in "0123"}
    assert finished("show", "toy", "--rows", "3", "--seed", "0")[1] == pairs["0"]
    assert len(set(pairs.values())) > 1


def test_show_of_no_pairs(finished: Terminal) -> None:
    code, out, _ = finished("show", "toy", "--rows", "0")
    assert (code, "[PER]" in out) == (OK, False)


def test_an_unknown_run_names_the_known_ones(home: Path, finished: Terminal) -> None:
    code, _, err = finished("show", "nope")
    name = load(home / "toy.toml").run
    assert code == WRONG
    assert f"Run must be one of the catalogue's, was: 'nope' (newest: {name})" in err


def test_query_answers_in_a_table(finished: Terminal) -> None:
    code, out, _ = finished("query", "SELECT count(*) AS n, avg(1.5) AS x, NULL AS y FROM units")
    assert code == OK
    assert out.split() == ["n", "x", "y", "6", "1.5000"]


def test_query_shows_brackets_and_long_texts_as_they_are(finished: Terminal) -> None:
    code, out, _ = finished("query", "SELECT '[red]x[/red]' AS a")
    assert (code, "[red]x[/red]" in out) == (OK, True)


def test_query_cuts_what_nobody_reads_and_says_so(finished: Terminal) -> None:
    _, out, _ = finished("query", "FROM range(1003)")
    assert out.rstrip().endswith("… 3 more rows")


@pytest.mark.parametrize(
    "sql", ["SELEC 1", "FROM nothing", "SELECT x FROM runs", "DROP TABLE runs", "SELECT 1 / 'a'"]
)
def test_bad_sql_is_the_users(finished: Terminal, sql: str) -> None:
    code, _, err = finished("query", sql)
    assert (code, err.startswith("error: Query must be ")) == (WRONG, True)


# Colours


def test_spans_are_coloured_and_named() -> None:
    spans = [
        {"start": 0, "end": 3, "label": "PER"},
        {"start": 13, "end": 17, "label": "LOC"},
        {"start": 0, "end": 2, "label": "SUB"},
    ]
    shown = render.coloured("Ana lives in Rome [sic]", spans)
    assert shown.plain == "Ana[PER] lives in Rome[LOC] [sic]"
    assert {shown.plain[s.start : s.end] for s in shown.spans if "bold" in str(s.style)} == {
        "Ana",
        "Rome",
    }
    assert isinstance(shown, Text)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, "0 s"),
        (59.6, "1 min 0 s"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (7260, "2 h 1 min"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert render.duration(seconds) == shown


# Codes and places


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (DataError("bad row"), WRONG, "error: bad row"),
        (MissingExtraError('pip install "xltpipe[x]"'), WRONG, r"error: pip .*xltpipe\[x\]"),
        (TransientError("busy"), FAILED, "error: busy"),
        (ZeroDivisionError("oh"), FAILED, "failed: ZeroDivisionError: oh\n.*XLTPIPE_DEBUG=1"),
        (KeyboardInterrupt(), 130, "interrupted: what is complete is kept"),
    ],
)
def test_every_end_has_its_code(
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    shown: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("xltpipe.catalogue.query", fail)
    got, _, err = terminal("runs")
    assert got == code
    assert re.match(shown, err)


def test_a_fault_is_shown_whole_where_asked(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xltpipe.catalogue.query", lambda *_: 1 / 0)
    monkeypatch.setenv("XLTPIPE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        terminal("runs")


def test_where_the_data_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XLTPIPE_DATA", raising=False)
    assert data(None) == Path(xltpipe.__file__).parents[1] / "data"
    monkeypatch.setenv("XLTPIPE_DATA", str(tmp_path))
    assert data(None) == tmp_path
    assert data(Path("x")) == Path("x")


def test_the_command_ends_with_the_code(home: Path) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        start = [sys.executable, "-c", "from xltpipe.cli import main; main()"]
        return subprocess.run(
            [*start, *arguments], capture_output=True, text=True, check=False, cwd=home
        )

    good = command("plan", "toy.toml", "--store", "data")
    assert (good.returncode, good.stderr) == (OK, "")
    assert "translate_train" in good.stdout
    bad = command("plan", "nope.toml")
    assert (bad.returncode, bad.stdout) == (WRONG, "")
    assert bad.stderr.startswith("error: Recipe must be a file")
    assert "\x1b[" not in bad.stderr  # no colours into a pipe
