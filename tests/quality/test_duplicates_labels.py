"""Rows with the same text and other labels: counted, and none of them chosen in silence."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toy_recipe import RULES, TRAIN, toy_recipe
from tests.toy_run import run
from xltpipe import tables
from xltpipe.catalogue import connect
from xltpipe.cli.render import summary
from xltpipe.quality import GRAVITY, Rules
from xltpipe.quality.batch import Batch
from xltpipe.quality.duplicates import By, Duplicates, find
from xltpipe.quality.duplicates_choice import STANDING, choose
from xltpipe.quality.duplicates_labels import label_keys
from xltpipe.reporting.artefacts import artefacts, record
from xltpipe.reporting.counts import counted
from xltpipe.store import Store
from xltpipe.types import Example, Span, Unit

TEXT = "Jordan met the mayor of Washington in the old town hall on Monday."
NEXT = TEXT.replace("Monday", "Mondays")
JORDAN, WASHINGTON = Span(0, 6, "PER"), Span(24, 34, "LOC")

Labels = tuple[Span, ...] | str | None


def unit(source: str, labels: Labels = None, target: str = "El alcalde.") -> Unit:
    spans, name = ((), labels) if isinstance(labels, str) else (labels or (), None)
    return Unit(Example("1", "eng", (source,), spans, name), Example("1", "spa", (target,)))


def chosen(
    rows: Sequence[Unit], scratch: Path, by: By = "pair", worst: Sequence[int] = ()
) -> dict[int, tuple[float, float, int]]:
    """Of each row with company: in a conflict, a duplicate, and the row that it is a copy of."""
    return {
        row["row"]: (row["label_conflict"], row["duplicate"], row["kept_row"])
        for row in table(rows, scratch, Duplicates(by=by, near=False), worst).to_pylist()
    }


def table(
    rows: Sequence[Unit], scratch: Path, settings: Duplicates, worst: Sequence[int] = ()
) -> pa.Table:
    groups = find(iter([(0, tables.units_to_table(rows))]), settings, scratch)
    level = [
        {"shard": 0, "row": k, "passes": k not in worst, "placed": 1.0} for k in range(len(rows))
    ]
    return choose(groups, [pa.Table.from_pylist(level, schema=STANDING)], settings)


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ((JORDAN,), (JORDAN, WASHINGTON), True),
        ((JORDAN,), (), True),
        ((JORDAN,), (Span(0, 6, "LOC"),), True),
        ((JORDAN,), (Span(0, 10, "PER"),), True),
        ((JORDAN, WASHINGTON), (WASHINGTON, JORDAN, WASHINGTON), False),  # a set
        ("politics", "sports", True),
        ("politics", None, True),
        ("politics", "politics", False),
        (None, None, False),
    ],
)
def test_two_rows(one: Labels, other: Labels, differ: bool, tmp_path: Path) -> None:  # noqa: FBT001
    rows = [unit("Other."), unit(TEXT, one), unit(TEXT, other)]
    if differ:
        assert chosen(rows, tmp_path) == {1: (1, 0, 1), 2: (1, 0, 2)}
    else:
        assert chosen(rows, tmp_path) == {1: (0, 0, 1), 2: (0, 1, 1)}


def test_three_rows_with_two_labels(tmp_path: Path) -> None:
    rows = [unit(TEXT, "politics"), unit(TEXT, "sports"), unit(TEXT, "politics")]
    assert chosen(rows, tmp_path) == {0: (1, 0, 0), 1: (1, 0, 1), 2: (1, 1, 0)}
    # the best of those that agree stays, and the other label with it
    assert chosen(rows, tmp_path, worst=[0, 1]) == {0: (1, 1, 2), 1: (1, 0, 1), 2: (1, 0, 2)}


def test_other_translations_of_one_text_contradict_each_other(tmp_path: Path) -> None:
    rows = [unit(TEXT, "politics", "Uno."), unit(TEXT, "sports", "Dos.")]
    assert chosen(rows, tmp_path) == {0: (1, 0, 0), 1: (1, 0, 1)}


def test_one_translation_of_two_texts(tmp_path: Path) -> None:
    rows = [unit(TEXT, "politics"), unit(TEXT, "sports"), unit("Jordan met him.", "weather")]
    found = chosen(rows, tmp_path, by="target")
    assert found == {0: (1, 0, 0), 1: (1, 0, 1), 2: (0, 1, 0)}
    assert chosen(rows, tmp_path) == {0: (1, 0, 0), 1: (1, 0, 1)}


def test_rows_that_contradict_each_other_are_not_nearly_equal_either(tmp_path: Path) -> None:
    # 0 and 1 are equal, 2 to 4 nearly equal to them; 3 and 4 differ in their translation, too
    rows = [unit(TEXT, "a"), unit(TEXT, "b"), unit(NEXT), unit(NEXT, None), unit(NEXT, "c", "No.")]
    found = table(rows, tmp_path, Duplicates(by="source")).to_pylist()
    assert [(r["label_conflict"], r["duplicate"], r["kept_row"]) for r in found] == [
        (1, 0, 0),
        (1, 0, 1),  # not a copy of 0
        (1, 0, 0),
        (1, 1, 2),
        (1, 0, 0),
    ]
    near = [r["near_duplicate"] for r in found]
    assert near[:2] == [0.0, 0.0]
    assert 0.8 <= near[2] == near[3] == near[4] < 1.0


def test_blank_rows_and_rows_in_error_contradict_none(tmp_path: Path) -> None:
    broken = Unit(*(Example("1", lang, (TEXT,), (), "x") for lang in ("eng", "spa")), error="cut")
    rows = [unit(TEXT, "politics"), broken, unit(" ", "a", ""), unit("", "b", "")]
    assert chosen(rows, tmp_path) == {}


def keys(*rows: Unit) -> list[bytes]:
    made = tables.units_to_table(rows)
    return label_keys(Batch(made).source, pc.struct_field(made.column("source"), "label"))


def test_places_count_in_the_text_as_it_is_compared() -> None:
    plain = unit("Zoë saw Ana", (Span(0, 3, "PER"), Span(8, 11, "PER")))
    spaced = unit("  Zoe\u0308\tsaw\u00a0  Ana ", (Span(2, 6, "PER"), Span(13, 16, "PER")))
    other = unit("  Zoe\u0308\tsaw\u00a0  Ana ", (Span(2, 6, "PER"), Span(7, 10, "PER")))
    one, same, differs = keys(plain, spaced, other)
    assert one == same != differs
    # texts do not run into each other, nor labels into classes
    pair = [
        Unit(Example("1", "eng", ("Ana", "Ana"), (Span(0, 3, "PER", k),)), plain.target)
        for k in (0, 1)
    ]
    assert len(set(keys(*pair, unit("Ana", "PER"), unit("Ana")))) == 4


WORDS = st.lists(st.text("abé\u0301", min_size=1, max_size=3), min_size=1, max_size=5)


@given(WORDS, st.data())
def test_white_space_changes_no_label(words: list[str], data: st.DataObject) -> None:
    gaps = [data.draw(st.text(" \t\n", min_size=1, max_size=3)) for _ in words]
    edge = data.draw(st.text(" ", max_size=2))
    span = data.draw(st.integers(0, len(words) - 1))

    def row(words: Sequence[str], gaps: Sequence[str], edge: str) -> Unit:
        text, bounds = edge, []
        for word, gap in zip(words, gaps, strict=True):
            bounds.append((len(text), len(text) + len(word)))
            text += word + gap
        return unit(text, (Span(*bounds[span], "X"),))

    composed = [unicodedata.normalize("NFC", word) for word in words]
    plain = row(composed, [" "] * len(words), "")
    assert len(set(keys(plain, row(words, gaps, edge), row(composed, gaps, edge)))) == 1


def test_conflicts_do_not_depend_on_the_cut(tmp_path: Path) -> None:
    rows = [unit(f"Text {k % 150}", "ab"[k % 7 == 0]) for k in range(600)]
    whole = tables.units_to_table(rows)
    told = []
    for size in (600, 1, 77):
        shards = enumerate(whole.slice(k, size) for k in range(0, 600, size))
        groups = find(shards, Duplicates(near=False, memory_mb=64), tmp_path)
        groups = groups.filter(pc.equal(groups.column("kind"), "conflict"))
        where = groups.column("shard").to_numpy() * size + groups.column("row").to_numpy()
        told.append((where.tolist(), groups.drop_columns(["shard", "row"])))
    assert told[0] == told[1] == told[2]
    labels = [{rows[k].source.label for k in range(n, 600, 150)} for n in range(150)]
    assert len(told[0][0]) == sum(4 for found in labels if len(found) > 1) > 100


def test_the_rule_is_off_and_graver_than_that_of_copies() -> None:
    assert Rules().label_conflict is None
    rules = Rules.model_validate({"label_conflict": {"max": 0}})
    assert rules.verdict({"label_conflict": 1.0, "duplicate": 1.0}) == (
        "labels_conflict",
        "duplicate",
    )
    assert GRAVITY.index("label_conflict") < GRAVITY.index("duplicate")


AGAIN = TRAIN + "\nBob B-ORG\nleft O\nParis B-LOC\nyesterday O\n\nIt O\nrains O\nagain O\n"
"""Row 7 is row 2 with another label, row 8 is row 3."""


def test_in_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "store")
    toy_recipe(tmp_path)
    (tmp_path / "train.conll").write_text(AGAIN, encoding="utf-8")
    strict = toy_recipe(tmp_path, rules={**RULES, "label_conflict": {"max": 0}})
    told = []
    for recipe in (toy_recipe(tmp_path), strict):
        run(recipe, store)
        made = artefacts(store, record(store, recipe.run))
        (choice,) = [one for one in made if one.stage == "choose"]
        assert choice.manifest["counts"]["label_conflicts"] == 2
        assert [c.number for c in counted(made) if c.what == "label_conflicts"] == [2]
        with connect(store) as connection:
            told.append(
                connection.execute(
                    "SELECT source_text, scores.label_conflict, scores.duplicate, reasons "
                    "FROM units WHERE run = $1",
                    [recipe.run],
                ).fetchall()
            )
            summary(connection, recipe.run)
        assert "2  rows whose text stands elsewhere" in capsys.readouterr().out
    for rows, reasons in zip(told, ([], ["labels_conflict"]), strict=True):
        bob = [row[1:] for row in rows if "Bob" in row[0]]
        assert bob == [(1.0, 0.0, reasons)] * 2
        rains = sorted(row[1:3] for row in rows if "rains" in row[0])
        assert rains == [(0.0, 0.0), (0.0, 1.0)]
        assert sum(row[1] for row in rows) == 2


def test_a_row_that_falls_does_not_take_along_what_is_like_it(tmp_path: Path) -> None:
    """Rows in a conflict are no better than one that is only nearly equal to them."""
    words = " O\n".join(f"word{k}" for k in range(40))
    rows = [f"{words} O\n{name}\n" for name in ("Ana B-PER", "Ana B-ORG", "Anna B-PER")]
    toy_recipe(tmp_path)
    (tmp_path / "train.conll").write_text("\n".join([*rows, TRAIN]), encoding="utf-8")
    store = Store(tmp_path / "store")
    rules = {**RULES, "near_duplicate": {"max": 0.8}, "longest_text": False}
    kept = []
    for changes in ({}, {"label_conflict": {"max": 0}}):
        recipe = toy_recipe(tmp_path, rules=rules | changes)
        run(recipe, store)
        with connect(store) as connection:
            found = connection.execute(
                "SELECT source_text FROM kept WHERE run = $1 AND source_text LIKE 'word%'",
                [recipe.run],
            ).fetchall()
        kept.append([text.split()[-1] for (text,) in found])
    assert kept == [["Ana", "Ana"], ["Anna"]]
