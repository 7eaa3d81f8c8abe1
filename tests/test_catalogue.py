"""The catalogue: views that answer from anywhere, and cannot be used to do harm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.toy_recipe import RULES, toy_recipe
from tests.toy_run import run
from xltpipe import catalogue, questions
from xltpipe.catalogue import FILE, connect, query, refresh, refreshing
from xltpipe.deciding.synthetic import kept
from xltpipe.durable import digest_file, seal, unseal
from xltpipe.errors import DataError, RecipeError, TransientError
from xltpipe.recipe import Recipe
from xltpipe.runs import begin, recording
from xltpipe.store import Store

VIEWS = (
    *("runs", "shards", "results", "units", "kept", "rejected", "quarantined"),
    *("spans", "scores", "translations"),
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Recipe]:
    """One run in which some rows are kept and some are rejected as copies."""
    home = tmp_path_factory.mktemp("toy")
    rules = RULES | {"copied": {"max": 0.5}}
    recipe = toy_recipe(home, rules=rules, targets=["spa", "fra"])
    store = Store(home / "it's a store")
    run(recipe, store)
    return store, recipe


def ask(store: Store, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in query(store, sql).to_pylist()]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_answers(shelf: tuple[Store, Recipe], view: str) -> None:
    assert query(shelf[0], f"SELECT * FROM {view}").column_names  # noqa: S608


def test_rows_add_up(shelf: tuple[Store, Recipe]) -> None:
    store, recipe = shelf
    counts = {v: ask(store, f"SELECT count(*) FROM {v}")[0][0] for v in VIEWS}  # noqa: S608
    assert counts["units"] == 12 == counts["kept"] + counts["rejected"] + counts["quarantined"]
    assert counts["rejected"] > 0
    assert counts["spans"] == 18
    assert counts["scores"] == 12
    assert counts["translations"] == 12
    assert (counts["runs"], counts["results"]) == (1, 1)
    assert ask(store, "SELECT DISTINCT run, lang, split FROM units ORDER BY lang") == [
        (recipe.run, "fra", "train"),
        (recipe.run, "spa", "train"),
    ]


def test_reasons_and_scores_are_columns(shelf: tuple[Store, Recipe]) -> None:
    store, _ = shelf
    reasons = ask(store, "SELECT DISTINCT reason, reasons FROM rejected")
    assert reasons == [("untranslated", ["untranslated"])]
    # thresholds can be chosen anew without running anything
    assert ask(store, "SELECT count(*) FROM scores WHERE copied > 0.5 AND reason IS NULL") == [(0,)]
    assert ask(store, "SELECT count(*) > 0 FROM scores WHERE copied IS NULL") == [(True,)]


def test_spans_show_both_sides(shelf: tuple[Store, Recipe]) -> None:
    store, _ = shelf
    found = ask(
        store,
        "SELECT DISTINCT label, source_span, target_span, method, rank, reason FROM spans "
        "WHERE label = 'ORG'",
    )
    assert found == [("ORG", "IBM", "IBM", "markers:letters", 0, None)]


def test_translations_show_what_was_sent_and_who_gave_what_came_back(
    shelf: tuple[Store, Recipe],
) -> None:
    store, _ = shelf
    rows = ask(
        store,
        "SELECT sent, received, engine, passed_over, fault FROM translations "
        "WHERE lang = 'spa' AND sent LIKE '%Oslo%'",
    )
    assert rows == [("[A] IBM [/A] hired [B] Eva [/B] in [C] Oslo [/C]",) * 2 + (None, [], None)]


def test_results_carry_their_signature(shelf: tuple[Store, Recipe]) -> None:
    store, recipe = shelf
    ((name, lang, test, strategy, value, signature),) = ask(
        store, "SELECT run, lang, test, strategy, value, signature FROM results"
    )
    assert (name, lang, test, strategy) == (recipe.run, "spa", "small", "translate_train")
    assert isinstance(value, float)
    assert "test:small" in str(signature)


def test_shards_know_their_size_and_time(shelf: tuple[Store, Recipe]) -> None:
    rows = ask(
        shelf[0],
        "SELECT stage, sum(rows), min(bytes) > 0, min(seconds) >= 0 FROM shards "
        "WHERE lang = 'spa' GROUP BY ALL ORDER BY stage",
    )
    assert ("translate", 6, True, True) in rows
    assert {stage for stage, *_ in rows} >= {"read", "translate", "project", "judge", "train"}


PLAIN = "SELECT count(*), count(*) FILTER (reason IS NULL) FROM units"


def test_any_duckdb_opens_it_from_anywhere(
    shelf: tuple[Store, Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = shelf
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(str(store.root / FILE), read_only=True) as connection:
        rows = connection.execute(PLAIN).fetchone()
    assert rows is not None
    assert rows[0] == 12


def test_a_moved_store_is_told_where_it_is(shelf: tuple[Store, Recipe], tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(shelf[0].root, moved)
    broken = tmp_path / "broken"
    shutil.copytree(shelf[0].root, broken)
    refresh(Store(broken))  # its views name `broken`, which is then renamed
    broken.rename(tmp_path / "elsewhere")
    with duckdb.connect(str(tmp_path / "elsewhere" / FILE), read_only=True) as connection:
        with pytest.raises(duckdb.IOException):
            connection.execute(PLAIN)
        connection.execute(f"SET VARIABLE xltpipe_root = '{moved}'")
        rows = connection.execute(PLAIN).fetchone()
    assert rows is not None
    assert rows[0] == 12
    assert ask(Store(tmp_path / "elsewhere"), PLAIN)[0][0] == 12  # ours finds itself


def test_an_empty_store_has_all_views(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(
        DataError, match=r"Catalogue must exist, was: none at .*; run a recipe first"
    ):
        query(store, "SELECT 1")
    refresh(store)
    for view in VIEWS:
        assert ask(store, f"SELECT count(*) FROM {view}") == [(0,)]  # noqa: S608
    assert "target_language" in query(store, "SELECT * FROM scores").column_names


def test_a_run_that_failed_is_in_it(tmp_path: Path) -> None:
    store, recipe = Store(tmp_path / "store"), toy_recipe(tmp_path)
    with pytest.raises(DataError, match="boom"), recording(store, recipe):
        raise DataError("boom")
    refresh(store)
    ((state, error, text),) = ask(store, "SELECT state, error, recipe FROM runs")
    assert (state, error) == ("failed", "DataError: boom")
    assert json.loads(str(text))["name"] == "toy"


def test_a_refresh_leaves_nothing_aside(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    refresh(store)
    refresh(store)
    assert list((store.root / ".tmp").iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "COPY runs TO '{root}/out.csv'",
        "COPY (SELECT 1) TO '/tmp/xltpipe-out.csv'",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM glob('/etc/*')",
        "ATTACH '/tmp/xltpipe-other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "RESET allowed_directories",
        "CREATE TABLE t AS SELECT 1",
        "CREATE OR REPLACE VIEW units AS SELECT 1",
        "INSERT INTO runs SELECT * FROM runs",
        "DELETE FROM runs",
        "DROP VIEW units",
        "EXPORT DATABASE '{root}/out'",
        "PRAGMA database_list; COPY runs TO '{root}/out.csv'",
        "SELECT 1; DROP TABLE runs",
        "EXPLAIN ANALYZE COPY runs TO '{root}/out.csv'",
        "SELECT getenv('HOME')",
        "SELECT * FROM read_text('{root}/runs/*.json')",
        "SELECT * FROM read_blob('{root}/.locks/00.lock')",
        "SELECT * FROM glob('{root}/**')",
        "SELECT * FROM '{root}/judge/../../train.conll'",
        "SELECT * FROM read_csv('{root}/judge/link.csv')",
        "SELECT * FROM read_parquet('http://localhost:1/x.parquet')",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "SELECT * FROM query($$COPY runs TO '{root}/out.csv'$$)",
        "SELECT * FROM sniff_csv('/etc/hostname')",
        "SELECT * FROM duckdb_extensions()",
        "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
        "SET memory_limit = '100GB'",
        "SET VARIABLE xltpipe_root = '/'",
        "PRAGMA temp_directory = '/tmp'",
        "CALL force_checkpoint()",
        "SELECT * FROM here",
    ],
)
def test_a_query_can_only_ask(shelf: tuple[Store, Recipe], sql: str) -> None:
    store, _ = shelf
    here = pa.table({"a": [1]})  # DuckDB would find it by its name in our own variables
    assert here.num_rows == 1
    root = str(store.root).replace("'", "''")
    link = store.root / "judge" / "link.csv"
    if not link.is_symlink():
        link.symlink_to("/etc/hostname")
    before = sorted(p for p in store.root.rglob("*"))
    content = (store.root / FILE).read_bytes()
    with pytest.raises(RecipeError, match="Query must be "):
        query(store, sql.format(root=root))
    assert sorted(p for p in store.root.rglob("*")) == before
    assert (store.root / FILE).read_bytes() == content
    assert not Path("/tmp/xltpipe-out.csv").exists()  # noqa: S108


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT x FROM runs", 'Query must be answerable, was: .*"x" not found'),
        ("SELEC 1", "Query must be answerable, was: .*syntax error"),
        ("SELECT * FROM nothing", "Query must be answerable, was: .*nothing does not exist"),
        ("", "Query must be one SELECT, was: none"),
        ("-- nothing", "Query must be one SELECT, was: none"),
    ],
)
def test_a_wrong_question_is_told_in_duckdbs_words(
    shelf: tuple[Store, Recipe], sql: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        query(shelf[0], sql)


def test_questions_other_than_select_are_answered(shelf: tuple[Store, Recipe]) -> None:
    for sql in ("FROM runs", "DESCRIBE units", "SHOW TABLES", "WITH a AS (SELECT 1) FROM a;"):
        assert query(shelf[0], sql).num_rows > 0


def test_a_query_takes_no_longer_than_it_may(shelf: tuple[Store, Recipe]) -> None:
    endless = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"
    with pytest.raises(RecipeError, match=r"Query must be answered within 0\.5 s, was: not"):
        query(shelf[0], endless, 0.5)


def test_a_query_takes_no_more_memory_than_it_may(
    shelf: tuple[Store, Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MEMORY", "100MB")
    monkeypatch.setattr(questions, "DISK", "100MB")
    with pytest.raises(RecipeError, match=r"Query must be answerable, was: Out of Memory"):
        query(shelf[0], "SELECT list(range) FROM range(100000000)")
    # what does not fit is sorted on the disk, below the store, and the disk is tidy afterwards
    monkeypatch.setattr(questions, "DISK", "1GB")
    large = "SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY hash(range)) AS n FROM range(8000000))"
    assert query(shelf[0], large).num_rows == 1
    assert list((shelf[0].root / ".tmp").iterdir()) == []


def test_an_answer_is_no_larger_than_it_may(
    shelf: tuple[Store, Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "LARGEST", 1 << 20)
    assert query(shelf[0], "SELECT * FROM range(100000)").num_rows == 100_000
    with pytest.raises(RecipeError, match=r"Answer must be at most 1,048,576 bytes"):
        query(shelf[0], "SELECT * FROM range(1000000000)")


def test_the_settings_of_a_connection(shelf: tuple[Store, Recipe]) -> None:
    asked = "SELECT name, value FROM duckdb_settings()"
    found = {row["name"]: row["value"] for row in query(shelf[0], asked).to_pylist()}
    assert found["enable_external_access"] == found["autoload_known_extensions"] == "false"
    assert found["autoinstall_known_extensions"] == found["allow_community_extensions"] == "false"
    assert found["allow_persistent_secrets"] == found["python_enable_replacements"] == "false"
    assert found["lock_configuration"] == "true"


def test_connections_are_closed(shelf: tuple[Store, Recipe]) -> None:
    with connect(shelf[0]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(duckdb.Error):
        connection.execute("SELECT 1")


@pytest.fixture
def small(tmp_path: Path) -> tuple[Store, Recipe]:
    """A store of its own, in a folder whose name is full of pattern characters."""
    recipe = toy_recipe(tmp_path, rules=RULES)
    store = Store(tmp_path / "st[1]*")
    run(recipe, store)
    return store, recipe


def test_a_row_counts_once_however_many_strategies_share_it(small: tuple[Store, Recipe]) -> None:
    store, recipe = small
    with recording(store, recipe) as outcomes:
        begin("corpus", "spa").shards.extend(outcomes[0].shards)
    refresh(store)
    assert ask(store, "SELECT count(*), count(DISTINCT id) FROM units") == [(6, 6)]


def test_a_rerun_that_fails_does_not_take_the_earlier_rows_away(
    small: tuple[Store, Recipe],
) -> None:
    store, recipe = small
    with pytest.raises(ValueError, match="boom"), recording(store, recipe):
        raise ValueError("boom")
    refresh(store)
    assert ask(store, "SELECT state, error FROM runs") == [("failed", "ValueError: boom")]
    assert ask(store, "SELECT count(*) FROM kept") == [(6,)]
    assert ask(store, "SELECT count(*) FROM results")[0][0] > 0


def test_a_strategy_that_fails_half_way_leaves_what_it_made(small: tuple[Store, Recipe]) -> None:
    store, recipe = small
    with recording(store, recipe) as outcomes:
        shards = list(outcomes[0].shards)
    with pytest.raises(ValueError, match="boom"), recording(store, recipe):
        begin("translate_train", "spa").shards.extend(shards)
        raise ValueError("boom")
    refresh(store)
    assert ask(store, "SELECT count(*) FROM units") == [(6,)]
    assert ask(store, "SELECT count(*) FROM results") == [(0,)]


def test_a_store_of_before_there_were_faults_stays_readable(small: tuple[Store, Recipe]) -> None:
    store, _ = small
    made_later = {"fault", "engine", "passed_over", "via"}
    for path in (store.root / "judge").rglob("part-*.parquet"):
        table = pq.read_table(path)
        place = table.schema.get_field_index("received")
        fields = [f for f in table.schema.field(place).type.value_type if f.name not in made_later]
        rows = [[{f.name: t[f.name] for f in fields} for t in r] for r in table[place].to_pylist()]
        column = pa.array(rows, pa.list_(pa.struct(fields)))
        pq.write_table(table.set_column(place, "received", column), path)
        manifest = json.loads((path.parent / "manifest.json").read_text())
        manifest["files"][0] |= {"bytes": path.stat().st_size, "sha256": digest_file(path)}
        del manifest["sealed"], manifest["digest"]
        (path.parent / "manifest.json").write_text(json.dumps(manifest))
    refresh(store)
    assert ask(store, "SELECT count(*) FROM kept") == [(6,)]
    rows = ask(store, "SELECT DISTINCT engine, passed_over, fault FROM translations")
    assert rows == [(None, [], None)]
    connection = connect(store)
    with connection:
        (run,) = connection.execute("SELECT DISTINCT run FROM units").fetchone() or ("",)
        assert len(kept(connection, run, "spa", 9)) == 6


def test_one_damaged_file_does_not_take_the_questions_down(small: tuple[Store, Recipe]) -> None:
    store, _ = small
    damaged = next((store.root / "judge").rglob("part-*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    refresh(store)
    assert ask(store, "SELECT count(*) FROM runs") == [(1,)]
    assert ask(store, "SELECT count(*) < 6 FROM units") == [(True,)]


def test_a_record_that_cannot_be_read_is_left_out(
    small: tuple[Store, Recipe], caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = small
    (store.root / "runs" / "broken.json").write_text("{")
    refresh(store)
    assert ask(store, "SELECT count(*) FROM runs") == [(1,)]
    assert "broken.json cannot be read" in caplog.text


def test_a_record_of_which_a_bit_flipped_is_left_out(
    small: tuple[Store, Recipe], caplog: pytest.LogCaptureFixture
) -> None:
    store, recipe = small
    path = store.root / "runs" / f"{recipe.run}.json"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"rows": 4', b'"rows": 5', 1))
    assert path.read_bytes() != whole
    refresh(store)
    assert query(store, "SELECT count(*) AS n FROM runs")["n"].to_pylist() == [0]
    assert "cannot be read as it was written: left out; the next run of its recipe" in caplog.text
    run(recipe, store)
    assert query(store, "SELECT state FROM runs")["state"].to_pylist() == ["completed"]


@pytest.mark.parametrize("damage", ["truncate", "zero", "flip the head"])
def test_a_damaged_catalogue_is_told_and_written_anew(
    small: tuple[Store, Recipe], damage: str
) -> None:
    store, recipe = small
    path = store.root / FILE
    content = path.read_bytes()
    if damage == "truncate":
        path.write_bytes(content[:9000])  # within its headers
    elif damage == "zero":
        path.write_bytes(bytes(len(content)))
    else:
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:8] + b"\0" + content[9:])
    with pytest.raises(DataError, match=r"file that DuckDB can read.*the next run"):
        query(store, "SELECT 1")
    run(recipe, store)
    assert query(store, "SELECT state FROM runs")["state"].to_pylist() == ["completed"]


def test_a_catalogue_that_cannot_be_written_does_not_hide_what_stopped_the_run(
    small: tuple[Store, Recipe], caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = small
    (store.root / "empty" / "judge.parquet").unlink()
    (store.root / "empty" / "judge.parquet").mkdir()  # the catalogue's own file cannot be there
    with pytest.raises(DataError, match="the real reason"), refreshing(store):
        raise DataError("the real reason")
    assert "catalogue could not be written" in caplog.text
    with pytest.raises(OSError, match=r"judge\.parquet"), refreshing(store):
        pass


def test_a_name_means_the_newest_run_of_that_name_before_those_that_begin_so() -> None:
    from xltpipe.reporting.run import find

    rows = [
        ("toy-1", "toy", "2026-01-01"),
        ("toy-2", "toy", "2026-01-02"),
        ("toy-2-review-3", "toy-2-review", "2026-01-03"),
    ]
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE runs (run TEXT, name TEXT, state TEXT, started TEXT, ended TEXT, "
            "error TEXT, recipe TEXT)"
        )
        for run, name, started in rows:
            connection.execute(
                "INSERT INTO runs VALUES ($1, $2, 'completed', $3, $3, NULL, '{}')",
                [run, name, started],
            )
        found = {wanted: find(connection, wanted).id for wanted in ("toy", "toy-1", "toy-2-r")}
    assert found == {"toy": "toy-2", "toy-1": "toy-1", "toy-2-r": "toy-2-review-3"}


@pytest.fixture
def many(small: tuple[Store, Recipe], monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Recipe]:
    """A store whose files are too many to be named in a view."""
    monkeypatch.setattr(catalogue, "FEW", 1)
    refresh(small[0])
    return small


@pytest.mark.parametrize("view", VIEWS)
def test_many_files_give_the_same_answers(
    many: tuple[Store, Recipe], monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    store, _ = many
    found = query(store, f"SELECT * FROM {view} ORDER BY ALL")  # noqa: S608
    monkeypatch.undo()
    refresh(store)
    again = query(store, f"SELECT * FROM {view} ORDER BY ALL")  # noqa: S608
    assert sorted(found.column_names) == sorted(again.column_names)
    assert found.select(again.column_names).to_pylist() == again.to_pylist()


def test_any_duckdb_is_told_how_to_open_many_files(many: tuple[Store, Recipe]) -> None:
    store, _ = many
    with duckdb.connect(str(store.root / FILE), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
        with pytest.raises(duckdb.Error, match="SET VARIABLE xltpipe_files") as told:
            connection.execute("SELECT count(*) FROM kept")
        connection.execute(str(told.value).partition("first: ")[2])
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (6,)


def test_many_files_of_several_shapes_are_one_view(
    many: tuple[Store, Recipe], tmp_path: Path
) -> None:
    store, recipe = many
    changed = toy_recipe(tmp_path, quality={"alignment": {"aligner": {"kind": "hmm"}}})
    assert changed.run != recipe.run
    run(changed, store)
    assert ask(store, "SELECT count(DISTINCT shape) FROM files") == [(2,)]
    assert ask(store, "SELECT run, count(*) FROM units GROUP BY 1 ORDER BY 1") == sorted(
        [(recipe.run, 6), (changed.run, 6)]
    )
    column = ask(store, "SELECT DISTINCT run FROM scores WHERE alignment_coverage IS NOT NULL")
    assert column == [(changed.run,)]


def test_a_damaged_one_of_many_files_is_left_out(many: tuple[Store, Recipe]) -> None:
    store, _ = many
    damaged = next((store.root / "judge").rglob("part-*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    refresh(store)
    assert ask(store, "SELECT count(*) < 6 FROM units") == [(True,)]


def test_manifests_are_read_once(
    small: tuple[Store, Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = small
    before = ask(store, "SELECT * FROM shards ORDER BY ALL")
    read: list[str] = []
    whole = Store.manifest
    monkeypatch.setattr(
        Store, "manifest", lambda self, shard: read.append(shard.stage) or whole(self, shard)
    )
    refresh(store)
    assert set(read) <= {"evaluate"}  # scores are few, and read anew
    assert ask(store, "SELECT * FROM shards ORDER BY ALL") == before


def test_a_manifest_that_was_written_anew_is_read_anew(small: tuple[Store, Recipe]) -> None:
    store, _ = small
    manifest = next((store.root / "project").rglob("manifest.json"))
    key = manifest.parent.name
    content = unseal(manifest.read_bytes())
    assert content is not None
    manifest.write_text(seal(content | {"seconds": 77.0}))
    refresh(store)
    assert ask(store, f"SELECT DISTINCT seconds FROM shards WHERE key = '{key}'") == [(77.0,)]  # noqa: S608
    manifest.unlink()
    refresh(store)
    assert ask(store, f"SELECT count(*) FROM shards WHERE key = '{key}'") == [(0,)]  # noqa: S608


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (duckdb.OutOfMemoryException("failed to allocate\n\nSolutions:"), TransientError, "memory"),
        (duckdb.IOException("No space left on device"), DataError, "Store must be a folder"),
        (duckdb.ParserException("syntax error"), duckdb.ParserException, "syntax"),
    ],
)
def test_what_the_machine_lacks_is_told(
    small: tuple[Store, Recipe],
    monkeypatch: pytest.MonkeyPatch,
    said: Exception,
    kind: type[Exception],
    told: str,
) -> None:
    def fail(store: Store, aside: Path) -> Path:
        raise said

    monkeypatch.setattr(catalogue, "_refresh", fail)
    with pytest.raises(kind, match=told) as caught:
        refresh(small[0])
    assert "Solutions" not in str(caught.value)


@pytest.mark.parametrize("damage", ["garbage", "older", "none"])
def test_a_last_catalogue_of_no_use_is_done_without(
    small: tuple[Store, Recipe], damage: str
) -> None:
    store, _ = small
    before = ask(store, "SELECT * FROM shards ORDER BY ALL")
    (store.root / FILE).unlink()
    if damage == "garbage":
        (store.root / FILE).write_bytes(b"no database" * 1000)
    elif damage == "older":
        duckdb.connect(str(store.root / FILE)).close()
    refresh(store)
    assert ask(store, "SELECT * FROM shards ORDER BY ALL") == before
