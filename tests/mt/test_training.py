"""A toy model trained for real: it learns, its token decides the language, a kill loses nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.mt.toy_runs import prepared, trained
from tests.mt.toy_text import NAMES, write_recipe, write_text
from xltpipe import front_matter, progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.mt import checkpoint, course, vocabulary
from xltpipe.mt.encoded import Encoded
from xltpipe.mt.recipe import Training, load
from xltpipe.mt.sampling import Sampler, Variation
from xltpipe.mt.settings import Drawing, Schedule
from xltpipe.mt.teaching import Teacher, average, placed
from xltpipe.store import Store
from xltpipe.translation import CTranslate2


def translate(model: Path, texts: Sequence[str], source: str, target: str) -> list[str]:
    settings = CTranslate2(model=str(model), beam=1, max_input_tokens=64, max_output_tokens=64)
    done = settings.build(source, target).translate(texts, source, target)
    return [one.text for one in done]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("world")
    write_text(home, 300)
    return home


@pytest.fixture(scope="module")
def model(world: Path) -> Path:
    return trained(load(write_recipe(world, tokens=120_000)), Store(world / "store"))[0]


def test_it_translates_and_the_token_decides_the_language(model: Path) -> None:
    texts = [f"{name} sees the red dog." for name in NAMES]
    assert translate(model, texts, "eng", "spa") == [f"{n} ve el perro rojo." for n in NAMES]
    assert translate(model, texts, "eng", "por") == [f"{n} olha o cão vermelho." for n in NAMES]


def test_it_translates_back(model: Path) -> None:
    made = translate(model, [f"{name} halla el río viejo." for name in NAMES], "spa", "eng")
    right = [f"{name} finds the old river." for name in NAMES]
    # Threads add gradients in whichever order they end, so no two trainings are the same.
    assert sum(map(str.__eq__, made, right)) >= len(NAMES) - 2


def test_training_leaves_the_processor_as_it_was(model: Path) -> None:
    assert model.is_dir()
    assert sys.float_info.min / 2 > 0  # numbers below normal are not flushed to zero


def test_it_says_what_it_is(model: Path) -> None:
    told = json.loads((model / "xltpipe.json").read_text())
    assert told["directions"] == [["eng", "spa"], ["spa", "eng"], ["eng", "por"], ["por", "eng"]]
    assert told["languages"] == ["eng", "spa", "por"]
    card = (model / "MODEL_CARD.md").read_text("utf-8")
    fields = front_matter.read(card)
    assert fields["license"] == "cc0-1.0"
    assert fields["language"] == ["en", "es", "pt"]
    assert "| train.eng-spa.tsv | eng-spa | 300 |" in card
    assert "not stated" in card  # the other file's licence
    log = [json.loads(row) for row in (model.parent / "training.jsonl").read_text().splitlines()]
    assert log[-1]["nll"] < 1 < log[0]["nll"]


def test_a_second_training_of_the_same_is_on_the_shelf(world: Path, model: Path) -> None:
    recipe, store = load(write_recipe(world, tokens=120_000)), Store(world / "store")
    made, built = store.make(course.train_step(recipe, store, *prepared(recipe, store)))
    assert not built
    assert store.path(made) == model
    assert not any((store.root / "mt-work").iterdir())


def test_a_base_is_trained_further(world: Path, model: Path, tmp_path: Path) -> None:
    recipe = load(write_recipe(world, tokens=600)).model_copy(
        update={"base": model, "schedule": Schedule(minutes=5, tokens=600, step_tokens=256)}
    )
    found, counts = trained(recipe, Store(tmp_path / "store"))
    assert counts["steps"] <= 4
    assert translate(found, ["Priya wants the big cat."], "eng", "spa") == [
        "Priya quiere el gato grande."
    ]


class _StopAfter:
    """Asks to stop once so many tokens were seen, as Ctrl-C does."""

    def __init__(self, tokens: int) -> None:
        self.left = tokens

    def expect(self, step: str, rows: int) -> None: ...

    def tick(self, step: str, rows: int) -> None:
        if step == "train":
            self.left -= rows
            if self.left <= 0:
                progress.stop()


def test_a_stopped_training_goes_on_where_it_was(world: Path, tmp_path: Path) -> None:
    recipe = load(write_recipe(world, tokens=4000))
    store = Store(tmp_path / "store")
    ready = prepared(recipe, store)
    progress.listen(_StopAfter(2000))
    try:
        with pytest.raises(progress.Stopped):
            store.make(course.train_step(recipe, store, *ready))
    finally:
        progress.listen(None)
        progress.resume()
    (work,) = (store.root / "mt-work").iterdir()
    state = checkpoint.load(work)
    assert state is not None
    before = state["at"]["tokens"]
    assert 2000 <= before < 4000
    step = course.train_step(recipe, store, *ready)
    made, built = store.make(step)
    assert built
    counts = (store.manifest(made) or {})["counts"]
    assert 4000 <= counts["rows"] < 4000 + 600
    assert counts["steps"] > state["at"]["step"]
    course.clear(step, store)
    assert not work.exists()


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    checkpoint.save({"step": 3}, tmp_path)
    assert checkpoint.load(tmp_path) == {"step": 3}
    for damaged in (b"PK\x03\x04 no checkpoint", b"garbage", b""):
        (tmp_path / checkpoint.FILE).write_bytes(damaged)
        with pytest.raises(
            DataError, match=r"Checkpoint must be readable, was: .*checkpoint\.safe"
        ):
            checkpoint.load(tmp_path)


def test_training_ends_where_dev_gets_no_better(world: Path, tmp_path: Path) -> None:
    schedule = Schedule(
        minutes=5, tokens=500_000, step_tokens=128, rate=1e-9, matrix_rate=1e-9,
        evaluate_minutes=1e-9, patience=2, average=1, batch_tokens=128,
    )  # fmt: skip
    recipe = load(write_recipe(world)).model_copy(update={"schedule": schedule})
    _, counts = trained(recipe, Store(tmp_path / "store"))
    assert counts["ended_by"] == "patience"
    assert counts["steps"] <= 4


def test_the_mean_of_checkpoints_is_the_arithmetic_one() -> None:
    made = [
        {"a": torch.full((2, 2), float(k)), "b": torch.tensor([k, -k])} for k in (1.0, 2.0, 6.0)
    ]
    mean = average(made)
    assert mean["a"].tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert mean["b"].tolist() == [3.0, -3.0]


def test_the_last_checkpoint_is_judged_beside_the_mean_of_the_last(
    world: Path, tmp_path: Path
) -> None:
    schedule = Schedule(
        minutes=5, tokens=400, step_tokens=128, batch_tokens=128, average=2, evaluate_minutes=1e-9
    )
    recipe = load(write_recipe(world)).model_copy(update={"schedule": schedule})
    store = Store(tmp_path / "store")
    learnt, files = prepared(recipe, store)
    pieces = vocabulary.Pieces.read(store.path(learnt))
    groups = course.group(recipe, [Encoded.read(store.path(file)) for file in files], pieces)
    sampler = Sampler(groups, pieces, Variation(marked=0, joined=0, longest=60), 1)
    seen: list[torch.Tensor] = []
    network = course.start(recipe, groups, pieces)
    Teacher(
        recipe, network, sampler, tmp_path / "work", lambda w: seen.append(w["embedding"].clone())
    ).teach()
    assert len(seen) >= 5
    first, pairs = seen[0], list(zip(seen[1::2], seen[2::2], strict=True))
    for before, (last, mean) in zip([first, *(last for last, _ in pairs)], pairs, strict=False):
        assert torch.allclose(mean, (before + last) / 2)
        assert not torch.equal(mean, last)


def test_held_out_sentences_are_never_learnt(world: Path, tmp_path: Path) -> None:
    recipe = load(write_recipe(world))
    known = world / "train.eng-spa.tsv"
    three = known.read_text("utf-8").splitlines()[:3]
    (world / "extra.tsv").write_text("".join(f"{row.split(chr(9))[1].upper()}\n" for row in three))
    recipe = recipe.model_copy(update={"held_out": (Path("extra.tsv"),)})
    store = Store(tmp_path / "store")
    _, files = prepared(recipe, store)
    counts = (store.manifest(files[0]) or {})["counts"]
    assert (counts["used"], counts["held_out"]) == (297, 3)


def test_lines_are_accounted_for(world: Path, tmp_path: Path) -> None:
    rows = [
        ("Anna sees the dog.", "Anna ve el perro."),
        ("Anna sees the dog.", "Anna ve el perro."),
        ("", "nada"),
        ("The same words stand on both sides here.", "The same words stand on both sides here."),
        ("Short.", "Una frase que es mucho más larga que la otra, y no puede ser suya."),
        ("x" * 1001, "y"),
    ]
    (tmp_path / "odd.tsv").write_text("".join(f"{one}\t{other}\n" for one, other in rows))
    recipe = load(write_recipe(world))
    odd = recipe.pairs[0].model_copy(update={"path": tmp_path / "odd.tsv"})
    recipe = recipe.model_copy(update={"pairs": (*recipe.pairs, odd), "aligned_pairs": 0})
    store = Store(tmp_path / "store")
    _, files = prepared(recipe, store)
    counts = dict((store.manifest(files[-1]) or {})["counts"])
    rows_out, varied = counts.pop("rows"), counts.pop("varied", 0)
    assert rows_out - varied == counts.pop("used") == 1
    assert counts == {"duplicate": 1, "empty": 1, "identical": 1, "length_ratio": 1, "too_long": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"one\ttwo\nno tab here\n", r"columns 0 and 1.*no tab here.*line 2"),
        (b"\xff\xfe\tx\n", r"UTF-8 text"),
    ],
)
def test_bad_files_are_named(world: Path, tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "bad.tsv").write_bytes(text)
    recipe = load(write_recipe(world))
    bad = recipe.pairs[0].model_copy(update={"path": tmp_path / "bad.tsv"})
    recipe = recipe.model_copy(update={"pairs": (bad,), "dev": ()})
    with pytest.raises(DataError, match=message):
        prepared(recipe, Store(tmp_path / "store"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('targget = "x"', r"pairs\.0\.targget: unknown key"),
        ("path = 3", r"path"),
    ],
)
def test_wrong_keys_are_named(world: Path, tmp_path: Path, line: str, message: str) -> None:
    text = f'name = "x"\n[[pairs]]\nsource = "eng"\ntarget = "spa"\n{line}\n'
    if "path" not in line:
        text += 'path = "a.tsv"\n'
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        load(tmp_path / "bad.toml")


def test_a_missing_file_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'name = "x"\n[[pairs]]\nsource = "eng"\ntarget = "spa"\npath = "not-there.tsv"\n'
    )
    with pytest.raises(RecipeError, match=r"must be readable.*not-there\.tsv.*recipe's folder"):
        load(tmp_path / "a.toml").fingerprint()


def test_focus_must_name_a_target() -> None:
    with pytest.raises(ValueError, match=r"drawing\.focus must name targets of pairs, was: fra"):
        Training(
            name="x",
            pairs=({"path": "a.tsv", "source": "eng", "target": "spa"},),  # type: ignore[arg-type]
            drawing=Drawing(focus={"fra": 2.0}),
        )


def test_a_gpu_that_is_not_there_is_refused(world: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    recipe = load(write_recipe(world)).model_copy(update={"device": "cuda"})
    with pytest.raises(RecipeError, match="no GPU found"):
        placed(recipe)


def test_a_vocabulary_larger_than_the_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"set a smaller vocabulary\.size"):
        vocabulary.train(iter(["a b c"]), tmp_path / "spm.model", ["eng", "spa"], 5000)
