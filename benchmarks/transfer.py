"""What transfers: strategies set side by side, task by task, on public data.

    python benchmarks/transfer.py TASK... [--work FOLDER] [--seeds 1 2 3] [--write]

Writes a recipe with a matrix for each task and runs `xltpipe compare` on it (`--write`: only
writes). Tasks: ner-es, ner-pt, ner-sw, topics, topics-sequence, nli-pt, nli-sw, nli-reference,
qa-es; opinion targets
and argument components, whose translations are given, are in trained_on.py. Data: XLTPIPE_SHARED
(default ../shared). ner-sw takes the model of docs/training-mt.md (`--swahili`). A seed takes 80 %
of the training rows: trainers without chance would say the same three times (topics-sequence, by
networks, takes all).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w
from gold import DATA

Settings = dict[str, Any]
RULES = {"span_case": {"min": 1.0}}
NAMES = ["PER", "LOC", "ORG"]


def ner_es(options: argparse.Namespace) -> Settings:
    """Names, WikiNEuRal English (silver); EuroParl Spanish (gold), WikiNEuRal Spanish (silver)."""
    del options
    return {
        "source": "eng",
        "targets": ["spa"],
        "train": _conll("wikineural/en.val.conllu.gz", limit=4000),
        "tests": [
            _test("europarl", "spa", _conll("europarl_ner/es-europarl.test.conll02*")),
            _test("wikineural", "spa", _conll("wikineural/es.test.conllu.gz", limit=1500)),
        ],
        "translation": {"kind": "ctranslate2", "model": "embedded"},
        "rules": RULES,
        "matrix": _matrix(
            "translate_train",
            "translate_train_source",
            "code_switched",
            "control",
            "zero_shot",
            "translate_test",
            "round_trip",
            "ensemble",
        ),
    }


def ner_pt(options: argparse.Namespace) -> Settings:
    """Names, WikiNEuRal English (silver) to UNER Portuguese Bosque (gold)."""
    del options
    return {
        "source": "eng",
        "targets": ["por"],
        "labels": NAMES,
        "train": _conll("wikineural/en.val.conllu.gz", limit=4000),
        "tests": [_test("bosque", "por", _iob2("pt_bosque-ud-test"))],
        "supervised": [{"lang": "por", "data": _iob2("pt_bosque-ud-train", limit=4000)}],
        "translation": {"kind": "ctranslate2", "model": "en-multi"},
        "rules": RULES,
        "matrix": _matrix(
            "translate_train", "control", "zero_shot", "translate_test", "ensemble", "supervised"
        ),
    }


def ner_sw(options: argparse.Namespace) -> Settings:
    """Names, WikiNEuRal English (silver) to MasakhaNER 2 Swahili (gold)."""
    return {
        "source": "eng",
        "targets": ["swa"],
        "labels": NAMES,
        "train": _conll("wikineural/en.val.conllu.gz", limit=4000),
        "tests": [_test("masakhaner", "swa", _conll("masakhaner2/swa.test.txt*"))],
        "supervised": [{"lang": "swa", "data": _conll("masakhaner2/swa.train.txt*", limit=4000)}],
        "translation": {"kind": "ctranslate2", "model": str(options.swahili.absolute())},
        "rules": RULES,
        "matrix": _matrix(
            "translate_train", "control", "zero_shot", "translate_test", "ensemble", "supervised"
        ),
    }


def topics(options: argparse.Namespace) -> Settings:
    """Topics of SIB-200; people's translations of the training data are the ceiling."""
    del options
    places = {"spa": "spa_Latn", "eus": "eus_Latn", "swh": "swh_Latn"}
    return {
        "task": "classification",
        "source": "eng",
        "targets": list(places),
        "train": _sib("eng_Latn.train"),
        "tests": [_test("sib200", lang, _sib(f"{name}.test")) for lang, name in places.items()],
        "supervised": [
            {"lang": lang, "data": _sib(f"{name}.train")} for lang, name in places.items()
        ],
        "translation": {"kind": "ctranslate2", "model": "en-multi"},
        "matrix": _matrix(
            "translate_train",
            "translate_train_source",
            "translate_train_all",
            "control",
            "zero_shot",
            "translate_test",
            "round_trip",
            "ensemble",
            "supervised",
        ),
    }


def topics_sequence(options: argparse.Namespace) -> Settings:
    """Topics of SIB-200 learnt in English, then Spanish, then Swahili, by people's translations."""
    whole = topics(options)
    kept = {"spa": "spa_Latn", "swh": "swh_Latn"}
    return whole | {
        "targets": list(kept),
        "tests": [
            _test("sib200", lang, _sib(f"{name}.test"))
            for lang, name in {"eng": "eng_Latn", **kept}.items()
        ],
        "supervised": [s for s in whole["supervised"] if s["lang"] in kept],
        "sequence": {"data": "supervised"},
        "training": {"kind": "charcnn"},
        # each stage beside the last: its difference is what was forgotten, or gained
        "matrix": {"strategies": ["sequential"], "baseline": "sequential"},
    }


