"""Gold data of the benchmarks: parallel texts whose labels are known on both sides.

Read from XLTPIPE_SHARED (default ../shared); nothing of it is part of the repository.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from xltpipe.alignment.bitext import thin
from xltpipe.projection.passages import part
from xltpipe.projection.passages import passages as cut
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Example, Span, Unit

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("XLTPIPE_SHARED", ROOT.parent / "shared"), "data")

Sentence = tuple[list[str], list[str]]
"""Tokens and tags."""

XQUAD_DEV = 48
"""The first 48 of the 240 paragraphs (a fifth) may be looked at; there is no XQuAD dev set."""


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled source, and its translation with the labels that a person put there."""

    source: Example
    gold: Example

    @property
    def unit(self) -> Unit:
        """What a projector gets: the translation without labels."""
        return Unit(self.source, replace(self.gold, spans=()))


def absa(split: str) -> list[Case]:
    """SemEval-2016 restaurant reviews, English to Spanish (DeepL), labels moved by hand."""
    if split == "dev":
        return []
    return _paired(f"absa_en2es/en.absa.{split}.tsv", f"absa_en2es/es.DeepL.manual.{split}.tsv")


def absa_peer(split: str, method: str) -> list[Sentence]:
    """What a published tool made of the same sentences."""
    return read_tags(f"absa_en2es/es.DeepL.auto_{method}.{split}.tsv")


def absa_links(split: str, method: str) -> list[Alignment]:
    """The links that the published tool used, sentence by sentence."""
    name = {"awesome": "awesome", "simalign": "simalign.itermax"}[method]
    lines = _text(f"ner/absa_en2es/DeepL.{name}.{split}.talp").split("\n")
    pairs = [[link.split("-") for link in line.split()] for line in lines]
    return [Alignment(tuple(sorted((int(i), int(j)) for i, j in line))) for line in pairs]


def abstrct(split: str) -> list[Case]:
    """Argument components of medical abstracts: long spans, English to Spanish (DeepL)."""
    return _paired(
        f"abstrct_en2es/en.neoplasm.{split}.tsv", f"abstrct_en2es/es.deepl.manual.{split}.tsv"
    )


def abstrct_peer(split: str, method: str) -> list[Sentence]:
    """What a published tool made of the same sentences; None of train is shipped."""
    return read_tags(f"abstrct_en2es/es.deepl.{method}.{split}.tsv")


def europarl(lang: str) -> list[Case]:
    """Parliament speeches, human translations, labelled on each side (test only)."""
    sides = ("europarl_ner/en-europarl.test.conll02", f"europarl_ner/{lang}-europarl.test.conll02")
    return _paired(*sides, target_lang=lang)


def pud(lang: str) -> list[Case]:
    """News and encyclopaedia, human translations, labelled on each side independently."""
    return _paired(
        "uner/en_pud-ud-test.iob2", f"uner/{lang}_pud-ud-test.iob2", target_lang=lang, column=2
    )


def xquad(lang: str, split: str) -> list[Case]:
    """Paragraphs with their answers as spans, labelled with the question's id."""
    sides = [_paragraphs("en"), _paragraphs(lang)]
    cases = [Case(source, gold) for source, gold in zip(*sides, strict=True)]
    return {"train": [], "dev": cases[:XQUAD_DEV], "test": cases[XQUAD_DEV:], "all": cases}[split]


def passages(lang: str) -> list[tuple[str, str]]:
    """The paragraphs of XQuAD as pairs of passages, without their answers."""
    out = []
    for case in xquad(lang, "all"):
        ours, theirs = tokenise(case.source.texts[0]), tokenise(case.gold.texts[0])
        for found in cut(ours, theirs):
            sides = (part(ours, found.source), part(theirs, found.target))
            out.append(tuple(side.text[side.bounds[0][0] : side.bounds[-1][1]] for side in sides))
    return out


