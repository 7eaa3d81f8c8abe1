"""Averaging checkpoints and runs: does it narrow what seeds do? Three tasks, a small new encoder.

    python benchmarks/averaging.py [--seeds 1 2 3 4 5] [--runs 3] [--tasks topics entailment names]

Topics (SIB-200 English), entailment (SICK, the English originals), names (WikiNEuRal English).
Arms: `one run` (its last epoch), `epochs` (mean of the run's later half), `runs` (mean of the last
epochs of several runs with one beginning) and `both`. Nothing is chosen by development data.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import transformers

from xltpipe.datasets.conll import Conll
from xltpipe.evaluation import SpanF1
from xltpipe.kinds import Task
from xltpipe.training import Transformers
from xltpipe.training.averaged import _keeping
from xltpipe.training.averaging import average
from xltpipe.training.fitting import watched
from xltpipe.training.small_bert import SmallBert
from xltpipe.types import Example

EPOCHS = 8
SPEC = Transformers(
    config=SmallBert(layers=1, width=64, heads=2, vocabulary=3000),
    epochs=EPOCHS,
    learning_rate=2e-3,
    batch_size=32,
    max_tokens=64,
    overlap=16,
    device="cpu",
)


@dataclass
class Data:
    name: str
    task: Task
    train: list[Example]
    test: list[Example]
    batch_size: int = 32


def topics(data: Path) -> Data:
    def read(part: str) -> list[Example]:
        with (data / f"nli/sib200/eng_Latn.{part}.tsv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return [Example(r["index_id"], "eng", (r["text"],), label=r["category"]) for r in rows]

    return Data(
        "topics", "classification", read("train"), read("test"), batch_size=8
    )  # 702 rows: more steps


def entailment(data: Path) -> Data:
    with gzip.open(data / "nli/sick_br/SICK_BR.txt.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    def part(name: str, limit: int) -> list[Example]:
        chosen = [r for r in rows if r["SemEval_set"].strip() == name][:limit]
        return [
            Example(
                r["pair_ID"],
                "eng",
                (r["sentence_A_original"], r["sentence_B_original"]),
                label=r["entailment_label"],
            )
            for r in chosen
        ]

    return Data("entailment", "pairs", part("TRAIN", 1500), part("TEST", 1500))


def names(data: Path) -> Data:
    path = data / "ner/wikineural/en.val.conllu.gz"
    rows = list(Conll(path=str(path)).reader("eng", path))
    return Data("names", "spans", rows[:1000], rows[-1000:])


def train(data: Data, seed: int, begun: int, home: Path) -> list[Path]:
    """Train once; the folders of all epochs."""
    spec = SPEC.model_copy(update={"head_seed": begun, "batch_size": data.batch_size})
    with watched(_keeping(home, 1)):
        spec.build(seed, data.task).train(data.train, [], home / "model")
    folders = sorted(home.glob("epoch-*"))
    for folder in folders:
        for file in (home / "model").iterdir():
            if not (folder / file.name).exists():
                (folder / file.name).write_bytes(file.read_bytes())
    return folders


def score(data: Data, home: Path) -> float:
    """Accuracy, or span F1."""
    tagger = SPEC.load(home)
    if data.task == "spans":
        blind = [replace(e, spans=()) for e in data.test]
        return SpanF1().build({}).measure(data.test, tagger.predict(blind)).value
    found = tagger.predict([replace(e, label=None) for e in data.test])
    return sum(a.label == b.label for a, b in zip(data.test, found, strict=True)) / len(found)


def arms(data: Data, seed: int, runs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        every = [train(data, seed * 1000 + r, seed, home / str(r)) for r in range(runs)]
        later = [folders[EPOCHS // 2 :] for folders in every]
        average(later[0], home / "epochs")
        average([folders[-1] for folders in every], home / "runs")
        average([one for folders in later for one in folders], home / "both")
        single = {"one run": every[0][-1], "epochs": home / "epochs"}
        return {
            name: score(data, place)
            for name, place in (single | {"runs": home / "runs", "both": home / "both"}).items()
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tasks", nargs="+", default=["topics", "entailment", "names"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    readers = {"topics": topics, "entailment": entailment, "names": names}
    for read in (readers[task] for task in given.tasks):
        began, data = time.process_time(), read(given.data)
        found = [arms(data, seed, given.runs) for seed in given.seeds]
        for arm in found[0]:
            values = [one[arm] for one in found]
            mean, sd = statistics.mean(values), statistics.stdev(values)
            shown = " ".join(f"{v:.3f}" for v in values)
            print(f"{data.name:11} {arm:8} {mean:.4f} sd {sd:.4f}   {shown}", flush=True)
        print(f"# {data.name}: {time.process_time() - began:.0f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
