"""Comparisons: pairs with and without gold, methods that fail, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.toy_recipe import settings, toy_recipe
from tests.toy_run import run
from xltpipe import progress
from xltpipe.comparison import Comparison, compare
from xltpipe.comparison.cases import cases, sample
from xltpipe.comparison.document import document
from xltpipe.comparison.methods import contenders
from xltpipe.comparison.pairs import parallel
from xltpipe.comparison.scores import by_type, counts, reasons, scores
from xltpipe.errors import DataError, MissingExtraError, RecipeError
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import parse
from xltpipe.store import Store
from xltpipe.types import Example

GOLD = """\
Ana B-PER
vive O
en O
Roma B-LOC

ayer O
salió O
Bob B-PER
de O
París B-LOC

Llueve O
otra O
vez O

IBM B-ORG
contrató O
a O
Eva B-PER
en O
Oslo B-LOC

Nadie O
llamó O
a O
Max B-PER

El O
Nilo B-LOC
es O
largo O
"""
HMM = {"kind": "aligned", "aligner": {"kind": "hmm", "prior": None}}
ATTENTION = {"kind": "aligned", "aligner": {"kind": "attention"}}
MARKERS = {"kind": "markers", "style": "letters"}
NAMED = [
    {"name": "hmm", "projection": HMM},
    {"name": "runs", "projection": {**HMM, "mode": "longest_run"}},
]


def gold_section(path: str = "gold.conll", lang: str = "spa") -> list[dict[str, Any]]:
    return [{"lang": lang, "data": {"kind": "conll", "path": path}}]


def toy(folder: Path, gold: str | None = GOLD, **compared: Any) -> Recipe:
    """The toy recipe with a [compare] section, and gold beside it where there is some."""
    section = {"projections": NAMED, **compared}
    if gold is not None:
        (folder / "gold.conll").write_text(gold, encoding="utf-8")
        section["gold"] = gold_section()
    return toy_recipe(folder, compare=section)


@pytest.fixture(autouse=True)
def no_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "notes", [])  # other tests leave theirs


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def states(found: Comparison) -> dict[str, str]:
    return {f.method: f.state for f in found.languages[0].findings}


# Recipes

REFUSED = [
    ({"projections": [NAMED[0], NAMED[0]]}, "compare: projections must have different names, was"),
    ({"gold": gold_section() * 2}, "compare: gold must be given once per language, was: spa, spa"),
    ({"gold": gold_section(lang="fra")}, "compare.gold must be in a target language, was: fra"),
    ({"rows": 0}, r"compare\.rows: .*greater than or equal to 1"),
    ({"row": 5}, r"compare\.row: unknown key; did you mean 'rows'"),
    (
        {"projections": [{"name": "a", "projection": {"kind": "magic"}}]},
        r"compare\.projections\.0\.projection: kind must be one of aligned",
    ),
    ({"projections": [{"name": "A b", "projection": HMM}]}, r"compare\.projections\.0\.name: "),
]


@pytest.mark.parametrize(("section", "message"), REFUSED)
def test_a_wrong_section_is_told_by_key(section: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse(settings(compare=section), Path("toy.toml"))


def test_what_is_compared_does_not_change_the_run(tmp_path: Path) -> None:
    plain = toy_recipe(tmp_path)
    assert toy(tmp_path).run == plain.run
    assert toy(tmp_path).identity() == plain.identity()


# With gold


def test_beside_gold(tmp_path: Path, store: Store) -> None:
    found = compare(toy(tmp_path), store)
    (one,) = found.languages
    assert (one.lang, one.rows, one.left_out, found.failed) == ("spa", 6, 0, False)
    assert [f.method for f in one.done] == ["hmm", "runs"]
    hmm = one.done[0]
    assert hmm.units[0].target.texts == ("Ana vive en Roma",)
    assert (hmm.spans, hmm.aligner, hmm.kind) == (9, "hmm", "aligned")
    assert hmm.seconds.train > 0
    assert hmm.seconds.project is not None
    assert hmm.seconds.align is not None
    strict, partial = scores(one, hmm)
    assert strict.details["support"] == 9
    assert 0 < strict.value <= partial.value <= 1
    right = counts(one, hmm)["exact"]
    assert strict.details["recall"] == pytest.approx(right / 9)
    assert sum(counts(one, hmm).values()) == 9 + counts(one, hmm)["no_source"]
    assert sum(reasons(one, hmm).values()) == counts(one, hmm)["lost"]
    types = by_type(one, hmm)
    assert list(types) == ["LOC", "ORG", "PER"]
    assert sum(row["exact"] for row in types.values()) == right
    assert types["PER"]["f1_strict"] <= types["PER"]["f1_partial"]


def test_signatures_tell_all_that_decides(tmp_path: Path, store: Store) -> None:
    (one,) = compare(toy(tmp_path), store).languages
    signatures = [score.signature for f in one.done for score in scores(one, f)]
    assert len(set(signatures)) == 4
    assert signatures[0].startswith("projection_f1|mode:strict|method:hmm|kind:aligned|aligner:hmm")
    for part in ("|lang:spa|", "|source:eng|", "|text:given|", "|n:6|", "|v:"):
        assert part in signatures[0]
    assert len({f.settings for f in one.done}) == 2


def test_in_place_methods_leave_given_texts_alone_and_see_no_gold(
    tmp_path: Path, store: Store
) -> None:
    (one,) = compare(toy(tmp_path), store).languages
    bare = GOLD.replace("B-PER", "O").replace("B-LOC", "O").replace("B-ORG", "O")
    (tmp_path / "other").mkdir()
    (blind,) = compare(toy(tmp_path / "other", gold=bare), Store(tmp_path / "b")).languages
    for with_gold, without in zip(one.done, blind.done, strict=True):
        assert [u.target for u in with_gold.units] == [u.target for u in without.units]
    assert counts(blind, blind.done[0])["exact"] == 0


def test_methods_that_write_their_own_text_are_listed_as_not_applicable(
    tmp_path: Path, store: Store
) -> None:
    section = [*NAMED, {"name": "marked", "projection": MARKERS}]
    found = compare(toy(tmp_path, projections=section), store)
    assert states(found) == {"hmm": "done", "runs": "done", "marked": "not_applicable"}
    assert "target texts are given" in str(found.languages[0].findings[2].error)
    assert not found.failed


@pytest.mark.parametrize("rows", [1, 4, 5, 99])
def test_the_first_rows(tmp_path: Path, store: Store, rows: int) -> None:
    (one,) = compare(toy(tmp_path, rows=rows), store).languages
    kept = min(rows, 6)
    assert (one.rows, one.left_out) == (kept, 6 - kept)
    assert len(one.gold or ()) == len(one.done[0].units) == kept
    assert len(one.outcomes) == kept


def test_a_second_time_nothing_is_made(tmp_path: Path, store: Store) -> None:
    first = compare(toy(tmp_path), store)
    manifests = {p: p.stat().st_mtime_ns for p in store.root.rglob("manifest.json")}
    again = compare(toy(tmp_path), store)
    assert {p: p.stat().st_mtime_ns for p in store.root.rglob("manifest.json")} == manifests
    assert document(again) == document(first)


# Parallel


def example(id: str, *texts: str) -> Example:
    return Example(id, "eng", texts or (id,))


def test_rows_are_matched_by_id_where_ids_are_shared_else_by_order() -> None:
    sources = [example("a"), example("b")]
    by_id = parallel(sources, [example("b", "B"), example("a", "A")])
    assert [(g.id, g.texts) for g in by_id] == [("a", ("A",)), ("b", ("B",))]
    by_order = parallel(sources, [example("x", "B"), example("y", "A")])
    assert [(g.id, g.texts) for g in by_order] == [("a", ("B",)), ("b", ("A",))]
    assert parallel([], []) == []


MISMATCHES = [
    (["a", "b"], ["x"], r"by order, was: row 1: train has 'b' \['b'\], gold has no row \(2 rows"),
    (["a"], ["x", "y"], r"by order, was: row 1: train has no row, gold has 'y' \['y'\]"),
    (["a", "b"], ["a", "c"], r"by id, was: row 1: train has 'b' \['b'\], gold has no row"),
    (["a"], ["a", "c"], r"by id, was: row 1: train has no row, gold has 'c' \['c'\]"),
    ([], ["x"], r"was: row 0: train has no row, gold has 'x'"),
]


@pytest.mark.parametrize(("sources", "golds", "message"), MISMATCHES)
def test_a_mismatch_names_the_row_and_both_sides(
    sources: list[str], golds: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        parallel([example(i) for i in sources], [example(i) for i in golds])


def test_another_number_of_texts_is_a_mismatch() -> None:
    with pytest.raises(DataError, match=r"row 0: train has 'a' \['q', 'c'\], gold has 'x' \['p'\]"):
        parallel([example("a", "q", "c")], [example("x", "p")])


def test_gold_that_is_too_short_is_told(tmp_path: Path, store: Store) -> None:
    short = GOLD.rsplit("\n\n", 1)[0] + "\n"
    with pytest.raises(DataError, match=r"row 5: train has 'train-6' \['The Nile is long'\], gold"):
        compare(toy(tmp_path, gold=short), store)


def test_empty_gold_is_told(tmp_path: Path, store: Store) -> None:
    with pytest.raises(DataError, match="must hold at least one example"):
        compare(toy(tmp_path, gold=""), store)


# Without gold


def test_against_each_other(tmp_path: Path, store: Store) -> None:
    section = [*NAMED, {"name": "marked", "projection": MARKERS}]
    (one,) = compare(toy(tmp_path, gold=None, projections=section), store).languages
    assert one.gold is None
    marked = one.done[2]
    assert all(p.target is not None for u in marked.units for p in u.placements)
    coverage, agreement = scores(one, marked)
    assert (coverage.value, coverage.name) == (1.0, "projection_coverage")
    assert 0 <= agreement.value <= 1
    assert "others:hmm." in agreement.signature
    assert "|text:translated|" in coverage.signature
    assert set(one.agreement) == {("hmm", "runs"), ("hmm", "marked"), ("runs", "marked")}
    assert all(pairs.comparable == 9 for pairs in one.agreement.values())
    assert sum(counts(one, marked).values()) == 9


@pytest.mark.parametrize(("rows", "left"), [(1, 5), (5, 1), (6, 0)])
def test_rows_without_gold(tmp_path: Path, store: Store, rows: int, left: int) -> None:
    (one,) = compare(toy(tmp_path, gold=None, rows=rows), store).languages
    assert (one.rows, one.left_out, len(one.done[0].units)) == (rows, left, rows)
    assert [u.source.id for u in one.done[0].units] == [f"train-{n + 1}" for n in range(rows)]


@pytest.mark.parametrize("rows", [None, 5])
def test_what_a_run_made_is_used(tmp_path: Path, store: Store, rows: int | None) -> None:
    recipe = toy_recipe(tmp_path, projection=HMM)
    run(recipe, store)
    made = {p.parent.parent.name for p in store.root.glob("translate/*/*/manifest.json")}
    only = [{"name": "own", "projection": HMM}]
    section = {"projections": only} | ({} if rows is None else {"rows": rows})
    (one,) = compare(toy_recipe(tmp_path, projection=HMM, compare=section), store).languages
    assert one.rows == (rows or 6)
    after = {p.parent.parent.name for p in store.root.glob("translate/*/*/manifest.json")}
    assert after == made
    projected = len(list(store.root.glob("project/*/*/manifest.json")))
    assert projected == 2 if rows is None else projected > 2


# What is compared where nothing is named


def test_without_a_section_the_recipes_own_and_others(tmp_path: Path, store: Store) -> None:
    recipe = toy_recipe(tmp_path)  # projection markers, engine copy: neither attention nor markers
    names = [c.name for c in contenders(recipe, given=False)]
    assert names[:2] == ["recipe", "hmm"]
    assert "attention" not in names
    found = compare(recipe, store)
    assert states(found)["recipe"] == states(found)["hmm"] == "done"


def test_an_engine_with_a_model_offers_attention_and_markers(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, projection=HMM, translation={"kind": "ctranslate2"})
    names = [c.name for c in contenders(recipe, given=False)]
    assert {"attention", "markers"} < set(names)
    assert "markers" not in [c.name for c in contenders(recipe, given=True)]
    assert "hmm" not in names  # it is the recipe's own


def test_an_aligner_that_is_not_installed_is_said_to_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: object) -> None:
        raise MissingExtraError('pip install "xltpipe[fast_align]"')

    monkeypatch.setattr("xltpipe.comparison.methods.FastAlign.check", missing)
    names = [c.name for c in contenders(toy_recipe(tmp_path), given=False)]
    assert "fast_align" not in names
    assert any("fast_align is not compared: pip install" in note for note in progress.notes)


# Methods that fail


def test_a_failing_method_does_not_keep_the_others_from_it(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: object) -> None:
        raise MissingExtraError('Package must be installed: pip install "xltpipe[eflomal]"')

    monkeypatch.setattr("xltpipe.alignment.Eflomal.check", missing)
    section = [
        {"name": "absent", "projection": {"kind": "aligned", "aligner": {"kind": "eflomal"}}},
        {"name": "no-model", "projection": ATTENTION},
        *NAMED,
    ]
    found = compare(toy(tmp_path, projections=section), store)
    assert states(found) == {
        "absent": "failed",
        "no-model": "failed",
        "hmm": "done",
        "runs": "done",
    }
    errors = [str(f.error) for f in found.languages[0].findings]
    assert 'pip install "xltpipe[eflomal]"' in errors[0]
    assert "must have a CTranslate2 model" in errors[1]
    assert found.failed
    assert [f.method for f in found.languages[0].done] == ["hmm", "runs"]


def test_a_fault_that_is_nobodys_plan_is_shown_by_its_type(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xltpipe.alignment.HMM.train", lambda *_: 1 / 0)
    found = compare(toy(tmp_path), store)
    assert set(states(found).values()) == {"failed"}
    assert found.languages[0].findings[0].error == "ZeroDivisionError: division by zero"
    (one,) = found.languages
    assert (one.outcomes, one.agreement, cases(one)) == ([], {}, [])
    assert document(found)["languages"][0]["errors"] == []


def test_being_stopped_is_no_methods_failure(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise progress.Stopped("align")

    monkeypatch.setattr("xltpipe.alignment.HMM.train", stop)
    with pytest.raises(progress.Stopped):
        compare(toy(tmp_path), store)


def test_a_wrong_engine_is_told_before_any_method(tmp_path: Path, store: Store) -> None:
    wrong = {"kind": "ctranslate2", "model": "/no/such/model"}
    recipe = toy_recipe(tmp_path, translation=wrong, compare={"projections": NAMED})
    with pytest.raises(RecipeError, match="/no/such/model"):
        compare(recipe, store)


# Several languages, cases, document


def test_gold_in_one_of_two_languages(tmp_path: Path, store: Store) -> None:
    (tmp_path / "gold.conll").write_text(GOLD, encoding="utf-8")
    recipe = toy_recipe(
        tmp_path,
        targets=["spa", "fra"],
        compare={"projections": NAMED, "gold": gold_section()},
    )
    spanish, french = compare(recipe, store).languages
    assert (spanish.gold is None, french.gold is None) == (False, True)


def test_cases_hold_what_was_asked_for(tmp_path: Path, store: Store) -> None:
    other = (
        GOLD.replace("Max B-PER", "Max O").replace("El O", "El B-LOC").replace("Nilo B", "Nilo I")
    )
    (one,) = compare(toy(tmp_path, gold=other), store).languages
    assert {c.number for c in cases(one, "spurious")} == {5}
    assert 6 in {c.number for c in cases(one)}
    for case in cases(one):
        assert [seen.method for seen in case.seen] == ["hmm", "runs"]
        assert case.gold is not None
        assert case.holds(["clipped", "spurious", "lost", "wrong_place", "too_wide", "shifted"])
    assert cases(one, "nonsense") == []


def test_a_sample_has_something_of_every_kind(tmp_path: Path, store: Store) -> None:
    (one,) = compare(toy(tmp_path, gold=GOLD.replace("Max B-PER", "Max O")), store).languages
    found = cases(one, "exact") + cases(one, "spurious")
    kinds = {o.kind for c in found for s in c.seen for o in s.outcomes}
    few = sample(found, 2)
    assert len(few) == 2
    assert {o.kind for c in few for s in c.seen for o in s.outcomes} >= {"exact", "spurious"}
    assert few == sample(found, 2)
    assert sample(found, 99) == found
    assert sample([], 3) == sample(found, 0) == []
    assert {"exact", "spurious"} <= kinds


def test_a_chain_tells_which_method_it_was(tmp_path: Path, store: Store) -> None:
    chain = {
        "kind": "chain",
        "methods": [{"projector": HMM, "floor": 1.0}, {"projector": {**HMM, "mode": "gap"}}],
    }
    section = [{"name": "both", "projection": chain}, NAMED[0]]
    (one,) = compare(toy(tmp_path, projections=section), store).languages
    assert [(f.kind, f.aligner, f.state) for f in one.done] == [
        ("chain", "hmm", "done"),
        ("aligned", "hmm", "done"),
    ]
    seen = [case.seen for case in cases(one, "exact")]
    told = {both.how(outcome)[:11] for both, _ in seen for outcome in both.outcomes}
    assert told <= {"1: aligned ", "2: aligned ", "no_alignment"[:11]}
    assert "2: aligned " in told
    assert all(":" not in hmm.how(outcome) for _, hmm in seen for outcome in hmm.outcomes)


def test_the_document_is_json_and_whole(tmp_path: Path, store: Store) -> None:
    section = [*NAMED, {"name": "marked", "projection": MARKERS}]
    made = document(compare(toy(tmp_path, projections=section), store))
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    (one,) = made["languages"]
    assert [m["state"] for m in one["methods"]] == ["done", "done", "not_applicable"]
    wrong = sum(
        n
        for method in one["methods"][:2]
        for kind, n in method["outcomes"].items()
        if kind not in {"exact", "absent", "no_source"}
    )
    assert len(one["errors"]) == wrong