def bitext(lang: str) -> list[tuple[str, str]]:
    """Unlabelled sentence pairs, English and another language, besides the texts of a test.

    Spanish: NTREX, 22,000 pairs of Tatoeba. Others: NTREX, LASER's Tatoeba; German also the
    pairs of MLQE-PE (machine translations, 8,000).
    """
    iso = ISO[lang]
    name = "parallel/ntrex/newstest2019-"
    pairs = list(
        zip(
            _text(name + "src.eng.txt").split("\n"),
            _text(name + f"ref.{iso}.txt").split("\n"),
            strict=True,
        )
    )
    if lang == "es":
        return pairs + thin(_columns("parallel/tatoeba.en-es.tsv"), TATOEBA)
    pairs += _columns(f"parallel/tatoeba_test/eng-{iso}.tsv")
    if lang == "de":
        for split in ("train", "dev"):
            pairs += _columns(f"qe/mlqe_pe/en-de.{split}.tsv", first=1)[1:]
    return pairs


def read_tags(name: str, column: int = 1) -> list[Sentence]:
    """The sentences of a file of tagged tokens under `ner`, plain or .gz."""
    out = []
    for block in _text(f"ner/{name}").split("\n\n"):
        rows = [
            line.replace("\t", " ").split(" ")
            for line in block.split("\n")
            if line and not line.startswith("# ")
        ]
        if rows:
            word = 1 if column == 2 else 0
            out.append(([row[word] for row in rows], [row[column] for row in rows]))
    return out


def labelled(number: int, lang: str, sentence: Sentence) -> Example:
    """The example of a tagged sentence, its tokens one space apart."""
    tokens, tags = sentence
    ends = [-1]
    for token in tokens:
        ends.append(ends[-1] + 1 + len(token))
    bounds = tuple((a + 1, b) for a, b in pairwise(ends))
    spans = tuple(
        Span(bounds[start][0], bounds[end - 1][1], label) for start, end, label in _tagged(tags)
    )
    return Example(str(number), lang, (" ".join(tokens),), spans, None, bounds)


def _tagged(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """The spans of IOB2 tags; an I- that follows no equal label opens a span (as seqeval)."""
    spans: list[tuple[int, int, str]] = []
    before = "O"
    for place, tag in enumerate(tags):
        if tag.startswith("B-") or (tag.startswith("I-") and before[2:] != tag[2:]):
            spans.append((place, place + 1, tag[2:]))
        elif tag.startswith("I-"):
            spans[-1] = (spans[-1][0], place + 1, tag[2:])
        before = tag
    return spans


def _columns(name: str, first: int = 0) -> list[tuple[str, str]]:
    """Two neighbouring columns of a TSV file."""
    rows = (line.split("\t") for line in _text(name).split("\n"))
    return [(row[first], row[first + 1]) for row in rows if len(row) > first + 1]


TATOEBA = 22_000
"""Pairs of Tatoeba used for English-Spanish, spread evenly over the file."""

ISO = {"en": "eng", "es": "spa", "de": "deu", "pt": "por"}


def _paired(source: str, target: str, target_lang: str = "es", column: int = 1) -> list[Case]:
    sides = zip(read_tags(source, column), read_tags(target, column), strict=True)
    return [
        Case(labelled(n, "eng", one), labelled(n, ISO[target_lang], two))
        for n, (one, two) in enumerate(sides)
    ]


def _paragraphs(lang: str) -> list[Example]:
    articles = json.loads(_text(f"qa/xquad/xquad.{lang}.json"))["data"]
    out = []
    for paragraph in (p for article in articles for p in article["paragraphs"]):
        spans = []
        for question in paragraph["qas"]:
            answer = question["answers"][0]
            start = answer["answer_start"]
            spans.append(Span(start, start + len(answer["text"]), question["id"]))
        out.append(Example(str(len(out)), ISO[lang], (paragraph["context"],), tuple(spans)))
    return out


def _text(name: str) -> str:
    """A file under `data`, plain or .gz, without its last line end."""
    path = DATA / name
    packed = path.with_name(path.name + ".gz")
    read: Callable[[], str] = (
        (lambda: path.read_text("utf-8"))
        if path.is_file()
        else (lambda: gzip.decompress(packed.read_bytes()).decode())
    )
    return read().removesuffix("\n")
