"""Compare aligners: span F1 by plain min-max projection, and AER, by amount of training text.

    python benchmarks/alignment.py [spans|aer] [--quick] [--programs FOLDER] [--split dev]

Data: XLTPIPE_SHARED (default ../shared): ABSA en-es test with manual gold (span F1, exact), the
EuroParl NER test en-es (span F1) and XL-WA en-es test (AER). "own" is the number of sentence pairs
that a run has: the test is cut into runs of that size, each trained by itself; "extra" is Tatoeba.
Training is unsupervised; no gold is read. `aer` is another table: see benchmarks/aer.py.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aer

from xltpipe.alignment import HMM, AlignerSpec, Attention, Eflomal, FastAlign
from xltpipe.alignment.bitext import read_bitext, thin
from xltpipe.alignment.metric import GoldLinks, alignment_error_rate, parse_links
from xltpipe.alignment.priors import find_prior
from xltpipe.errors import MissingExtraError
from xltpipe.protocols import Pair
from xltpipe.text import is_punctuation
from xltpipe.types import Alignment, Words

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("XLTPIPE_SHARED", ROOT.parent / "shared"), "data")
MODEL = ROOT / "data" / "models" / "en-es-tatoeba"

WordSpan = tuple[int, int, str]


@dataclass(frozen=True)
class Case:
    """A sentence pair with gold spans on both sides, or gold links."""

    pair: Pair
    source: Sequence[WordSpan] = ()
    target: Sequence[WordSpan] = ()
    links: GoldLinks | None = None


@dataclass(frozen=True)
class Trial:
    """An aligner, the pairs per run, and the texts it learns from besides."""

    name: str
    spec: AlignerSpec
    own: int
    extra: Sequence[Pair] = ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", nargs="?", default="spans", choices=("spans", "aer"))
    parser.add_argument("--quick", action="store_true", help="spans: only the default aligner")
    parser.add_argument("--programs", type=Path, help="folder of eflomal-align")
    parser.add_argument("--split", default="test", choices=("dev", "test"), help="aer: of XL-WA")
    parser.add_argument("--langs", nargs="*", default=(), help="aer: only these")
    given = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"no data in {DATA}: set XLTPIPE_SHARED")
    if given.table == "aer":
        aer.table(given.programs, given.split, given.langs)
    else:
        spans(quick=given.quick, programs=given.programs)


def spans(*, quick: bool, programs: Path | None) -> None:
    """Span F1, and AER of one pair, by amount of text."""
    tatoeba = thin(read_bitext(DATA / "parallel/tatoeba.en-es.tsv.gz"), 22_000)
    absa, train = _absa("test"), [case.pair for case in _absa("train")]
    sets = {
        "absa en-es": (absa, train),
        "europarl en-es": (_spans("europarl_ner/en-europarl.test.conll02"), []),
        "xl-wa en-es": (_links("xlwa/en-es.test.tsv"), []),
    }
    print(
        f"{'test':15}{'aligner':24}{'own':>6}{'extra':>7}{'train s':>9}{'align s':>9}{'links':>8}"
    )
    for name, (cases, more) in sets.items():
        for trial in _trials(len(cases), more, tatoeba, Eflomal(programs=programs), quick=quick):
            try:
                print(f"{name:15}{_run(cases, trial)}", flush=True)
            except MissingExtraError as error:
                print(f"{name:15}{trial.name:24}{error}")


def _trials(
    size: int, more: Sequence[Pair], tatoeba: Sequence[Pair], eflomal: Eflomal, *, quick: bool
) -> list[Trial]:
    prior = HMM(prior=find_prior("eng", "spa"))
    whole = [*more, *tatoeba]
    best = [Trial("hmm + stored prior", prior, size, more), Trial("hmm", HMM(), size, whole)]
    if quick:
        return best
    small = [own for own in (10, 50, 200) if own < size]
    return [
        *(Trial("hmm", HMM(), own) for own in (*small, size)),
        *(Trial("hmm", HMM(), size, thin(whole, total - size)) for total in (1000, 5000)),
        *(Trial("hmm + stored prior", prior, own) for own in (*small, size)),
        *best,
        Trial("attention", Attention(), size),
        Trial("fast_align", FastAlign(), size, whole),
        Trial("eflomal", eflomal, size, whole),
    ]


def _run(cases: Sequence[Case], trial: Trial) -> str:
    found: list[Alignment] = []
    trained = aligned = 0.0
    for start in range(0, len(cases), trial.own):
        pairs = [case.pair for case in cases[start : start + trial.own]]
        home = Path(tempfile.mkdtemp())
        begun = time.perf_counter()
        trial.spec.train([*pairs, *trial.extra], home)
        learnt = time.perf_counter()
        found += trial.spec.build(home, "eng", "spa", MODEL).align(pairs)
        aligned += time.perf_counter() - learnt
        trained += learnt - begun
        shutil.rmtree(home)
    links = sum(len(alignment.links) for alignment in found)
    return (
        f"{trial.name:24}{trial.own:6}{len(trial.extra):7}{trained:9.1f}{aligned:9.1f}{links:8}"
        f"  {_score(cases, found)}"
    )


def _score(cases: Sequence[Case], found: Sequence[Alignment]) -> str:
    gold = [case.links for case in cases if case.links is not None]
    if gold:
        return str(alignment_error_rate(gold, [alignment.links for alignment in found]))
    right = predicted = wanted = 0
    for case, alignment in zip(cases, found, strict=True):
        spans = {_projected(span, case.pair[1], alignment) for span in case.source} - {None}
        right += len(spans & set(case.target))
        predicted += len(spans)
        wanted += len(case.target)
    value = 2 * right / (predicted + wanted)
    return f"span_f1|mode:strict|projection:min_max|n:{len(cases)} = {value:.4f}"


def _projected(span: WordSpan, target: Words, alignment: Alignment) -> WordSpan | None:
    """From the first to the last linked word that is not punctuation."""
    strings = target.strings
    inside = [
        j for i, j in alignment.links if span[0] <= i < span[1] and not is_punctuation(strings[j])
    ]
    return (min(inside), max(inside) + 1, span[2]) if inside else None


def _absa(part: str) -> list[Case]:
    return _parallel(f"absa_en2es/en.absa.{part}.tsv", f"absa_en2es/es.DeepL.manual.{part}.tsv")


def _spans(english: str) -> list[Case]:
    return _parallel(english, english.replace("/en-", "/es-"))


def _parallel(source: str, target: str) -> list[Case]:
    sides = zip(_conll(source), _conll(target), strict=True)
    return [Case((one[0], two[0]), one[1], two[1]) for one, two in sides]


def _conll(name: str) -> list[tuple[Words, list[WordSpan]]]:
    """Sentences of `token tag` lines, plain or .gz."""
    path = DATA / "ner" / name
    packed = path.with_name(path.name + ".gz")
    text = (
        path.read_text("utf-8") if path.is_file() else gzip.decompress(packed.read_bytes()).decode()
    )
    sentences = [block.split("\n") for block in text.strip("\n").split("\n\n") if block.strip()]
    rows = [[line.replace("\t", " ").split(" ") for line in lines if line] for lines in sentences]
    return [(_words([row[0] for row in one]), _tagged([row[1] for row in one])) for one in rows]


def _tagged(tags: Sequence[str]) -> list[WordSpan]:
    spans: list[WordSpan] = []
    for place, tag in enumerate(tags):
        if tag.startswith("B-") or (
            tag.startswith("I-") and (place == 0 or tags[place - 1] == "O")
        ):
            spans.append((place, place + 1, tag[2:]))
        elif tag.startswith("I-"):
            spans[-1] = (spans[-1][0], place + 1, spans[-1][2])
    return spans


def _links(name: str) -> list[Case]:
    rows = (line.split("\t") for line in (DATA / "align" / name).read_text("utf-8").splitlines())
    return [
        Case((_words(row[0].split()), _words(row[1].split())), links=parse_links(row[2], first=0))
        for row in rows
    ]


def _words(tokens: Sequence[str]) -> Words:
    bounds, place = [], 0
    for token in tokens:
        bounds.append((place, place + len(token)))
        place += len(token) + 1
    return Words(" ".join(tokens), tuple(bounds))


if __name__ == "__main__":
    main()
