"""What a tagger learns from projected labels, beside peers' projections and labels moved by hand.

    python benchmarks/trained_on.py {absa,abstrct} [--seeds 1 2 3]

Opinion targets (ABSA) and argument components (AbstRCT), English to Spanish; the translations are
given (DeepL), so that arms differ in their labels alone. The aligner learns from the training
texts, no test text and no label. A CRF has no randomness: a seed takes 80 % of the rows, the same
in every arm. Tests are labelled by hand. Data: XLTPIPE_SHARED (default ../shared).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import gold
import numpy as np
from masakhaner import drawn
from projecting import hmm, project, trained

from xltpipe.alignment import HMM
from xltpipe.evaluation import SpanF1
from xltpipe.projection import Aligned
from xltpipe.training import Crf
from xltpipe.types import Example

Arms = dict[str, list[Example]]


def absa() -> tuple[dict[str, Arms], Arms]:
    """Arms by what they are trained on, and tests."""
    cases = gold.absa("train")
    arms = _arms(cases, hmm("eng", "spa"))
    for method in ("awesome", "simalign", "mgiza", "fast_align"):
        arms[f"peer: {method}"] = _read(gold.absa_peer("train", method))
    tests = {
        "absa.manual": [case.gold for case in gold.absa("test")],
        "absa.original": _read(gold.read_tags("absa_en2es/es.original.test.tsv")),
    }
    original = _read(gold.read_tags("absa_en2es/es.original.train.tsv"))
    return {"train": arms | {"Spanish reviews": original}}, tests


def abstrct() -> tuple[dict[str, Arms], Arms]:
    """Of peers' projections only those of dev and test are shipped: dev is trained on, too."""
    spec = hmm("eng", "spa")
    train, dev = gold.abstrct("train"), gold.abstrct("dev")
    small = _arms(dev, spec)
    for method in ("auto_awesome", "postproc_awesome", "auto_simalign", "postproc_simalign"):
        small[f"peer: {method}"] = _read(gold.abstrct_peer("dev", method))
    tests = {"abstrct.manual": [case.gold for case in gold.abstrct("test")]}
    return {"train": _arms(train, spec), "dev": small}, tests


def _arms(cases: Sequence[gold.Case], spec: HMM) -> Arms:
    aligner = trained(spec, cases, [])
    done = project(cases, aligner, Aligned())
    whole = [u for u in done if all(p.target is not None for p in u.placements)]
    print(f"# ours: {len(whole)} of {len(done)} rows with all their spans", flush=True)
    ours = [replace(u.target, tokens=c.gold.tokens) for u, c in zip(done, cases, strict=True)]
    complete = {u.source.id for u in whole}
    return {
        "manual": [case.gold for case in cases],
        "ours": [row for row in ours if row.id in complete],
    }


def _read(sentences: Sequence[gold.Sentence]) -> list[Example]:
    return [gold.labelled(number, "spa", one) for number, one in enumerate(sentences)]


def scores(rows: Sequence[Example], tests: Arms, context: dict[str, str]) -> dict[str, float]:
    """Train on the rows, and F1 on each test."""
    home = Path(tempfile.mkdtemp()) / "tagger"
    Crf().build(1).train(rows, [], home)
    tagger = Crf().load(home)
    out = {}
    for name, truth in tests.items():
        predicted = tagger.predict([replace(row, spans=()) for row in truth])
        found = SpanF1().build(context | {"test": name, "trainer": "crf"}).measure(truth, predicted)
        print(f"{found} (rows {len(rows)})", flush=True)
        out[name] = found.value
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", choices=["absa", "abstrct"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    parts, tests = {"absa": absa, "abstrct": abstrct}[options.data]()
    for part, arms in parts.items():
        found: dict[tuple[str, str], list[float]] = {}
        for arm, rows in arms.items():
            for seed in options.seeds:
                context = {"labels": arm.replace(":", ""), "part": part, "seed": str(seed)}
                for test, value in scores(drawn(rows, seed), tests, context).items():
                    found.setdefault((test, arm), []).append(value)
        print(f"\n| test | trained on ({part}) | rows | F1, mean ± sd | of manual |")
        print("|---|---|---|---|---|")
        for (test, arm), values in found.items():
            mean, manual = np.mean(values), np.mean(found[test, "manual"])
            told = f"{mean:.4f} ± {np.std(values, ddof=1):.4f}"
            print(f"| {test} | {arm} | {len(arms[arm])} | {told} | {mean / manual:.1%} |")


if __name__ == "__main__":
    main()
