"""`xltpipe quality`: what it prints, writes and refuses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.deciding.deciding_run import LEAST, decided
from tests.toy_recipe import RULES, toy_recipe
from tests.toy_run import run as run_again
from xltpipe.catalogue import connect
from xltpipe.cli import OK, WRONG, _main
from xltpipe.deciding import decision, effects
from xltpipe.quality import COLUMNS
from xltpipe.quality.combination import read
from xltpipe.reporting.run import find
from xltpipe.store import Store

REASON = COLUMNS["target_words"].reason


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quality")
    decided(folder)
    return folder


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, runs of spaces as one."""
    return re.sub(r" +", " ", capsys.readouterr().out)


def quality(home: Path, *words: str) -> int:
    return _main(["quality", *words, "--store", str(home)])


def test_scorers_names_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert _main(["quality", "scorers"]) == OK
    out = told(capsys)
    for name, column in COLUMNS.items():
        assert f"{name} {column.reason} {column.unit}" in out
    assert "≥ 0.3333 ≤ 3" in out


def test_preview_of_the_own_rules(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quality(home, "preview", "toy", "--rows", "1") == OK
    out = told(capsys)
    assert "spa train 60 50 10 0\n" in out
    assert "gained" not in out
    assert f"target_words ≥ {LEAST} 10 10" in out
    assert "target_words min 10: just outside" in out
    assert "target_words min 10: just inside" in out
    assert "[PER]" in out
    assert f"also {REASON}" not in out


def test_preview_of_changed_rules(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--set", "target_words=false", "--set", "length_ratio.max=0.9"]
    assert quality(home, "preview", "toy", *words, "--rows", "0") == OK
    out = told(capsys)
    assert "kept by the run gained lost" in out
    assert "spa train 60 0 60 0 50 0 50\n" in out
    assert "length_ratio ≥ 0.3333 ≤ 0.9 60 60" in out
    assert "target_words" not in out
    assert "just" not in out


def test_preview_of_another_recipe(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    off = "".join(f"{name} = false\n" for name in (*RULES, "near_duplicate", "target_words"))
    text = (
        'name = "other"\ntargets = ["spa"]\ntrain = { kind = "conll", path = "train.conll" }\n'
        f'[translation]\nkind = "copy"\n[rules]\n{off}'
    )
    (home / "other.toml").write_text(text, encoding="utf-8")
    assert quality(home, "preview", "toy", "--recipe", str(home / "other.toml")) == OK
    assert "spa train 60 60 0 0 50 10 0\n" in told(capsys)


def test_preview_writes_nothing(home: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in home.rglob("*")}
    assert quality(home, "preview", "toy", "--set", "copied.max=0.1") == OK
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["preview", "nope"], "must be one of the catalogue's"),
        (["preview", "toy", "--set", "copied.max=3"], "in its range 0 to 1"),
        (["preview", "toy", "--set", "copied"], "must be like length_ratio.max=2.5"),
        (["preview", "toy", "--rows", "-1"], "rows"),
        (["preview", "toy", "--recipe", "none.toml"], "no such file"),
        (["suggest", "toy", "--percentile", "60"], "between 0 and 50"),
        (["suggest", "toy", "--write", "rules.json"], "must end in .toml"),
        (["suggest", "toy", "--write", "/nowhere/rules.toml"], "can be written"),
        (["suggest", "toy", "--labelled", "none.jsonl"], "Labelled rows must be a UTF-8 file"),
        (["suggest", "toy", "--method", "percentile", "--labelled", "x"], "method learned"),
        (["suggest", "toy", "--method", "magic"], "magic"),
        (["suggest", "toy", "--method", "learned", "--false-alarms", "2"], "alarms"),
    ],
)
def test_wrong_input_is_one_message(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], error: str
) -> None:
    assert quality(home, *words) == WRONG
    err = capsys.readouterr().err
    assert error in err
    assert "Traceback" not in err


