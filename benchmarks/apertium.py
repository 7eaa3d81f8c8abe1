"""Apertium: gold Spanish names into close languages with their labels, and its English to Spanish.

    python benchmarks/apertium.py labels [--targets glg ast cat arg por] [--rows N] [--show K]
    python benchmarks/apertium.py quality [--rows N]

`labels` takes WikiNEuRal's Spanish test set (read by the CoNLL reader, its tokens spaced as people
write) through the stages `translate` and `project` with `projection.kind = "tags"`. A span is kept
if it is placed, and in one piece if its tag came back as one stretch once function words at its
edges are taken off. Words are those of the source, by white space; the time is that of the
stage, programs warm. `quality` compares English to Spanish with the embedded model on NTREX-128.

Needs the Debian packages of docs/apertium.md, and data in XLTPIPE_SHARED (default ../shared).
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import gold
import sacrebleu

from xltpipe import __version__, stages
from xltpipe.datasets import Conll
from xltpipe.projection import Tags
from xltpipe.tools import RunTools
from xltpipe.translation import Apertium, CTranslate2, TranslatorSpec
from xltpipe.translation.engines import usable_cores
from xltpipe.types import Example, Unit

COLUMNS = (
    *("target", "kept", "in one piece", "joined", "copied", "lost, by reason", "unknown words"),
    *("texts as without tags", "words/s", "project rows/s"),
)

WARM = 200
"""Texts translated before the clock starts."""


def names(rows: int | None) -> list[Example]:
    path = gold.DATA / "ner/wikineural/es.test.conllu.gz"
    reader = Conll(path=str(path), token=1, tag=2).read("spa", Path())
    return list(islice(reader, rows))


def signature(*parts: object) -> None:
    print(f"\n# {'|'.join(map(str, parts))}|v:{__version__}")
    print(
        f"# {datetime.now(tz=UTC):%Y-%m-%d %H:%M} UTC|{' '.join(sys.argv)}"
        f"|Python {platform.python_version()}|{usable_cores()} cores\n"
    )


def labels(targets: Sequence[str], rows: int | None, show: int) -> None:
    examples = names(rows)
    words = sum(len(text.split()) for e in examples for text in e.texts)
    spans = sum(len(e.spans) for e in examples)
    signature("apertium", "labels", f"wikineural-es-test:{len(examples)}", f"spans:{spans}")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    shown: list[str] = []
    for target in targets:
        translator = Apertium().build("spa", target)
        plain = translator.translate([e.texts[0] for e in examples], "spa", target)  # and warm
        projector = Tags().build(
            RunTools("spa", target, native_markers=False, model=None, native_tags=True)
        )
        translator = Apertium().build("spa", target)
        started = time.perf_counter()
        units = stages.translate(examples, translator, projector, target, "quarantine")
        translated = time.perf_counter()
        done = stages.project(units, projector, "quarantine")
        projected = time.perf_counter()
        alike = sum(u.target.texts[0] == t.text for u, t in zip(done, plain, strict=True))
        speeds = words / (translated - started), len(done) / (projected - translated)
        print(_row(target, done, translator.counts, alike / len(done), speeds), flush=True)
        shown += _shown(target, done, show)
    print("\n" + "\n".join(shown))


def _row(
    target: str,
    units: Sequence[Unit],
    counts: Counter[str],
    alike: float,
    speeds: tuple[float, float],
) -> str:
    good = [u for u in units if u.error is None]
    made = [p for u in good for p in u.placements]
    total = sum(len(u.source.spans) for u in units)
    how = Counter(p.method if p.reason is None else p.reason for p in made)
    how["quarantined"] = total - len(made)
    lost = {k: n for k, n in how.most_common() if not k.startswith("tags") or k == "tags_lost"}
    kept = total - sum(lost.values())
    reasons = ", ".join(f"{k} {n}" for k, n in lost.items() if n)
    return (
        f"| {target} | {kept / total:.2%} | {how['tags'] / total:.2%} | {how['tags:joined']} "
        f"| {how['tags:copied']} | {reasons or 'none'} "
        f"| {counts['unknown_words'] / counts['words']:.1%} | {alike:.1%} "
        f"| {speeds[0]:,.0f} | {speeds[1]:,.0f} |"
    )


def _shown(target: str, units: Sequence[Unit], most: int) -> list[str]:
    """Spans that were not carried over simply, to be read."""
    out: list[str] = []
    for unit in units:
        for p in unit.placements:
            if p.method != "tags" or p.reason is not None:
                covered = unit.source.covered(unit.source.spans[p.source])
                got = p.reason
                if p.target is not None:
                    got = repr(unit.target.covered(unit.target.spans[p.target]))
                text = unit.target.texts[0][:300]
                out.append(f"{target}\t{p.method}\t{covered!r} -> {got}\t{text}")
    return out[:: max(1, len(out) // most)][:most] if most else []


def quality(rows: int | None) -> None:
    source, reference = (
        gold._text(f"parallel/ntrex/newstest2019-{name}.txt").split("\n")[:rows]  # noqa: SLF001
        for name in ("src.eng", "ref.spa")
    )
    signature("apertium", "quality", f"ntrex-128:{len(source)}", "en-es")
    specs: dict[str, TranslatorSpec] = {"apertium": Apertium(), "embedded": CTranslate2()}
    for name, spec in specs.items():
        translator = spec.build("eng", "spa")
        translator.translate(source[:WARM], "eng", "spa")
        started = time.perf_counter()
        texts = [t.text for t in translator.translate(source, "eng", "spa")]
        seconds = time.perf_counter() - started
        words = sum(len(text.split()) for text in source)
        for metric in (sacrebleu.CHRF(), sacrebleu.BLEU()):
            score = metric.corpus_score(texts, [reference])
            print(f"{name}\t{metric.get_signature()}\t{score.score:.1f}")
        print(f"{name}\t{words / seconds:,.0f} words/s\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["labels", "quality"])
    parser.add_argument("--targets", nargs="+", default=["glg", "ast", "cat"])
    parser.add_argument("--rows", type=int, default=None, help="the first so many rows")
    parser.add_argument("--show", type=int, default=0, help="spans to print for each target")
    options = parser.parse_args()
    if options.what == "labels":
        labels(options.targets, options.rows, options.show)
    else:
        quality(options.rows)


if __name__ == "__main__":
    main()
