"""Leaks: planted ones are found and named, in data, in aligners' text and in models' training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.toy_recipe import RULES, toy_recipe
from xltpipe import progress, steps
from xltpipe.compared.cells import expand
from xltpipe.errors import DataError, RecipeError
from xltpipe.leak import Found, Leak, Missing, demand, read
from xltpipe.leaks import check, key, together
from xltpipe.mt import recipe as training
from xltpipe.mt.card import write_card
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import load
from xltpipe.store import Store

RECIPES = Path(__file__).parents[1] / "flows" / "recipes"
SEEN = "Amina Bello vive hoy en Kano"


@pytest.fixture(autouse=True)
def _notes() -> Iterator[None]:
    before = list(progress.notes)
    progress.notes.clear()
    yield
    progress.notes[:] = before


def write(path: Path, rows: dict[str, str | list[str]]) -> dict[str, str]:
    """Rows by id as JSONL; gives the source."""
    lines = [
        json.dumps({"id": id, "texts": [t] if isinstance(t, str) else t, "label": "x"})
        for id, t in rows.items()
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"kind": "jsonl", "path": path.name}


def recipe(folder: Path, test: dict[str, str | list[str]], **changes: object) -> Recipe:
    data = write(folder / "test.jsonl", test)
    train = changes.pop("train", {"a": "Something else that was never seen"})
    given = {
        "train": write(folder / "train.jsonl", train) if isinstance(train, dict) else train,
        "tests": [{"name": "small", "lang": "spa", "data": data}],
        **changes,
    }
    return toy_recipe(folder, **given)


def test_our_samples_do_not_leak() -> None:
    assert check(load(RECIPES / "quickstart.toml")) == []
    assert all("could not be looked through" in note for note in progress.notes)


def test_a_test_row_in_train_is_named_whatever_its_case_and_signs(tmp_path: Path) -> None:
    again = f"¡{SEEN.upper()} — !"
    found = check(
        recipe(tmp_path, {"t1": "Otra frase que nadie vio", "t2": SEEN}, train={"a": again})
    )
    assert found == [Leak("duplicate", "test small (spa) are in train", ("t2",), 1, SEEN)]
    assert str(found[0]) == (
        f"1 row of test small (spa) are in train: t2 (“{SEEN}”); take them out of one of the two"
    )


def test_ten_rows_are_named_and_all_are_counted(tmp_path: Path) -> None:
    rows = {f"t{n}": f"La frase de prueba número {n}" for n in range(12)}
    (leak,) = check(recipe(tmp_path, rows, train=dict(rows)))
    assert leak.rows == tuple(f"t{n}" for n in range(10))
    assert leak.count == 12
    assert "t9 and 2 more" in str(leak)


def test_all_held_out_data_is_looked_for(tmp_path: Path) -> None:
    dev = write(tmp_path / "dev.jsonl", {"d1": "A dev row that train has too", "d2": SEEN})
    gold = write(tmp_path / "gold.jsonl", {"g": SEEN})
    changes = {
        "train": {"a": "A dev row that train has too"},
        "dev": dev,
        "supervised": [{"lang": "spa", "data": gold}],
    }
    without = check(recipe(tmp_path, {"t": SEEN}, **changes))
    assert [(leak.where, leak.rows) for leak in without] == [
        ("test small (spa) are in dev", ("t",)),
        ("dev are in train", ("d1",)),
    ]  # nothing is trained on the supervised data
    found = check(recipe(tmp_path, {"t": SEEN}, **changes, strategies=["supervised"]))
    assert [leak.where for leak in found] == [
        "test small (spa) are in supervised (spa)",
        "test small (spa) are in dev",
        "dev are in train",
        "dev are in supervised (spa)",
    ]
    assert check(recipe(tmp_path, {"t": SEEN}, **changes, strategies=["corpus"])) == []


def test_rows_of_several_texts_are_the_same_if_all_texts_are(tmp_path: Path) -> None:
    question, context = "¿Dónde vive Amina Bello hoy?", SEEN
    test = {"t": [question, context]}
    other = check(recipe(tmp_path, test, train={"a": ["¿Quién vive hoy en Kano?", context]}))
    turned = check(recipe(tmp_path, test, train={"a": [context, question]}))
    same = check(recipe(tmp_path, test, train={"a": [question, context]}))
    assert (other, turned) == ([], [])
    assert [leak.text for leak in same] == [f"{question} / {context}"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Sí, claro.", False),
        ("Uno dos tres", False),
        ("Uno dos tres cuatro", True),
        ("北京大学", False),
        ("北京大学是一所大学。", True),
        ("दिल्ली में", False),
        ("राम की किताब है", True),
        ("Ọ̀rọ̀ ẹ̀kọ́", False),
        ("ที่นี่ดี", False),
        ("กรุงเทพมหานคร", True),
        ("", False),
        ("—!", False),
    ],
)
def test_short_rows_tell_nothing(tmp_path: Path, text: str, told: bool) -> None:  # noqa: FBT001
    assert bool(check(recipe(tmp_path, {"t": text}, train={"a": text}))) is told


def test_keys_hold_letters_and_digits_of_any_form() -> None:
    assert key("  ﬁn de SEMANA, 2024! ") == key("Fin de semana — 2024")
    assert key("Zoe\u0308 lee") == key("Zoë lee")
    assert key("Straße 5") != key("Straße 6")
    assert key("¡Sí ´— ❤\ufe0f no!") == key("sí ❤ no")  # the marks of signs are signs


@pytest.mark.parametrize(
    ("test", "train"),
    [
        ("राम की किताब यहां है", "राम का किताब यहां हो"),
        ("Ọ̀rọ̀ ẹ̀kọ́ ni èyí", "Ọ̀rọ̀ ẹ̀kọ̀ ni èyí"),
        ("กรุงเทพมหานครนี้", "กรุงเทพมหานครนี่"),
    ],
)
def test_texts_that_differ_by_a_mark_are_two(tmp_path: Path, test: str, train: str) -> None:
    assert check(recipe(tmp_path, {"t": test}, train={"a": train})) == []
    assert len(check(recipe(tmp_path, {"t": f"{test}!"}, train={"a": test}))) == 1


ALIGNERS = [
    lambda hmm: hmm,
    lambda hmm: {"kind": "ensemble", "members": [hmm, {"kind": "lexical"}]},
]


@pytest.mark.parametrize("wrap", ALIGNERS, ids=["alone", "in an ensemble"])
@pytest.mark.parametrize("chained", [False, True])
def test_extra_text_of_the_aligner(tmp_path: Path, wrap: object, chained: bool) -> None:  # noqa: FBT001
    (tmp_path / "extra.tsv").write_text(f"Nothing\tNada\nAmina lives there\t{SEEN}.\n", "utf-8")
    aligned = {"kind": "aligned", "aligner": wrap({"kind": "hmm", "extra": ["extra.tsv"]})}  # type: ignore[operator]
    methods = [{"projector": aligned, "floor": 0.5}, {"projector": {"kind": "aligned"}}]
    projection = {"kind": "chain", "methods": methods} if chained else aligned
    test = {"t": ["¿Dónde?", SEEN], "u": "Nada"}
    (leak,) = check(recipe(tmp_path, test, projection=projection))  # type: ignore[arg-type]
    assert (leak.kind, leak.rows, leak.count) == ("aligner", ("t",), 1)
    assert leak.where == "test small (spa) are in the aligner's extra text (extra.tsv)"


EXTRA = {"kind": "hmm", "extra": ["extra.tsv"]}
MARKED = {"kind": "markers", "style": "letters"}


def test_extra_text_of_a_scorers_aligner_is_a_check_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "extra.tsv").write_text(f"Amina lives there\t{SEEN}\n", "utf-8")
    store, quality = Store(tmp_path / "store"), {"alignment": {"aligner": EXTRA}}
    given = {"projection": MARKED, "strict": True}
    assert kept(store, recipe(tmp_path, {"t": SEEN}, **given)) == Found()
    one = recipe(tmp_path, {"t": SEEN}, **given, quality=quality)
    assert [leak.kind for leak in kept(store, one).leaks] == ["aligner"]
    (tmp_path / "extra.tsv").write_text("Amina lives there\tOtra frase\n", "utf-8")
    assert kept(store, one) == Found()
    (tmp_path / "extra.tsv").unlink()
    with pytest.raises(RecipeError, match=r"must be readable, was: .*extra\.tsv"):
        check(one)


def test_aligners_that_are_compared_are_those_of_their_cells(tmp_path: Path) -> None:
    (tmp_path / "extra.tsv").write_text(f"Amina lives there\t{SEEN}\n", "utf-8")
    matrix = {
        "strategies": ["zero_shot", "translate_train"],
        "projections": [
            {"name": "letters", "projection": MARKED},
            {"name": "hmm", "projection": {"kind": "aligned", "aligner": EXTRA}},
        ],
        "filters": [
            {"name": "rules"},
            {"name": "links", "quality": {"alignment": {"aligner": {**EXTRA, "ibm1": 1}}}},
        ],
    }
    changes = {"projection": MARKED, "matrix": matrix, "rules": RULES, "task": "classification"}
    one = recipe(tmp_path, {"t": SEEN}, **changes, training=None)
    assert check(one) == []  # its own run uses none of them
    cells = [cell.recipe for cell in expand(one) if cell.recipe is not None]
    assert len(cells) == 5
    found = [
        (whole.projection.kind, whole.quality.alignment is not None, len(check(whole)))
        for whole in together(cells)
    ]
    assert found == [
        ("markers", False, 0),
        ("markers", True, 1),
        ("aligned", False, 1),
        ("aligned", True, 1),
    ]


def test_recipes_of_cells_are_looked_at_together(tmp_path: Path) -> None:
    write(tmp_path / "gold.jsonl", {"g": SEEN})
    write(tmp_path / "por.jsonl", {"p": "Amina Bello vive hoje em Kano"})
    data = {"spa": {"kind": "jsonl", "path": "test.jsonl"}}
    data["por"] = {"kind": "jsonl", "path": "por.jsonl"}
    gold = {"kind": "jsonl", "path": "gold.jsonl"}
    changes = {
        "targets": ["spa", "por"],
        "tests": [{"name": "t", "lang": lang, "data": one} for lang, one in data.items()],
        "supervised": [{"lang": lang, "data": gold} for lang in data],
        "matrix": {"strategies": ["zero_shot", "supervised"], "targets": ["spa"], "seeds": [1]},
        "task": "classification",
        "training": None,
    }
    one = recipe(tmp_path, {"t": SEEN}, **changes)
    (whole,) = together([cell.recipe for cell in expand(one) if cell.recipe is not None])
    assert whole.strategies == ("zero_shot", "supervised")
    assert [test.lang for test in whole.tests] == ["spa"]  # no cell has the other language
    assert [leak.where for leak in check(whole)] == ["test t (spa) are in supervised (spa)"]


def model(folder: Path, held_out: list[str], pairs: str = "pairs.tsv") -> dict[str, str]:
    """A model's folder with the card that a training writes, and the training beside it."""
    home = folder / "mine"
    home.mkdir()
    (home / "model.bin").write_bytes(b"weights")
    text = f'name = "mine"\nheld_out = {json.dumps(held_out)}\n[[pairs]]\npath = "{pairs}"\n'
    text += 'source = "en"\ntarget = "es"\ncolumns = [1, 2]\n'
    (folder / "train-mine.toml").write_text(text, "utf-8")
    outcome = SimpleNamespace(steps=1, tokens=2, minutes=3.0, why="minutes")
    made = training.load(folder / "train-mine.toml")
    write_card(made, outcome, {}, [{"used": 1}], home)  # type: ignore[arg-type]
    return {"kind": "ctranslate2", "model": "mine"}


