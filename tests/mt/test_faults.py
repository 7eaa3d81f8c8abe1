"""Trainings with something wrong: one clear error before hours of work, or it goes on and says so."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from tests.mt.toy_runs import prepared, trained
from tests.mt.toy_text import RECIPE, write_text
from xltpipe import progress
from xltpipe import store as store_module
from xltpipe.errors import DataError, MissingExtraError, RecipeError
from xltpipe.mt import checkpoint, course, encoded, making
from xltpipe.mt.delivery import deliver
from xltpipe.mt.judging import Judge
from xltpipe.mt.pairs import key
from xltpipe.mt.recipe import Training, load
from xltpipe.mt.settings import Schedule, Size, Vocabulary
from xltpipe.store import Step, Store

SHORT = {"minutes": 5, "tokens": 300, "evaluate": 5, "save": 2}
LONG = " ".join(["the red dog sees a cat"] * 30)
MIDDLE = " ".join(["the red dog sees a cat"] * 12)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("faults")
    write_text(home, 150)
    (home / "same.tsv").write_text("the same text on both sides\tthe same text on both sides\n")
    for name, text in (("long", LONG), ("middle", MIDDLE)):
        rows = (f"{text} {n}\t{text.replace('dog', 'perro')} {n}\n" for n in range(40))
        (home / f"{name}.tsv").write_text("".join(rows))
    (home / "empty.tsv").write_text("")
    (home / "latin.tsv").write_bytes(b"\xff\xfe\n")
    (home / "no.tsv.gz").write_bytes(b"no gzip")
    return home


def recipe(world: Path, *changes: tuple[str, str], **settings: object) -> Training:
    """The toy recipe, without aligner; its text changed, or its settings without another check."""
    text = RECIPE.format(**SHORT)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (world / "faults.toml").write_text(text)
    return load(world / "faults.toml").model_copy(update={"aligned_pairs": 0, **settings})


def only(world: Path, name: str, **settings: object) -> Training:
    """A recipe of one file."""
    given = recipe(world)
    file = given.pairs[0].model_copy(update={"path": Path(name)})
    update = {"pairs": (file,), "dev": (), "vocabulary": Vocabulary(size=440), **settings}
    return given.model_copy(update=update)


@pytest.fixture(scope="module")
def model(world: Path) -> Path:
    return trained(recipe(world), Store(world / "store"))[0]


def test_a_file_without_a_usable_pair_is_left_out(world: Path, tmp_path: Path) -> None:
    given = recipe(world)
    file = given.pairs[0].model_copy(update={"path": Path("same.tsv")})
    both = given.model_copy(update={"pairs": (given.pairs[0], file), "dev": given.dev[:1]})
    assert trained(both, Store(tmp_path))[1]["rows"] >= 300


def test_pairs_that_are_all_too_long_are_told(world: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one of at most 56 pieces a side, was: none; raise draw"):
        trained(only(world, "long.tsv"), Store(tmp_path))


def test_text_without_short_pairs_can_be_learnt(world: Path, tmp_path: Path) -> None:
    given = only(world, "middle.tsv")
    network = given.network.model_copy(update={"positions": 128})
    drawing = given.drawing.model_copy(update={"names": 0.0})
    given = given.model_copy(update={"network": network, "drawing": drawing})
    assert trained(given, Store(tmp_path))[1]["skipped_pairs"] == 0


def test_pairs_beyond_the_positions_are_left_out_and_counted(world: Path, tmp_path: Path) -> None:
    given = recipe(world)
    drawing = given.drawing.model_copy(update={"longest": 500, "names": 0.0, "marked": 1.0})
    file = given.pairs[0].model_copy(update={"path": Path("long.tsv")})
    given = given.model_copy(
        update={"drawing": drawing, "pairs": (file, given.pairs[0]), "dev": given.dev[:1]}
    )
    assert trained(given, Store(tmp_path))[1]["skipped_pairs"] == 40


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("joined = 0.0", "joined = 0.0\nfocus = {spa = 0.0}", r"drawing\.focus\.spa"),
        ("joined = 0.0", "joined = 0.0\nfocus = {spa = inf}", r"drawing\.focus\.spa.*finite"),
        ("weight = 2.0", "weight = inf", r"pairs\.1\.weight.*finite"),
        ("weight = 2.0", "columns = [1, 1]", r"pairs\.1: columns must differ, was: 1 twice"),
        ("weight = 2.0", "columns = [-1, 1]", r"pairs\.1\.columns\.0"),
        (
            'path = "dev.eng-por.tsv"\nsource = "eng"',
            'path = "dev.eng-por.tsv"\nsource = "spa"',
            r"dev must be of languages that are paired in pairs, was: spa-por \(dev\.eng-por",
        ),
        ("width = 64", "width = 512", r"width must be below vocabulary\.size, was: 512 and 500"),
    ],
)
def test_settings_that_cannot_be_are_told(world: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe(world, (old, new))


def test_patience_needs_dev_text(world: Path) -> None:
    with pytest.raises(ValueError, match=r"schedule\.patience must have dev text"):
        Training(
            name="x",
            pairs=({"path": "a.tsv", "source": "eng", "target": "spa"},),  # type: ignore[arg-type]
            schedule=Schedule(patience=2),
        )


@pytest.mark.parametrize("name", ["latin.tsv", "no.tsv.gz"])
def test_a_held_out_file_that_cannot_be_read_is_named(world: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"must be (UTF-8 text|a whole gzip archive).*{name}"):
        making.held_out(recipe(world, held_out=(Path(name),)))


def test_a_dev_file_without_a_pair_is_named(world: Path) -> None:
    given = recipe(world)
    empty = given.dev[0].model_copy(update={"path": Path("empty.tsv")})
    with pytest.raises(DataError, match=r"File of dev must hold a pair, was: none in empty\.tsv"):
        course.development(given.model_copy(update={"dev": (empty,)}))


def test_directions_are_those_that_files_are_drawn_in(world: Path) -> None:
    given = recipe(world)
    one, other = given.pairs
    files = (
        one.model_copy(update={"backward": 0.0}),
        other.model_copy(update={"backward": 1.0}),
    )
    assert course.directions(given.model_copy(update={"pairs": files})) == [
        ("eng", "spa"),
        ("por", "eng"),
    ]
    never = given.drawing.model_copy(update={"backward": 0.0})
    assert course.directions(given.model_copy(update={"pairs": files[1:], "drawing": never})) == [
        ("por", "eng")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": 256}, r"encoder\.0\.feed\.rise\.weight of shape \(128, 64\) for \(256, 64\)"),
        ({"heads": 4}, r"2 heads for 4"),
        ({"encoder_layers": 1}, r"more than 1 encoder layers"),
    ],
)
def test_a_base_of_another_network_is_told(
    world: Path, model: Path, tmp_path: Path, change: dict[str, int], message: str
) -> None:
    network = Size.model_validate({**recipe(world).network.model_dump(), **change})
    with pytest.raises(RecipeError, match=rf"Base must be a model trained here.*{message}"):
        trained(recipe(world, base=model, network=network), Store(tmp_path))


def test_a_base_without_the_language_or_its_files_is_told(
    world: Path, model: Path, tmp_path: Path
) -> None:
    given = recipe(world, base=model, dev=())
    french = given.pairs[0].model_copy(update={"target": "fra"})
    with pytest.raises(RecipeError, match=r"tokens of all languages, was: .* without <2fr>"):
        trained(given.model_copy(update={"pairs": (french,)}), Store(tmp_path / "store"))
    base = shutil.copytree(model, tmp_path / "base")
    (base / "spm.model").unlink()
    with pytest.raises(RecipeError, match=r"trained here, with its spm\.model, was: "):
        trained(recipe(world, base=base), Store(tmp_path / "store"))
    shutil.copy(model / "spm.model", base)
    (base / "model.bin").write_bytes(b"xx")
    with pytest.raises(RecipeError, match=r"Base must be a model trained here.*cannot be read"):
        trained(recipe(world, base=base), Store(tmp_path / "store"))


def test_a_package_that_is_not_installed_is_told_first(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe(world).check()
    for package in ("scipy", "sacrebleu"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(MissingExtraError, match=package):
                recipe(world).check()


def test_what_ends_in_an_evaluation_is_saved_too(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while dev is translated; and the log of evaluations torn by a kill."""
    given, store = recipe(world), Store(tmp_path)
    ready = prepared(given, store)
    step = course.train_step(given, store, *ready)
    judge = Judge.__call__

    def stopping(self: Judge, weights: object) -> float | None:
        progress.stop()
        return judge(self, weights)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Judge, "__call__", stopping)
        try:
            with pytest.raises(progress.Stopped):
                store.make(step)
        finally:
            progress.resume()
    (work,) = (tmp_path / "mt-work").iterdir()
    state = checkpoint.load(work)
    assert state is not None
    assert state["at"]["tokens"] >= 300
    with (work / "evaluations.jsonl").open("a") as log:
        log.write('{"mean": 99.0, "eng-')
    made, _ = store.make(step)
    counts = (store.manifest(made) or {})["counts"]
    assert counts["steps"] == state["at"]["step"]
    assert counts["dev_chrf"] < 99


