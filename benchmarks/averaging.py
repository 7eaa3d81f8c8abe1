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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers

from xltpipe.datasets.conll import Conll
from xltpipe.evaluation import SpanF1
from xltpipe.training import Transformers
from xltpipe.training.averaged import _keeping
from xltpipe.training.averaging import average
from xltpipe.training.fitting import fit, watched
from xltpipe.training.sentences import SETTINGS, write_json
from xltpipe.training.small_bert import SmallBert, learn_tokenizer, new_model
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
    train: list[Example]
    test: list[Example]
    batch_size: int = 32


def topics(data: Path) -> Data:
    def read(part: str) -> list[Example]:
        with (data / f"nli/sib200/eng_Latn.{part}.tsv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return [Example(r["index_id"], "eng", (r["text"],), label=r["category"]) for r in rows]

    return Data("topics", read("train"), read("test"), batch_size=8)  # 702 rows: more steps


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

    return Data("entailment", part("TRAIN", 1500), part("TEST", 1500))


def names(data: Path) -> Data:
    path = data / "ner/wikineural/en.val.conllu.gz"
    rows = list(Conll(path=str(path)).reader("eng", path))
    return Data("names", rows[:1000], rows[-1000:])


def train(data: Data, seed: int, begun: int, home: Path) -> list[Path]:
    """Train once; the folders of all epochs."""
    spec = SPEC.model_copy(update={"head_seed": begun, "batch_size": data.batch_size})
    with watched(_keeping(home, 1)):
        if data.name == "names":
            spec.build(seed).train(data.train, [], home / "model")
        else:
            _classes(spec, data.train, seed, home / "model")
    folders = sorted(home.glob("epoch-*"))
    for folder in folders:
        for file in (home / "model").iterdir():
            if not (folder / file.name).exists():
                (folder / file.name).write_bytes(file.read_bytes())
    return folders


def _classes(spec: Transformers, rows: Sequence[Example], seed: int, home: Path) -> None:
    labels = sorted({str(e.label) for e in rows})
    transformers.set_seed(spec.drawing(seed))
    tokenizer = learn_tokenizer((t for e in rows for t in e.texts), 3000, spec.max_tokens)
    config = new_model(spec.config, tokenizer, dict(enumerate(labels)), spec.max_tokens).config  # type: ignore[arg-type]
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    inputs = [
        dict(tokenizer(*e.texts, truncation=True, max_length=spec.max_tokens))
        | {"labels": labels.index(str(e.label))}
        for e in rows
    ]
    collator = transformers.DataCollatorWithPadding(tokenizer)
    fit(model, tokenizer, inputs, [], spec.schedule(seed), collator)
    model.save_pretrained(home)
    tokenizer.save_pretrained(home)
    write_json(home / SETTINGS, spec.identity() | {"seed": seed})


def score(data: Data, home: Path) -> float:
    """Accuracy, or span F1."""
    if data.name == "names":
        blind = [replace(e, spans=()) for e in data.test]
        return SpanF1().build({}).measure(data.test, SPEC.load(home).predict(blind)).value
    tokenizer = transformers.AutoTokenizer.from_pretrained(home)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(home).eval()
    right = 0
    for start in range(0, len(data.test), 64):
        rows = data.test[start : start + 64]
        texts: list[Any] = [[e.texts[i] for e in rows] for i in range(len(rows[0].texts))]
        batch = tokenizer(*texts, truncation=True, max_length=64, padding=True, return_tensors="pt")
        with torch.inference_mode():
            best = model(**batch).logits.argmax(-1).tolist()
        right += sum(model.config.id2label[b] == e.label for b, e in zip(best, rows, strict=True))
    return right / len(data.test)


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
