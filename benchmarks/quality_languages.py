"""Language identification on right and on wrong text: the default scorer against py3langid alone.

Right text is NTREX, FLORES (SIB-200), Tatoeba, XQuAD questions, and MasakhaNER and WikiNEuRal
with their entities masked; wrong text is English, or a neighbour, that claims to be the target.
A row is `false alarms %` of right text and `caught %` of wrong text at the default limit, and the
share of texts without a score.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import quality_data as data
from quality_data import lines

from xltpipe import tables
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Floats
from xltpipe.quality.language import TARGET, Languages, LanguageScorer
from xltpipe.types import Example, Span, Unit

BATCH = 1000
WRONG = {
    "spa": ("eng", "por", "glg", "cat", "fra", "eus", "deu"),
    "glg": ("eng", "spa", "por"),
    "eus": ("eng", "spa"),
    "swa": ("eng", "hau"),
    "hau": ("eng", "yor", "swa"),
    "yor": ("eng", "hau"),
    "por": ("eng", "spa"),
}
"""Of each target language the languages that are taken for it."""

Rows = list[Example]


def plain(texts: Sequence[str], lang: str) -> Rows:
    return [Example(str(i), lang, (text,)) for i, text in enumerate(texts)]


def tagged(path: Path, lang: str, word: int, tag: int, separator: str | None) -> Rows:
    """Sentences of a file of one token a line, a span for every run of tags but O."""
    out: Rows = []
    words: list[tuple[str, str]] = []
    for line in [*lines(path), ""]:
        fields = line.split(separator)
        if len(fields) > max(word, tag):
            words.append((fields[word], fields[tag]))
        elif words:
            out.append(_sentence(str(len(out)), lang, words))
            words = []
    return out


def _sentence(id: str, lang: str, words: list[tuple[str, str]]) -> Example:
    at, spans, start = 0, [], None
    for token, tag in words:
        if tag == "O" and start is not None:
            spans.append(Span(start, at - 1, "X"))
            start = None
        elif tag != "O" and start is None:
            start = at
        at += len(token) + 1
    if start is not None:
        spans.append(Span(start, at - 1, "X"))
    return Example(id, lang, (" ".join(token for token, _ in words),), tuple(spans))


def sets(home: Path) -> Iterator[tuple[str, str, Rows]]:
    """Name, language and texts of every set."""
    ntrex = home / "parallel/ntrex"
    for lang in (
        "eng",
        "spa",
        "eus",
        "glg",
        "cat",
        "swa",
        "hau",
        "yor",
        "fra",
        "deu",
        "por",
        "slk",
    ):
        kind = "src" if lang == "eng" else "ref"
        yield "NTREX", lang, plain(lines(ntrex / f"newstest2019-{kind}.{lang}.txt"), lang)
    for lang in ("eng", "spa", "eus", "glg", "cat", "swa", "hau", "yor", "fra", "deu", "por"):
        code = "swh" if lang == "swa" else lang
        parts = [lines(home / f"nli/sib200/{code}_Latn.{part}.tsv")[1:] for part in ("dev", "test")]
        yield "FLORES", lang, plain([row.split("\t")[-1] for part in parts for row in part], lang)
    for lang in ("spa", "eus", "cat", "glg", "swa", "fra", "deu", "por"):
        code = "swh" if lang == "swa" else lang
        rows = [row.split("\t") for row in lines(home / f"parallel/tatoeba_test/eng-{code}.tsv")]
        yield "Tatoeba", lang, plain([row[1] for row in rows], lang)
        if lang == "spa":
            yield "Tatoeba", "eng", plain([row[0] for row in rows], "eng")
    for lang, code in (("zho", "zh"), ("ara", "ar"), ("deu", "de"), ("spa", "es")):
        yield "XQuAD questions", lang, plain(questions(home / f"qa/xquad/xquad.{code}.json"), lang)
    for lang in ("swa", "hau", "yor"):
        path = home / f"ner/masakhaner2/{lang}.test.txt"
        yield "MasakhaNER, masked", lang, tagged(path, lang, 0, 1, " ")
    wiki = home / "ner/wikineural"
    yield "WikiNEuRal, masked", "spa", tagged(wiki / "es.test.conllu", "spa", 1, 2, "\t")
    yield "WikiNEuRal, masked", "eng", tagged(wiki / "en.val.conllu", "eng", 1, 2, "\t")


def questions(path: Path) -> list[str]:
    """The questions of a file in SQuAD's form."""
    articles = json.loads("\n".join(lines(path)))["data"]
    return [qa["question"] for a in articles for p in a["paragraphs"] for qa in p["qas"]]


def scores(scorer: LanguageScorer, rows: Rows, target: str, source: str) -> Floats:
    """P(target) of texts that claim to be translations into the target language."""
    made = [
        Unit(Example(e.id, source, ("",)), Example(e.id, target, e.texts, e.spans)) for e in rows
    ]
    found = [
        scorer.score(Batch(tables.units_to_table(made[at : at + BATCH])))[0]
        for at in range(0, len(made), BATCH)
    ]
    return np.concatenate(found)


def main(arguments: Sequence[str] | None = None) -> None:
    home = data.home(data.parser(__doc__).parse_args(arguments))
    both, alone = Languages().build(), Languages(identifiers=("py3langid",)).build()
    edge = TARGET.limits.min if TARGET.limits else 0.5
    every: dict[tuple[str, str], Rows] = {}
    data.signature("languages", f"limit:{edge}|ours:{','.join(Languages().identifiers)}")
    print("| right text | language | texts | no score % | false alarms %, py3langid | ours |")
    print("|---|---|---|---|---|---|")
    began = time.perf_counter()
    for name, lang, rows in sets(home):
        every[name, lang] = rows
        source = "spa" if lang == "eng" else "eng"
        old, new = (scores(s, rows, lang, source) for s in (alone, both))
        print(
            f"| {name} | {lang} | {len(rows)} | {100 * np.isnan(new).mean():.1f} "
            f"| {alarms(old, edge):.2f} | {alarms(new, edge):.2f} |"
        )
    print("\n| wrong text | is | claims | caught %, py3langid | ours |")
    print("|---|---|---|---|---|")
    for target, others in WRONG.items():
        for lang in others:
            for name in ("NTREX", "FLORES", "Tatoeba"):
                rows = every.get((name, lang), [])
                if rows:
                    old, new = (scores(s, rows, target, "eng") for s in (alone, both))
                    print(
                        f"| {name} | {lang} | {target} | {alarms(old, edge):.1f} "
                        f"| {alarms(new, edge):.1f} |"
                    )
    print(f"\n{time.perf_counter() - began:.0f} s")


def alarms(found: Floats, edge: float) -> float:
    """Percentage of the texts with a score whose score is below the limit."""
    known = found[~np.isnan(found)]
    return 100.0 * float((known < edge).mean()) if len(known) else float("nan")


if __name__ == "__main__":
    main()