def test_a_training_is_not_lost_before_its_artefact_is_whole(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, store = recipe(world), Store(tmp_path)
    step = course.train_step(given, store, *prepared(given, store))

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "describe", killed)
        with pytest.raises(KeyboardInterrupt):
            store.make(step)
    with monkeypatch.context() as patch:  # no step is taken again
        patch.setattr("xltpipe.mt.loop.Learner.step", lambda *_: pytest.fail("trained again"))
        made, built = store.make(step)
    assert built
    assert (store.path(made) / "model.bin").is_file()
    course.clear(step, store)
    assert not any((tmp_path / "mt-work").iterdir())


def test_no_other_step_waits_for_a_training(world: Path, tmp_path: Path) -> None:
    """Locks of short steps are shared by keys that begin alike."""
    given, store = recipe(world), Store(tmp_path)
    training = course.train_step(given, store, *prepared(given, store))
    assert training.long

    def build(home: Path) -> dict[str, int]:
        (home / "a").write_text("a")
        return {"rows": 1}

    steps = (Step("score", 1, {"n": n}, (), build, part="a") for n in range(100_000))
    other = next(step for step in steps if step.key[:2] == training.key[:2])
    with store.locked(training.key, own=training.long):
        thread = threading.Thread(target=store.make, args=(other,))
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_an_order_taken_up_beyond_its_end_begins_anew() -> None:
    from xltpipe.mt.sampling import _Order

    order = _Order(np.array([4, 7, 9]), 1)
    order.go(0, 5)
    assert sorted(order.take() for _ in range(3)) == [4, 7, 9]