def test_suggested_percentiles_can_be_pasted(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "rules.toml"
    words = ["suggest", "toy", "--percentile", "20", "--write", str(file)]
    assert quality(home, *words) == OK
    out = told(capsys)
    rules = tomllib.loads(file.read_text(encoding="utf-8"))["rules"]
    assert rules["target_words"]["min"] > LEAST - 5
    assert "xltpipe quality suggest toy-" in file.read_text(encoding="utf-8")
    assert "drops" in out
    recipe = toy_recipe(home, rules={**RULES, **rules})
    assert recipe.rules.limits()["target_words"].min == rules["target_words"]["min"]


def test_a_learned_model_can_be_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Suggested, pasted, run: the run drops what the suggestion said it would."""
    file = home / "learned.toml"
    words = ["suggest", "toy", "--method", "learned", "--false-alarms", "0.4"]
    assert quality(home, *words, "--write", str(file)) == OK
    out = told(capsys)
    assert "clean (false alarms)" in out
    assert "dropped_span" in out
    pasted = tomllib.loads(file.read_text(encoding="utf-8"))
    assert "not written" not in out
    model = read(home / "learned.json")
    assert pasted["quality"]["combined"] == {"model": "learned.json"}
    assert pasted["rules"]["combined"] == {"min": model.threshold}
    said = int(re.search(r"combined ≥ \S+ (\d+) ", out)[1]) if "combined ≥" in out else 0

    own = {**RULES, "near_duplicate": False, "target_words": {"min": LEAST}}
    rules = {"rules": own | pasted["rules"], "quality": pasted["quality"]}
    recipe = toy_recipe(home, name="pasted", shard_rows=16, **rules)
    store = Store(home / "store")
    run_again(recipe, store)
    with connect(store) as connection:
        row = connection.execute(
            "SELECT count(*), count(scores.combined), "
            "count(*) FILTER (scores.combined < $2) FROM units WHERE run = $1",
            [recipe.run, model.threshold],
        ).fetchone()
        foreseen = effects(
            connection, find(connection, "toy-").id, decision(find(connection, "toy-"), recipe)
        )
    assert row == (60, 60, said)
    assert foreseen.of("combined")[0] == said
    assert said > 0


def test_a_learned_block_without_its_model_says_how_to_get_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(home.iterdir())
    assert quality(home, "suggest", "toy", "--method", "learned") == OK
    out = told(capsys)
    assert 'combined = { model = "FILE.json" } # not written yet' in out
    assert "nothing was written" in out
    assert "with --write FILE.toml writes both, the model to FILE.json" in out
    assert sorted(home.iterdir()) == before


def test_a_run_without_judged_rows_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from xltpipe.catalogue import refresh
    from xltpipe.runs import recording

    recipe, store = toy_recipe(tmp_path), Store(tmp_path / "store")
    with recording(store, recipe):
        pass
    refresh(store)
    assert quality(tmp_path, "preview", "toy") == OK
    assert "no row of this run has been judged yet" in told(capsys)
    assert quality(tmp_path, "suggest", "toy") == OK
    assert "no row of this run has been judged yet" in told(capsys)
    assert quality(tmp_path, "suggest", "toy", "--method", "learned") == WRONG
    assert "must have kept rows to learn from" in capsys.readouterr().err


def test_long_texts_at_the_border_are_cut_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from xltpipe.cli import quality_tables
    from xltpipe.deciding.border import Near

    text = "Ana " + "x" * 5000 + " Eva\x1b[2J"
    spans = [
        {"start": 0, "end": 3, "label": "PER", "text": 0},
        {"start": 5005, "end": 5008, "label": "PER", "text": 0},
    ]
    side = {"texts": [text], "spans": spans}
    words = ("target_words", "min", 10.0, False, 9.0, "spa", "train", "r1", (REASON,))
    quality_tables.border([Near(*words, side, side)])
    out = capsys.readouterr().out
    assert out.count("[PER]") == 2
    assert f"… {len(text) - quality_tables.SHOWN:,} more characters" in out
    assert "\x1b[2J" not in out


def test_the_lines_of_a_text_are_told_from_the_next_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from xltpipe.cli import quality_tables
    from xltpipe.deciding.border import Near

    spans = [{"start": 9, "end": 14, "label": "LOC", "text": 0}]
    side = {"texts": ["Bob left\nParis", "and wept"], "spans": spans}
    words = ("target_words", "min", 10.0, False, 9.0, "spa", "train", "r1", (REASON,))
    quality_tables.border([Near(*words, side, side)])
    assert capsys.readouterr().out.count("  Bob left\n    Paris[LOC]\n  and wept\n") == 2
