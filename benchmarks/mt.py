"""Translation models measured: chrF and BLEU, markers, language tokens, loading, speed.

    python benchmarks/mt.py TABLE [--models embedded en-es-tatoeba …] [--limit N] [--beam 4]

TABLE is `quality` (Tatoeba, NTREX, FLORES per language and direction), `markers` (do brackets
around a word come through), `prefix` (does the target token decide the language), or `load`.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from pathlib import Path

import ctranslate2
import sacrebleu
from mt_text import tatoeba_split
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from quality_data import home, lines, pairs, parser

from xltpipe.languages import resolve
from xltpipe.translation import CTranslate2
from xltpipe.translation.description import describe
from xltpipe.translation.engines import usable_cores
from xltpipe.translation.models import find_model

LANGUAGES = ("spa", "por", "fra", "deu", "ita", "cat", "glg", "eus", "swa")
_NTREX = {"spa", "por", "fra", "deu", "cat", "glg", "eus", "swa"}
PENALTY = 1.2
"""The default of our engine."""
_TATOEBA = {"spa": "spa.unseen", "swa": "swh"}

Test = tuple[list[str], list[list[str]]]
"""Sources, and references: one list per reference, short ones filled up with the first."""


def tests(data: Path, target: str) -> dict[str, Test]:
    """English to `target`, by name of the test set."""
    found: dict[str, Test] = {}
    parallel = data / "parallel"
    if target == "spa":
        rows = tatoeba_split(data)[1]
        most = max(len(row) for row in rows) - 1
        references = [[row[min(k + 1, len(row) - 1)] for row in rows] for k in range(most)]
        found["tatoeba-test"] = [row[0] for row in rows], references
    code = _TATOEBA.get(target, target)
    if (parallel / f"tatoeba_test/eng-{code}.tsv").is_file():
        both = pairs(parallel / f"tatoeba_test/eng-{code}.tsv")
        found["tatoeba-laser"] = [one for one, _ in both], [[other for _, other in both]]
    if target in _NTREX:
        source = lines(parallel / "ntrex/newstest2019-src.eng.txt")
        found["ntrex"] = source, [lines(parallel / f"ntrex/newstest2019-ref.{target}.txt")]
    if target == "swa":
        both = pairs(parallel / "mafand/en-swa.test.tsv.gz")
        found["mafand-test"] = [one for one, _ in both], [[other for _, other in both]]
    flores = _flores(data, "eng"), _flores(data, "swh" if target == "swa" else target)
    if flores[1]:
        shared = sorted(flores[0].keys() & flores[1].keys(), key=int)
        found["flores"] = [flores[0][k] for k in shared], [[flores[1][k] for k in shared]]
    return found


def _flores(data: Path, code: str) -> dict[str, str]:
    """FLORES sentences by number, out of SIB-200's three splits."""
    found: dict[str, str] = {}
    for path in sorted((data / "nli" / "sib200").rglob(f"*{code}*")):
        for file in sorted(path.glob("*.tsv*")) if path.is_dir() else [path]:
            rows = [line.split("\t") for line in lines(file)]
            found |= {row[0]: row[-1] for row in rows if row[0].isdigit()}
    return found


def _engine(model: str, beam: int) -> CTranslate2:
    return CTranslate2(model=model, beam=beam, repetition_penalty=PENALTY)


def quality(options: argparse.Namespace, data: Path) -> None:
    print("| model | test | direction | n | chrF | BLEU |\n|---|---|---|---|---|---|")
    signatures: set[str] = set()
    for model in options.models:
        description = describe(find_model(model))
        for target in options.languages:
            for name, (sources, references) in tests(data, target).items():
                for source, aim, given, wanted in (
                    ("eng", target, sources, references),
                    (target, "eng", references[0], [sources]),
                ):
                    if not description.covers(resolve(source), resolve(aim)):
                        continue
                    n = options.limit or len(given)
                    chrf, bleu = sacrebleu.CHRF(), sacrebleu.BLEU()
                    translator = _engine(model, options.beam).build(source, aim)
                    got = [one.text for one in translator.translate(given[:n], source, aim)]
                    cut = [one[:n] for one in wanted]
                    scores = chrf.corpus_score(got, cut).score, bleu.corpus_score(got, cut).score
                    signatures |= {str(chrf.get_signature()), str(bleu.get_signature())}
                    print(
                        f"| {model} | {name} | {source}-{aim} | {len(got)} | "
                        f"{scores[0]:.2f} | {scores[1]:.2f} |",
                        flush=True,
                    )
    engine = f"CTranslate2 {ctranslate2.__version__}, int8"
    print(f"beam {options.beam}, repetition penalty {PENALTY}, {engine}")
    for signature in sorted(signatures):
        print(f"`{signature}`")