def test_what_the_translation_model_learnt(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(
        f"{SEEN}\tAmina lives there today\tOtra frase de aquí\n1\tShe\t{SEEN}\n"
    )
    engine = model(tmp_path, [])
    test = {"t": SEEN, "u": "Otra frase de aquí", "v": "No la vio nadie nunca"}
    (leak,) = check(recipe(tmp_path, test, translation=engine))
    assert (leak.kind, leak.rows, leak.count) == ("translation", ("t", "u"), 2)
    assert leak.where == "test small (spa) were learnt by the translation model mine (pairs.tsv)"
    chain = {"kind": "fallback", "engines": [engine, {"kind": "copy"}]}
    assert check(recipe(tmp_path, test, translation=chain)) == [leak]
    assert progress.notes == []


def test_a_confined_run_reads_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "pairs.tsv").write_text(f"1\tAmina lives there\t{SEEN}\n", "utf-8")
    engine = model(tmp_path / "in", [], "../pairs.tsv")
    made = recipe(tmp_path / "in", {"t": SEEN}, translation=engine)
    assert check(made, roots=[tmp_path / "in"]) == []
    assert "could not be looked through" in progress.notes[0]
    assert len(check(made, roots=[tmp_path])) == len(check(made)) == 1


def test_what_was_held_out_was_not_learnt(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(f"1\tAmina lives there\t{SEEN}\n", "utf-8")
    (tmp_path / "tests.txt").write_text(f"{SEEN}\n", "utf-8")
    engine = model(tmp_path, ["tests.txt"])
    assert check(recipe(tmp_path, {"t": SEEN}, translation=engine)) == []


def test_what_is_held_out_later_was_learnt(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(f"1\tAmina lives there\t{SEEN}\n", "utf-8")
    (tmp_path / "none.txt").write_text("Otra frase\n", "utf-8")
    (tmp_path / "tests.txt").write_text(f"{SEEN}\n", "utf-8")
    one = recipe(tmp_path, {"t": SEEN}, translation=model(tmp_path, ["none.txt"]))
    mine, store = tmp_path / "train-mine.toml", Store(tmp_path / "store")
    before = mine.read_text("utf-8")
    mine.write_text(before.replace("none.txt", "tests.txt"), "utf-8")
    assert [leak.kind for leak in kept(store, one).leaks] == ["translation"]
    mine.write_text(before, "utf-8")
    other = before.replace("none.txt", "tests.txt")  # that of another model, from the same pairs
    (tmp_path / "train-other.toml").write_text(other, "utf-8")
    assert [leak.kind for leak in kept(store, one).leaks] == ["translation"]


def test_another_training_does_not_hide_what_was_held_out(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(f"1\tAmina lives there\t{SEEN}\n", "utf-8")
    (tmp_path / "tests.txt").write_text(f"{SEEN}\n", "utf-8")
    one = recipe(tmp_path, {"t": SEEN}, translation=model(tmp_path, ["tests.txt"]))
    other = (tmp_path / "train-mine.toml").read_text("utf-8").replace('["tests.txt"]', "[]")
    (tmp_path / "train-other.toml").write_text(other, "utf-8")
    store = Store(tmp_path / "store")
    assert kept(store, one) == Found()
    (tmp_path / "train-mine.toml").unlink()  # nobody knows now what was held out
    assert [leak.kind for leak in kept(store, one).leaks] == ["translation"]


def test_text_that_is_not_here_is_noted(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(f"1\tAmina lives there\t{SEEN}\n", "utf-8")
    engine = model(tmp_path, [])
    (tmp_path / "pairs.tsv").write_text("1\tanother file\tde otro texto\n", "utf-8")
    assert check(recipe(tmp_path, {"t": SEEN}, translation=engine)) == []
    (tmp_path / "pairs.tsv").unlink()
    (tmp_path / "other.toml").write_text("pairs = 3 [", "utf-8")  # somebody else's
    assert check(recipe(tmp_path, {"t": SEEN}, translation=engine)) == []
    assert progress.notes == [
        (
            "leaks: 1 file that the translation model mine learnt from could not be looked "
            "through: not beside the recipe or the model"
        )
    ]


def kept(store: Store, made: Recipe) -> Found:
    """What the step finds, or found before in this store."""
    return read(store.path(store.make(steps.leaks(made))[0]))


def test_training_text_that_comes_later_is_looked_through(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(f"1\tAmina lives there\t{SEEN}\n", "utf-8")
    one = recipe(tmp_path, {"t": SEEN}, translation=model(tmp_path, []))
    store, hidden = Store(tmp_path / "store"), tmp_path / "hidden"
    (tmp_path / "pairs.tsv").rename(hidden)
    for _ in range(2):  # made, then from the shelf
        progress.notes.clear()
        found = kept(store, one)
        assert found == Found((), (Missing("mine", ("pairs.0",)),))
        demand(found, strict=True)
        (note,) = progress.notes
        assert "1 file that the translation model mine learnt from could not be" in note
    hidden.rename(tmp_path / "pairs.tsv")
    found = kept(store, one)
    assert [leak.kind for leak in found.leaks] == ["translation"]
    assert found.missing == ()
    with pytest.raises(RecipeError, match="must not leak"):
        demand(found, strict=True)


def test_data_sets_that_a_card_names(tmp_path: Path) -> None:
    test = write(tmp_path / "TICO-19.spa.jsonl", {"t": SEEN})
    given = {"tests": [{"name": "covid", "lang": "spa", "data": test}]}
    (leak,) = check(recipe(tmp_path, {"t": SEEN}, translation={"kind": "ctranslate2"}, **given))
    assert str(leak) == (
        "test covid (spa) is of tico-19, from which en-es learnt; test on other data, or translate "
        "with another model"
    )
    shutil.copy(tmp_path / "TICO-19.spa.jsonl", tmp_path / "other.jsonl")
    given["tests"][0]["data"] = {"kind": "jsonl", "path": "other.jsonl"}  # type: ignore[index]
    assert check(recipe(tmp_path, {"t": SEEN}, translation={"kind": "ctranslate2"}, **given)) == []


def test_choosing_by_the_target_language_is_told(tmp_path: Path) -> None:
    dev = write(tmp_path / "dev.jsonl", {"d1": "Una frase", "d2": "Otra"})
    assert check(recipe(tmp_path, {"t": SEEN}, dev=dev)) == []
    given = {"oracle": True, "target_dev": [{"lang": "spa", "data": dev}]}
    (leak,) = check(recipe(tmp_path, {"t": SEEN}, **given))
    assert (leak.kind, leak.rows, leak.count) == ("target_dev", ("d1", "d2"), 2)
    assert "choose checkpoints (oracle = true): d1, d2 (“Una frase”)" in str(leak)


def test_test_rows_that_choose_or_are_among_the_few_are_found(tmp_path: Path) -> None:
    same = write(tmp_path / "same.jsonl", {"x": SEEN})
    chosen = {"oracle": True, "target_dev": [{"lang": "spa", "data": same}]}
    found = check(recipe(tmp_path, {"t": SEEN}, **chosen))
    assert [leak.kind for leak in found] == ["duplicate", "target_dev"]
    few = {"gold_rows": 1, "supervised": [{"lang": "spa", "data": same}]}
    assert [leak.kind for leak in check(recipe(tmp_path, {"t": SEEN}, **few))] == ["duplicate"]


def test_leaks_are_noted_or_refused(tmp_path: Path) -> None:
    leaks = Found(tuple(check(recipe(tmp_path, {"t": SEEN}, train={"a": SEEN}))))
    demand(leaks, strict=False)
    assert progress.notes == [f"leak: {leaks.leaks[0]}"]
    with pytest.raises(
        RecipeError, match=r"must not leak where strict = true, was:\n  1 row of test"
    ):
        demand(leaks, strict=True)
    demand(Found(), strict=True)


def test_data_that_cannot_be_read_is_told_as_ever(tmp_path: Path) -> None:
    made = recipe(tmp_path, {"t": SEEN})
    (tmp_path / "train.jsonl").write_text("{", "utf-8")
    with pytest.raises(DataError, match=r"train\.jsonl"):
        check(made)