def test_gradients_that_are_not_finite_end_the_training(world: Path, tmp_path: Path) -> None:
    given = recipe(world)
    wild = given.schedule.model_copy(
        update={"rate": 1e30, "matrix_rate": 1e30, "clip": 1e30, "tokens": 50_000}
    )
    with pytest.raises(RecipeError, match=r"finite gradients, was: (nan|inf) in 20 steps in a row"):
        trained(given.model_copy(update={"schedule": wild}), Store(tmp_path))
    progress.notes.clear()


def test_a_model_takes_the_place_of_another(model: Path, tmp_path: Path) -> None:
    place = tmp_path / "models" / "toy"
    deliver(model, place)
    with pytest.raises(RecipeError, match="--force replaces it"):
        deliver(model, place)
    (place / "old").write_text("old")
    deliver(model, place, force=True)
    assert sorted(file.name for file in place.iterdir()) == sorted(
        file.name for file in model.iterdir()
    )
    assert [one.name for one in place.parent.iterdir()] == ["toy"]
    (place / "model.bin").unlink()
    with pytest.raises(RecipeError, match="must be a model's folder"):
        deliver(model, place, force=True)


def test_a_run_stops_while_it_encodes(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, store = recipe(world), Store(tmp_path)
    learnt, _ = store.make(making.vocabulary_step(given))
    seen: list[encoded.Row] = []

    def write(rows: Iterable[encoded.Row], _: Path) -> int:
        seen.extend(rows)
        return len(seen)

    monkeypatch.setattr(encoded, "write", write)
    progress.stop()
    try:
        with pytest.raises(progress.Stopped):
            store.make(making.encode_step(given, given.pairs[0], learnt, None, store))
    finally:
        progress.resume()
    assert seen == []


def test_held_out_texts_that_differ_by_a_mark_are_two() -> None:
    assert key("राम की किताब यहां है।") != key("राम का किताब यहां हो।")
    assert key("Hello,  WORLD!") == key("hello world")
