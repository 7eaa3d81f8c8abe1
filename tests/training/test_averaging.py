from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from pydantic import ValidationError

from tests.training.tiny import settings, tiny
from tests.training.toy import toy
from tests.training.toy_tasks import TOYS
from xltpipe import progress
from xltpipe.cli import OK, WRONG, _main
from xltpipe.errors import DataError, RecipeError
from xltpipe.kinds import Task
from xltpipe.protocols import Resuming
from xltpipe.training import Averaged
from xltpipe.training.averaging import average
from xltpipe.types import Example

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safe = pytest.importorskip("safetensors.torch")

WEIGHTS = "model.safetensors"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three runs that began with the same weights."""
    home = tmp_path_factory.mktemp("runs")
    for seed in (1, 2, 3):
        tiny(epochs=12, head_seed=5).build(seed).train(toy(), [], home / str(seed))
    return [home / str(seed) for seed in (1, 2, 3)]


def altered(folder: Path, to: Path, file: str, **changes: object) -> Path:
    shutil.copytree(folder, to)
    content = json.loads((to / file).read_text("utf-8")) | changes
    (to / file).write_text(json.dumps(content), "utf-8")
    return to


def right(home: Path) -> float:
    predicted = tiny().load(home).predict([replace(e, spans=()) for e in toy()])
    return sum(a.spans == b.spans for a, b in zip(toy(), predicted, strict=True)) / len(toy())


def test_the_average_is_the_mean_loads_strictly_and_predicts(
    trained: list[Path], tmp_path: Path
) -> None:
    report = average(trained, tmp_path / "mean")
    mean = safe.load_file(tmp_path / "mean" / WEIGHTS)
    runs = [safe.load_file(run / WEIGHTS) for run in trained]
    assert report["tensors"]["averaged"] == len(mean) > 10
    for name, tensor in mean.items():
        expected = sum(run[name].double() for run in runs) / 3
        assert tensor.dtype == runs[0][name].dtype
        assert torch.equal(tensor, expected.to(tensor.dtype)), name
    assert any(not torch.equal(mean[name], runs[-1][name]) for name in mean)
    config = transformers.AutoConfig.from_pretrained(tmp_path / "mean")
    model = transformers.AutoModelForTokenClassification.from_config(config)
    model.load_state_dict(mean, strict=True)
    assert right(tmp_path / "mean") > 0.5


def test_a_mean_is_right_where_the_type_of_the_weights_is_coarse(
    trained: list[Path], tmp_path: Path
) -> None:
    """In bfloat16 256 + 1 is 256: sums of such numbers lose the small ones."""
    values = [256.0, 1.0, 1.0, 6.0]
    homes = []
    for place, value in enumerate(values):
        home = tmp_path / str(place)
        shutil.copytree(trained[0], home)
        weights = {"a": torch.full((2, 3), value, dtype=torch.bfloat16), "n": torch.tensor(place)}
        safe.save_file(weights | {"scalar": torch.tensor(value)}, home / WEIGHTS)
        homes.append(home)
    report = average(homes, tmp_path / "mean")
    mean = safe.load_file(tmp_path / "mean" / WEIGHTS)
    assert mean["a"].dtype == torch.bfloat16
    assert mean["a"].tolist() == [[66.0] * 3] * 2
    assert mean["scalar"].item() == 66.0
    assert mean["n"].item() == 0  # integers are the first's
    assert report["tensors"] == {"averaged": 2, "kept": 1}


def test_no_more_than_two_tensors_are_held(
    trained: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import weakref

    import safetensors

    alive: weakref.WeakSet[object] = weakref.WeakSet()
    most = [0]
    opened = safetensors.safe_open

    class Watching:
        def __init__(self, *args: object, **rest: object) -> None:
            self.file = opened(*args, **rest)

        def __enter__(self) -> Self:
            self.file.__enter__()
            return self

        def __exit__(self, *error: object) -> None:
            self.file.__exit__(*error)

        def get_tensor(self, name: str) -> object:
            tensor = self.file.get_tensor(name)
            alive.add(tensor)
            most[0] = max(most[0], len(alive))
            return tensor

    monkeypatch.setattr(safetensors, "safe_open", Watching)
    average(trained, tmp_path / "mean")
    assert most[0] == 1  # and the sum


@pytest.mark.parametrize(
    ("file", "change", "match"),
    [
        ("config.json", {"hidden_size": 48}, r"config\.json: hidden_size is 32 and 48"),
        ("config.json", {"model_type": "roberta"}, r'model_type is "bert" and "roberta"'),
        ("config.json", {"id2label": {"0": "O"}}, r"config\.json: id2label is .* and .*"),
        ("settings.json", {"head_seed": 6}, r"head_seed is 5 and 6.*same head_seed"),
        ("settings.json", {"head_seed": None}, r"head_seed is 5 and 1.*same head_seed"),
        ("settings.json", {"model": "x"}, r'settings\.json: model is null|not there and "x"'),
        ("tokenizer.json", {"version": "9"}, r"tokenizer\.json is "),
    ],
)
def test_what_cannot_be_averaged_is_named(
    trained: list[Path], tmp_path: Path, file: str, change: dict[str, object], match: str
) -> None:
    other = altered(trained[0], tmp_path / "other", file, **change)
    with pytest.raises(DataError, match=match):
        average([trained[0], other], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_tensors_must_be_alike(trained: list[Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(trained[0], tmp_path / "other"))
    weights = safe.load_file(other / WEIGHTS)
    weights["classifier.bias"] = weights["classifier.bias"].half()
    weights["more"] = torch.zeros(1)
    safe.save_file(weights, other / WEIGHTS)
    with pytest.raises(DataError, match=r'classifier\.bias is \["F32", 5\].*more is not there and'):
        average([trained[0], other], tmp_path / "mean")
    weights = safe.load_file(trained[0] / WEIGHTS)
    weights["classifier.bias"][0] = float("nan")
    safe.save_file(weights, other / WEIGHTS)
    with pytest.raises(DataError, match=r"finite numbers, was: classifier\.bias in .*other"):
        average([trained[0], other], tmp_path / "mean")
    assert not list(tmp_path.glob(".mean*"))


def test_a_damaged_file_is_no_checkpoint(trained: list[Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(trained[0], tmp_path / "other"))
    whole = (other / WEIGHTS).read_bytes()
    for damaged in (b"", whole[:5000], whole[:-1], b"\xff" * 100):
        (other / WEIGHTS).write_bytes(damaged)
        with pytest.raises(DataError, match="must be a safetensors file"):
            average([trained[0], other], tmp_path / "mean")
    (other / WEIGHTS).unlink()
    with pytest.raises(DataError, match="folder with safetensors weights"):
        average([trained[0], other], tmp_path / "mean")
    with pytest.raises(DataError, match="two or more different folders"):
        average([trained[0], trained[0]], tmp_path / "mean")


def test_the_verb(trained: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "mean")
    assert _main(["models", "average", out, *map(str, trained)]) == OK
    assert "mean of 3 checkpoints" in capsys.readouterr().out
    assert _main(["models", "average", out, *map(str, trained)]) == WRONG
    assert "must be new or empty" in capsys.readouterr().err
    other = str(altered(trained[0], tmp_path / "other", "settings.json", head_seed=7))
    two = ["models", "average", str(tmp_path / "two"), str(trained[1]), other]
    assert _main(two) == WRONG
    assert "head_seed" in capsys.readouterr().err
    assert _main([*two, "--allow-head-mismatch"]) == OK


def never() -> Iterator[Example]:
    raise AssertionError("dev was looked at")
    yield


def test_a_training_is_averaged_over_runs_and_epochs(tmp_path: Path) -> None:
    spec = Averaged(trainer=tiny(epochs=8), runs=2, first_epoch=6)
    for name in "ab":
        spec.build(7).train(iter(toy()), never(), tmp_path / name)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a", "b"]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    report = json.loads((tmp_path / "a" / "report.json").read_text("utf-8"))
    assert report["checkpoints"] == 6
    assert report["examples"] == len(toy())
    assert len(set(report["losses"])) == 2  # the runs differ
    settings = json.loads((tmp_path / "a" / "settings.json").read_text("utf-8"))
    assert settings["averaged"] == {"seeds": [7000] * 3 + [7001] * 3}
    assert settings["head_seed"] == 7
    predicted = spec.load(tmp_path / "a").predict([replace(e, spans=()) for e in toy()])
    assert len(predicted) == len(toy())


def test_the_mean_of_epochs_is_that_of_their_weights(tmp_path: Path) -> None:
    """Against what training itself leaves: with as many epochs, its last weights are the last."""
    from xltpipe.training.averaged import _keeping
    from xltpipe.training.fitting import watched

    spec = Averaged(trainer=tiny(epochs=3), first_epoch=2)
    spec.build(7).train(toy(), [], tmp_path / "mean")
    with watched(_keeping(tmp_path, 1)):
        tiny(epochs=3, head_seed=7).build(7000).train(toy(), [], tmp_path / "plain")
    epochs = [safe.load_file(p / WEIGHTS) for p in sorted(tmp_path.glob("epoch-*"))]
    last, mean = (safe.load_file(tmp_path / n / WEIGHTS) for n in ("plain", "mean"))
    assert len(epochs) == 3
    for name, tensor in mean.items():
        assert torch.equal(last[name], epochs[2][name])
        assert torch.allclose(tensor, (epochs[1][name] + epochs[2][name]) / 2, atol=1e-7)


def test_something_must_be_there_to_average() -> None:
    with pytest.raises(ValidationError, match="two or more checkpoints"):
        Averaged(trainer=tiny(epochs=1))
    with pytest.raises(ValidationError, match="two or more checkpoints"):
        Averaged(trainer=tiny(epochs=3), runs=5, first_epoch=4)
    with pytest.raises(ValidationError, match=r"trainer\.patience must be left out"):
        Averaged(trainer=tiny(epochs=3, patience=2))


@pytest.mark.parametrize("task", ["classification", "qa", "choice"])
def test_runs_of_other_seeds_begin_with_the_same_head(task: Task, tmp_path: Path) -> None:
    """With a rate that moves nothing, the mean of two runs is each of them."""
    spec = Averaged(trainer=tiny(epochs=1, learning_rate=1e-30, max_tokens=64), runs=2)
    spec.build(7, task).train(iter(TOYS[task]), never(), tmp_path / "mean")
    mean = safe.load_file(tmp_path / "mean" / WEIGHTS)
    for name, changes in (("same", {"head_seed": 7}), ("other", {})):
        alone = tiny(epochs=1, learning_rate=1e-30, max_tokens=64, **changes)
        alone.build(7001, task).train(TOYS[task], [], tmp_path / name)
        single = safe.load_file(tmp_path / name / WEIGHTS)
        alike = all(torch.allclose(mean[key], single[key], atol=1e-7) for key in mean)
        assert alike == (name == "same")


def test_text_to_text_is_averaged_too(tmp_path: Path) -> None:
    given = settings(kind="text_to_text", epochs=2, config={"layers": 1, "width": 32, "heads": 2})
    spec = Averaged.model_validate({"trainer": given})
    spec.build(7).train(iter(toy()), never(), tmp_path / "mean")
    report = json.loads((tmp_path / "mean" / "report.json").read_text("utf-8"))
    assert report["checkpoints"] == 2
    assert len(spec.load(tmp_path / "mean").predict(toy()[:3])) == 3
    with pytest.raises(RecipeError, match='trainer "text_to_text" must be one of spans, was: "qa"'):
        spec.build(7, "qa")


def test_a_training_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Averaged(trainer=tiny(epochs=4), runs=2, first_epoch=2)
    spec.build(7).train(toy(), [], tmp_path / "whole")
    steps, tick = [0], progress.tick
    epoch = -(-len(toy()) // 8)
    stop = 4 * epoch + 2 * epoch + 1  # in the third epoch of the second run

    def stopping(step: str, rows: int) -> None:
        steps[0] += step == "train"
        if steps[0] == stop:
            raise progress.Stopped
        tick(step, rows)

    monkeypatch.setattr(progress, "tick", stopping)
    trainer = spec.build(7)
    assert isinstance(trainer, Resuming)
    trainer.keep(tmp_path / "kept")
    with pytest.raises(progress.Stopped):
        trainer.train(iter(toy()), iter([]), tmp_path / "broken")
    trainer.train(iter(toy()), iter([]), tmp_path / "done")
    assert steps[0] == stop + 2 * epoch
    assert not (tmp_path / "kept").exists()
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "done" / path.name).read_bytes(), path.name


def test_epochs_of_another_training_are_not_averaged(tmp_path: Path) -> None:
    for rows in (toy(), toy()[:9]):
        kept = tmp_path / "kept" / "run-0"
        (kept / "epoch-0001").mkdir(parents=True)
        (kept / "whole").touch()
        trainer = Averaged(trainer=tiny(epochs=2)).build(7)
        assert isinstance(trainer, Resuming)
        trainer.keep(tmp_path / "kept")
        trainer.train(rows, [], tmp_path / str(len(rows)))
