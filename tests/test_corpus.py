"""The corpus: rows that add up, a card that never changes, files that others can read."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tests.toy_recipe import RULES, toy_recipe
from tests.toy_run import judged, materialise, read
from xltpipe import corpus, steps, tables
from xltpipe.errors import DataError
from xltpipe.recipe import Recipe
from xltpipe.rows import of_corpus
from xltpipe.runs import Outcome
from xltpipe.store import Shard, Store
from xltpipe.types import Example, Placement, Span, Unit


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return toy_recipe(tmp_path, strategies=["translate_train"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def made(recipe: Recipe, store: Store, target: str = "spa") -> Shard:
    return materialise(recipe, store, target, Outcome("translate_train", target))


def counts(store: Store, shard: Shard) -> dict[str, int]:
    manifest = store.manifest(shard)
    assert manifest is not None
    return manifest["counts"]


def test_all_rows_are_kept_where_no_rule_fails(recipe: Recipe, store: Store) -> None:
    shard = made(recipe, store)
    found = counts(store, shard)
    assert {name: number for name, number in found.items() if ":" not in name} == {
        "rows_in": 6,
        "rows": 6,
        "rejected": 0,
        "quarantined": 0,
        "masked": 0,
        "spans": 9,
        "spans_not_in_tags": 0,
        "texts": 6,
    }
    assert {name: number for name, number in found.items() if ":" in name} == {
        "label:PER": 4,
        "label:LOC": 4,
        "label:ORG": 1,
        "placed:PER": 4,
        "placed:LOC": 4,
        "placed:ORG": 1,
        "method:markers:letters": 9,
    }
    parts = steps.parts(store, shard)
    assert [p.rows for p in parts] == [4, 2]
    rows = [e for p in parts for e in of_corpus(store.read(p), "spa")]
    source = [e for p in read(recipe, store) for e in tables.table_to_examples(store.read(p))]
    assert [e.id for e in rows] == [e.id for e in source]
    assert [[e.covered(s) for s in e.spans] for e in rows] == [
        [e.covered(s) for s in e.spans] for e in source
    ]
    assert {e.lang for e in rows} == {"spa"}


def test_rejected_rows_are_counted_by_reason(recipe: Recipe, store: Store) -> None:
    rules = RULES | {"copied": {"max": 0.5}}
    shard = made(recipe.model_validate({**recipe.model_dump(), "rules": rules}), store)
    found = counts(store, shard)
    assert found["rows_in"] == 6 == found["rows"] + found["rejected"]
    assert found["rejected"] == found["reason:untranslated"] > 0
    assert found["failed:untranslated"] == found["alone:untranslated"] == found["rejected"]


def test_rows_that_vanish_are_an_error(recipe: Recipe, store: Store) -> None:
    given = judged(recipe, store, "spa", Outcome("translate_train", "spa"))
    longer = [Shard(s.stage, s.key, s.rows + 1, s.part, s.content) for s in given]
    step = corpus.materialise(recipe, store, longer, "spa", "train")
    with pytest.raises(DataError, match="kept \\+ rejected \\+ quarantined, was: 8 given, 6 read"):
        store.make(step)
    assert store.find(step) is None


def write_units(store: Store, units: list[Unit]) -> Shard:
    """A judged shard of these units."""
    from xltpipe.durable import write_table
    from xltpipe.store import Step

    def build(home: Path) -> dict[str, int]:
        write_table(tables.units_to_table(units), home / "part-00000.parquet")
        return {"rows": len(units)}

    return store.make(Step("judge", 0, {"units": repr(units)}, (), build))[0]


def test_a_row_both_rejected_and_quarantined_does_not_add_up(recipe: Recipe, store: Store) -> None:
    one = Example("1", "eng", ("Ana",))
    unit = Unit(one, Example("1", "spa", ("Ana",)), reasons=("empty",), error="boom")
    step = corpus.materialise(recipe, store, [write_units(store, [unit])], "spa", "train")
    with pytest.raises(DataError, match="was: 1 given, 1 read, 2 accounted for"):
        store.make(step)


def test_overlapping_spans_are_whole_in_spans_and_counted_out_of_tags(
    recipe: Recipe, store: Store
) -> None:
    source = Example("1", "eng", ("Bank of Cuba",))
    spans = (Span(0, 13, "ORG"), Span(9, 13, "LOC"))
    target = Example("1", "spa", ("Banco de Cuba",), spans)
    placed = (Placement(0, 0, "m"), Placement(1, 1, "m"))
    units = [Unit(source, target, placements=placed)]
    step = corpus.materialise(recipe, store, [write_units(store, units)], "spa", "train")
    shard, _ = store.make(step)
    (row,) = store.read(steps.parts(store, shard)[0]).to_pylist()
    assert row["tokens"] == ["Banco", "de", "Cuba"]
    assert row["tags"] == ["B-ORG", "I-ORG", "I-ORG"]
    assert [s["label"] for s in row["spans"]] == ["ORG", "LOC"]
    assert row["source_texts"] == ["Bank of Cuba"]
    assert counts(store, shard)["spans_not_in_tags"] == 1


def test_a_shard_of_which_nothing_is_kept_is_an_empty_file(recipe: Recipe, store: Store) -> None:
    one = Example("1", "eng", ("Ana",))
    units = [Unit(one, Example("1", "spa", ("",)), reasons=("empty",))]
    step = corpus.materialise(recipe, store, [write_units(store, units)], "spa", "train")
    shard, _ = store.make(step)
    table = store.read(steps.parts(store, shard)[0])
    assert (table.num_rows, table.schema.names) == (0, corpus.CORPUS.names)
    assert of_corpus(table, "spa") == []


def test_two_stores_hold_the_same_bytes(recipe: Recipe, tmp_path: Path) -> None:
    shelves = [Store(tmp_path / name) for name in ("one", "two")]
    shards = [made(recipe, shelf) for shelf in shelves]
    assert shards[0].key == shards[1].key
    files = [
        {p.name: p.read_bytes() for p in shelf.folder(shard).iterdir() if p.suffix != ".json"}
        for shelf, shard in zip(shelves, shards, strict=True)
    ]
    assert set(files[0]) == {"part-00000.parquet", "part-00001.parquet"}
    assert files[0] == files[1]
    cards = [shelf.root / "corpus" / f"run={recipe.run}" / "README.md" for shelf in shelves]
    assert cards[0].read_bytes() == cards[1].read_bytes()


def test_publish_makes_hive_folders(recipe: Recipe, store: Store) -> None:
    shard = made(recipe, store)
    folder = store.root / "corpus" / f"run={recipe.run}" / "lang=spa" / "split=train"
    names = ["part-00000.parquet", "part-00001.parquet"]
    assert sorted(p.name for p in folder.iterdir()) == names
    assert all((folder / n).samefile(store.folder(shard) / n) for n in names)


def test_publish_leaves_what_is_right_and_mends_what_is_not(recipe: Recipe, store: Store) -> None:
    shard = made(recipe, store)
    folder = corpus.publish(store, shard, recipe, "spa", "train")
    before = folder.stat().st_ino
    assert corpus.publish(store, shard, recipe, "spa", "train").stat().st_ino == before
    (folder / "part-00000.parquet").unlink()
    (folder / "part-00000.parquet").write_text("mine")
    (folder / "stray.parquet").write_text("old")
    corpus.publish(store, shard, recipe, "spa", "train")
    assert (folder / "part-00000.parquet").samefile(store.folder(shard) / "part-00000.parquet")
    assert not (folder / "stray.parquet").exists()
    assert list((store.root / ".tmp").iterdir()) == []


def test_a_damaged_card_of_another_part_does_not_stop_the_run_for_good(
    recipe: Recipe, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    shard = made(recipe, store)
    corpus.publish(store, shard, recipe, "spa", "dev")
    home = store.root / f"corpus/run={recipe.run}"
    whole = (home / "README.md").read_bytes()
    card = home / ".cards" / "spa.dev.json"
    for damage in (b"", b"{", card.read_bytes().replace(b'"rows": ', b'"rows": 1'), b"[]"):
        card.write_bytes(damage)
        corpus.publish(store, shard, recipe, "spa", "train")
        assert "card spa.dev.json is damaged" in caplog.text
        assert (home / "README.md").read_bytes() != whole
        corpus.publish(store, shard, recipe, "spa", "dev")
        assert (home / "README.md").read_bytes() == whole
        caplog.clear()


def test_publish_copies_where_links_cannot_be(
    recipe: Recipe, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = made(recipe, store)

    def refuse(*_: object) -> None:
        raise OSError("another device")

    monkeypatch.setattr("os.link", refuse)
    folder = corpus.publish(store, shard, recipe, "spa", "train")
    name = "part-00000.parquet"
    assert (folder / name).read_bytes() == (store.folder(shard) / name).read_bytes()


def test_duckdb_reads_the_partitions(recipe: Recipe, store: Store) -> None:
    for target in ("spa", "fra"):
        made(recipe.model_copy(update={"targets": ("spa", "fra")}), store, target)
    rows = duckdb.sql(
        """SELECT run, lang, split, count(*) AS n, sum(len(tokens)) > 0 AS cut
        FROM read_parquet($1, hive_partitioning = true) GROUP BY ALL ORDER BY lang""",
        params=[f"{store.root}/corpus/**/*.parquet"],
    ).fetchall()
    assert [(lang, split, n, cut) for _, lang, split, n, cut in rows] == [
        ("fra", "train", 6, True),
        ("spa", "train", 6, True),
    ]
    assert all(run.startswith("toy-") for run, *_ in rows)


def test_datasets_loads_it(recipe: Recipe, store: Store, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    made(recipe, store)
    folder = store.root / "corpus" / f"run={recipe.run}" / "lang=spa" / "split=train"
    cache = str(tmp_path / "cache")
    for where in ({"data_dir": str(folder)}, {"data_files": str(folder / "*.parquet")}):
        rows = datasets.load_dataset("parquet", **where, split="train", cache_dir=cache)
        assert rows.num_rows == 6
        assert rows[0]["tokens"][:2] == ["Ana", "lives"]
        assert rows[0]["tags"][0] == "B-PER"
        assert rows[0]["spans"][0]["label"] == "PER"


def test_the_manifest_says_what_made_it(recipe: Recipe, store: Store) -> None:
    manifest = store.manifest(made(recipe, store))
    assert manifest is not None
    assert manifest["identity"] == {"run": recipe.run, "target": "spa", "split": "train"}
    assert json.dumps(manifest["inputs"])
    assert len(manifest["inputs"]) == 2


def test_datasets_reads_the_card_for_languages_and_splits(
    recipe: Recipe, store: Store, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    made(recipe, store)
    home = store.root / "corpus" / f"run={recipe.run}"
    loaded = datasets.load_dataset(str(home), "spa", cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 6}