def markers(options: argparse.Namespace, data: Path) -> None:
    """One word or two in brackets `[A] … [/A]`: both brackets once, in order, in the output."""
    print("| model | test | direction | n | both, in order |\n|---|---|---|---|---|")
    for model in options.models:
        for target in options.languages:
            for name, (sources, _) in tests(data, target).items():
                if not describe(find_model(model)).covers(resolve("eng"), resolve(target)):
                    continue
                draw = random.Random(1)  # noqa: S311 - not for secrets
                given = [text for one in sources if (text := _marked(one, draw))]
                given = given[: options.limit or 1000]
                got = _engine(model, options.beam).build("eng", target)
                done = got.translate(given, "eng", target)
                whole = sum(_whole(one.text) for one in done)
                print(
                    f"| {model} | {name} | eng-{target} | {len(given)} | "
                    f"{whole / len(given):.4f} |",
                    flush=True,
                )


def _marked(text: str, draw: random.Random) -> str | None:
    words = text.split()
    places = [k for k, word in enumerate(words) if word.isalpha()]
    if len(words) < 4 or not places:
        return None
    first = draw.choice(places)
    last = first + (draw.random() < 0.4 and first + 1 in places)
    inside = " ".join(words[first : last + 1])
    return " ".join([*words[:first], f"[A] {inside} [/A]", *words[last + 1 :]])


def _whole(text: str) -> bool:
    return text.count("[A]") == text.count("[/A]") == 1 and 0 <= text.index("[A]") < text.index(
        "[/A]"
    )


def prefix(options: argparse.Namespace, data: Path) -> None:
    """The same English text with each target token; the language by py3langid among the model's.

    The references' own row tells how often the identifier itself is right.
    """
    told = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    told.set_languages([resolve(code).opus for code in (*LANGUAGES, "eng")])
    print("| model | token | test | n | right language | references right |")
    print("|---|---|---|---|---|---|")
    for model in options.models:
        for target in options.languages:
            if not describe(find_model(model)).covers(resolve("eng"), resolve(target)):
                continue
            known = tests(data, target)
            test = "flores" if "flores" in known else next(iter(known), None)
            if test is None:
                print(f"# {target}: no test here")
                continue
            sources, references = known[test]
            n = options.limit or len(sources)
            done = _engine(model, options.beam).build("eng", target)
            got = [one.text for one in done.translate(sources[:n], "eng", target)]
            wanted = resolve(target).opus
            right, own = (
                sum(told.classify(text)[0] == wanted for text in texts) / n
                for texts in (got, references[0][:n])
            )
            print(
                f"| {model} | {resolve(target).token} | {test} | {n} | {right:.4f} | {own:.4f} |",
                flush=True,
            )


def load(options: argparse.Namespace, data: Path) -> None:
    print("| model | bytes on disk | load, s | tokens/s, beam 1 | tokens/s, beam 4 |")
    print("|---|---|---|---|---|")
    source = lines(data / "parallel/ntrex/newstest2019-src.eng.txt")[: options.limit or 500]
    for model in options.models:
        path = find_model(model)
        size = sum(file.stat().st_size for file in path.iterdir())
        gc.collect()
        began = time.perf_counter()
        ctranslate2.Translator(str(path), compute_type="int8")
        loaded = time.perf_counter() - began
        speeds = []
        for beam in (1, 4):
            translator = _engine(model, beam).build("eng", "spa")
            translator.translate(source[:32], "eng", "spa")
            began = time.perf_counter()
            tokens = sum(one.tokens_out for one in translator.translate(source, "eng", "spa"))
            speeds.append(tokens / (time.perf_counter() - began))
        print(f"| {model} | {size:,} | {loaded:.3f} | {speeds[0]:,.0f} | {speeds[1]:,.0f} |")
    print(f"{usable_cores()} cores, NTREX English to Spanish, {len(source)} sentences")


def main() -> None:
    options_of = parser(__doc__)
    known = {"quality": quality, "markers": markers, "prefix": prefix, "load": load}
    options_of.add_argument("table", choices=known)
    options_of.add_argument("--models", nargs="+", default=["embedded"])
    options_of.add_argument("--languages", nargs="+", default=LANGUAGES)
    options_of.add_argument("--limit", type=int, help="sentences of each test at most")
    options_of.add_argument("--beam", type=int, default=4)
    options = options_of.parse_args()
    known[options.table](options, home(options))


if __name__ == "__main__":
    sys.exit(main())