def nli_pt(options: argparse.Namespace) -> Settings:
    """Inference, SICK: English originals, and their translations by people (SICK-BR)."""
    del options

    def sick(part: str, suffix: str) -> Settings:
        return {
            "kind": "table",
            "path": str(DATA / "nli/sick_br/SICK_BR.txt.gz"),
            "texts": [f"sentence_A{suffix}", f"sentence_B{suffix}"],
            "label": "entailment_label",
            "id": "pair_ID",
            "where": {"SemEval_set": part},
        }

    return {
        "task": "pairs",
        "source": "eng",
        "targets": ["por"],
        "train": sick("TRAIN", "_original"),
        "tests": [_test("sick-br", "por", sick("TEST", ""))],
        "supervised": [{"lang": "por", "data": sick("TRAIN", "")}],
        "translation": {"kind": "ctranslate2", "model": "en-multi"},
        "matrix": _matrix(
            "translate_train", "control", "zero_shot", "translate_test", "ensemble", "supervised"
        ),
    }


def nli_sw(options: argparse.Namespace) -> Settings:
    """Inference, XNLI, trained on its English dev: the Swahili test as it is and
    through our own translation."""
    xnli = "nli/xnli_en_sw/xnli"
    return {
        "task": "pairs",
        "source": "eng",
        "targets": ["swa"],
        "train": _pairs(f"{xnli}.en.dev.tsv.gz", "en"),
        "tests": [_test("xnli", "swa", _pairs(f"{xnli}.sw.test.tsv.gz", "sw"))],
        "translation": {"kind": "ctranslate2", "model": str(options.swahili.absolute())},
        "matrix": _matrix("zero_shot", "translate_test"),
    }


def nli_reference(options: argparse.Namespace) -> Settings:
    """The same rows in the translation of a large engine, supplied with the data, and in the
    English that they come from: what `nli-sw` is to be read beside."""
    xnli = "nli/xnli_en_sw/xnli"
    supplied = _pairs(f"{xnli}.sw2en_mt.test.tsv.gz", "en")
    english = _pairs(f"{xnli}.en.test.tsv.gz", "en")
    return nli_sw(options) | {
        "tests": [
            _test("supplied-mt", "swa", supplied),
            _test("english", "swa", english),
        ],
        "matrix": _matrix("zero_shot"),
    }


def qa_es(options: argparse.Namespace) -> Settings:
    """Answers, XQuAD: the first 192 paragraphs in English to learn from, the last 48 in Spanish."""
    parts = {}
    for lang, part, keep in (
        ("en", "train", slice(0, 192)),
        ("es", "train", slice(0, 192)),
        ("es", "test", slice(192, None)),
    ):
        (path,) = (DATA / "qa/xquad").glob(f"*{lang}*.json*")
        parts[lang, part] = _paragraphs(path, keep, options.work / f"xquad.{lang}.{part}.json")
    return {
        "task": "qa",
        "source": "eng",
        "targets": ["spa"],
        "train": parts["en", "train"],
        "tests": [_test("xquad", "spa", parts["es", "test"])],
        "supervised": [{"lang": "spa", "data": parts["es", "train"]}],
        "translation": {"kind": "ctranslate2", "model": "embedded"},
        "matrix": _matrix("translate_train", "zero_shot", "translate_test", "supervised"),
    }


TASKS: dict[str, Callable[[argparse.Namespace], Settings]] = {
    "ner-es": ner_es,
    "ner-pt": ner_pt,
    "ner-sw": ner_sw,
    "topics": topics,
    "topics-sequence": topics_sequence,
    "nli-pt": nli_pt,
    "nli-sw": nli_sw,
    "nli-reference": nli_reference,
    "qa-es": qa_es,
}


def _matrix(*strategies: str) -> Settings:
    return {"strategies": list(strategies), "subsample": 0.8, "baseline": "zero_shot"}


def _conll(path: str, **more: Any) -> Settings:
    (found,) = (DATA / "ner").glob(path)
    return {"kind": "conll", "path": str(found)} | more


def _iob2(name: str, **more: Any) -> Settings:
    return {"kind": "iob2", "path": str(DATA / f"ner/uner/{name}.iob2.gz")} | more


def _sib(name: str) -> Settings:
    path = str(DATA / f"nli/sib200/{name}.tsv")
    return {"kind": "table", "path": path, "texts": ["text"], "label": "category", "id": "index_id"}


def _pairs(path: str, lang: str) -> Settings:
    texts = [f"sentence1_{lang}", f"sentence2_{lang}"]
    return {"kind": "table", "path": str(DATA / path), "texts": texts, "label": "label"}


def _test(name: str, lang: str, data: Settings) -> Settings:
    return {"name": name, "lang": lang, "data": data}


def _paragraphs(path: Path, keep: slice, place: Path) -> Settings:
    """A SQuAD file of some of the paragraphs of another, counted through all articles."""
    import gzip

    raw = path.read_bytes()
    document = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    every = [(a, p) for a, article in enumerate(document["data"]) for p in article["paragraphs"]]
    kept = every[keep]
    document["data"] = [
        article | {"paragraphs": [p for b, p in kept if b == a]}
        for a, article in enumerate(document["data"])
    ]
    place.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return {"kind": "squad", "path": str(place)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="+", choices=sorted(TASKS))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "transfer"))
    parser.add_argument("--swahili", type=Path, default=Path("data/models/en-sw-mafand"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--write", action="store_true", help="write the recipes, run nothing")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for task in options.tasks:
        settings = {"name": task} | TASKS[task](options)
        settings["matrix"]["seeds"] = options.seeds
        settings["strategies"] = settings["matrix"]["strategies"]
        recipe = options.work / f"{task}.toml"
        recipe.write_text(tomli_w.dumps(settings), encoding="utf-8")
        print(f"# {recipe}", flush=True)
        if not options.write:
            program = "from xltpipe.cli import main; main()"
            command = [sys.executable, "-c", program, "compare", str(recipe)]
            command += ["--store", str(options.work / "data")]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
