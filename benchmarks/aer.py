"""Alignment error rates of the aligners on eight language pairs, each on the same text.

`python benchmarks/alignment.py aer`: XL-WA test en-{es,pt,it,nl,et,da} (sure links only) and the
Hansards en-fr and WPT05 ro-en test sets (sure and possible). `own`: an aligner sees the test text
alone; `more`: besides, the XL-WA train text (its links, which are automatic, are not read) and up
to 10,000 further pairs of that language where there are any. No gold is read before scoring.

eflomal runs once over the whole text, three times, and the mean counts; the way to combine its two
directions is the one that is best for it on the very test (named). Ours are as they ship.
"""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import get_args

from gold import DATA

from xltpipe.alignment import HMM, AlignerSpec, Ensemble, FastAlign
from xltpipe.alignment.bitext import read_bitext, thin
from xltpipe.alignment.eflomal_program import Text, program
from xltpipe.alignment.metric import GoldLinks, alignment_error_rate, parse_links
from xltpipe.alignment.plain import alignable
from xltpipe.alignment.symmetrise import Combination, combine
from xltpipe.errors import MissingExtraError
from xltpipe.protocols import Pair
from xltpipe.text import tokenise
from xltpipe.types import Words

XLWA = ("es", "pt", "it", "nl", "et", "da")
PUBLISHED = {"fr": ("enfr", 0.0407), "ro": ("roen", 0.2075)}
MORE = 10_000
RUNS = 3

Links = list[tuple[int, int]]


@dataclass(frozen=True)
class Test:
    """Sentence pairs with gold links, and text of the same languages to learn from besides."""

    name: str
    pairs: Sequence[Pair]
    gold: Sequence[GoldLinks]
    more: Sequence[Pair]


def table(programs: Path | None, split: str, only: Sequence[str]) -> None:
    """Print a line per test set, text and aligner."""
    published()
    for lang in only or (*XLWA, *PUBLISHED):
        test = _xlwa(lang, split) if lang in XLWA else _awesome(lang)
        for text, more in (("own", []), ("more", test.more)):
            if text == "more" and not more:
                continue
            print(f"# {test.name} {text}: {len(test.pairs)} + {len(more)} pairs")
            for aligner, spec in _ours().items():
                _line(test, text, aligner, partial(_trained, spec, test, more))
            _eflomal(test, text, more, programs)


def published() -> None:
    """The metric on the outputs that awesome-align publishes."""
    for stem, wanted in PUBLISHED.values():
        folder = DATA / "align" / "awesome_examples"
        gold = [parse_links(line, first=1) for line in _lines(folder / f"{stem}.gold")]
        found = [
            sorted(parse_links(line, first=0).allowed)
            for line in _lines(folder / f"{stem}.awesome-align.out")
        ]
        score = alignment_error_rate(gold, found)
        verdict = "as published" if abs(score.value - wanted) < 5e-5 else f"NOT {wanted}"
        print(f"awesome-align, output of {stem}: {score} {verdict}")


def _ours() -> dict[str, AlignerSpec]:
    return {"hmm": HMM(), "ensemble": Ensemble(), "fast_align": FastAlign()}


def _line(test: Test, text: str, aligner: str, align: Callable[[], list[Links]]) -> None:
    begun = time.perf_counter()
    try:
        score = alignment_error_rate(test.gold, align())
    except MissingExtraError as error:
        print(f"{test.name:8}{text:6}{aligner:12}{error}")
        return
    seconds = time.perf_counter() - begun
    print(f"{test.name:8}{text:6}{aligner:12}{seconds:7.1f} s  {score}", flush=True)


def _trained(spec: AlignerSpec, test: Test, more: Sequence[Pair]) -> list[Links]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "model"
        spec.train([*test.pairs, *more], home)
        found = spec.build(home, "eng", "und").align(test.pairs)
    return [list(alignment.links) for alignment in found]


def _eflomal(test: Test, text: str, more: Sequence[Pair], programs: Path | None) -> None:
    """One run over all text a time; mean over runs for the combination that is best for it."""
    try:
        program("eflomal-align", programs)
    except MissingExtraError as error:
        print(f"{test.name:8}{text:6}{'eflomal':12}{error}")
        return
    values: dict[Combination, list[float]] = {}
    begun = time.perf_counter()
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            pairs = [pair for pair in (*test.pairs, *more) if alignable(*pair)]
            plain = Text(Path(folder), pairs)
            plain.align(programs, ["--null-prior", 0.2, "--n-samplers", 3])
            found = plain.links()[: len(test.pairs)]
        for how in get_args(Combination):
            links = [combine(how, *both) for both in found]
            values.setdefault(how, []).append(alignment_error_rate(test.gold, links).value)
    best = min(values, key=lambda how: mean(values[how]))
    seconds = (time.perf_counter() - begun) / RUNS
    print(
        f"{test.name:8}{text:6}{'eflomal':12}{seconds:7.1f} s  aer|links:sure+possible|"
        f"n:{len(test.pairs)}|runs:{RUNS}|best:{best} = {mean(values[best]):.4f} "
        f"(runs {min(values[best]):.4f}-{max(values[best]):.4f}; forward "
        f"{mean(values['forward']):.4f})",
        flush=True,
    )


def _xlwa(lang: str, split: str) -> Test:
    rows = [line.split("\t") for line in _lines(DATA / "align" / "xlwa" / f"en-{lang}.{split}.tsv")]
    train = _lines(DATA / "align" / "xlwa" / f"en-{lang}.train.tsv")
    own = [_spaced(*line.split("\t")[:2]) for line in train]
    return Test(
        f"en-{lang}",
        [_spaced(row[0], row[1]) for row in rows],
        [parse_links(row[2], first=0) for row in rows],
        [*own, *_further(lang)],
    )


def _awesome(lang: str) -> Test:
    stem = PUBLISHED[lang][0]
    folder = DATA / "align" / "awesome_examples"
    return Test(
        f"{stem[:2]}-{stem[2:]}",
        [_spaced(*line.split("|||")) for line in _lines(folder / f"{stem}.src-tgt")],
        [parse_links(line, first=1) for line in _lines(folder / f"{stem}.gold")],
        _further(lang),
    )


def _further(lang: str) -> list[Pair]:
    """Documents in many languages; for Estonian and Romanian, texts of MLQE-PE and their MT."""
    if lang in ("et", "ro"):
        pairs = _mlqe(lang)
        return [(two, one) for one, two in pairs] if lang == "et" else pairs
    files = sorted((DATA / "parallel_docs" / f"en-{lang}").glob("*.tsv.gz"))
    texts = [thin(read_bitext(path), MORE // 2) for path in files]
    return thin((pair for text in texts for pair in text), MORE)


def _mlqe(lang: str) -> list[Pair]:
    path = DATA / "qe" / "mlqe_pe" / f"{lang}-en.train.tsv.gz"
    rows = csv.DictReader(
        io.StringIO("\n".join(_lines(path))), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    return [(tokenise(row["original"]), tokenise(row["translation"])) for row in rows]


def _lines(path: Path) -> list[str]:
    """Of a file that may be packed."""
    packed = path if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    data = (
        path.read_bytes()
        if path.is_file() and path != packed
        else gzip.decompress(packed.read_bytes())
    )
    return data.decode("utf-8").splitlines()


def _spaced(one: str, two: str) -> Pair:
    return _words(one.split()), _words(two.split())


def _words(tokens: Iterable[str]) -> Words:
    bounds, place, text = [], 0, list(tokens)
    for token in text:
        bounds.append((place, place + len(token)))
        place += len(token) + 1
    return Words(" ".join(text), tuple(bounds))
