"""Sentences: what a tagger learns from, words and their tags, and what it left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xltpipe.errors import DataError
from xltpipe.json_text import loads
from xltpipe.schemes import UNSPECIFIED, Scheme, spans_from_tags, tags_from_spans
from xltpipe.text import tokenise
from xltpipe.types import Bounds, Example, Span

SETTINGS = "settings.json"
REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One text as words and tags, one tag per word."""

    text: str
    bounds: tuple[Bounds, ...]
    tags: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        return [self.text[start:end] for start, end in self.bounds]


class Reading:
    """Cuts examples into tagged sentences, streaming, and counts what it saw.

    A flat scheme cannot hold spans that overlap: `dropped_spans` counts those that were left
    out, `widened_spans` those whose ends lay inside a word. A masked text's words outside spans
    are UNSPECIFIED; `masked_sentences` counts such texts, which are left out where the trainer
    cannot learn from part of a sentence (`partial` is False).
    """

    def __init__(self, scheme: Scheme, *, partial: bool = False) -> None:
        self._scheme: Scheme = scheme
        self._partial = partial
        names = "examples sentences words spans dropped_spans widened_spans masked_sentences"
        self.counts = dict.fromkeys(names.split(), 0)
        self.labels: set[str] = set()

    def sentences(self, examples: Iterable[Example]) -> Iterator[Sentence]:
        """One sentence per text that has a word."""
        for example in examples:
            self.counts["examples"] += 1
            for index, text in enumerate(example.texts):
                bounds = word_bounds(example, index)
                spans = [replace(s, text=0) for s in example.spans if s.text == index]
                tags, dropped = tags_from_spans(spans, bounds, self._scheme)
                if index in example.masked:
                    self.counts["masked_sentences"] += 1
                    if not self._partial:
                        continue
                self._count(spans, tags, bounds, dropped)
                if index in example.masked:
                    tags = [UNSPECIFIED if tag == "O" else tag for tag in tags]
                if bounds:
                    yield Sentence(text, bounds, tuple(tags))

    def _count(
        self, spans: list[Span], tags: list[str], bounds: Sequence[Bounds], dropped: int
    ) -> None:
        self.counts["sentences"] += bool(bounds)
        self.counts["words"] += len(bounds)
        if spans:
            written = spans_from_tags(tags, bounds, self._scheme)[0]
            self.labels.update(span.label for span in written)
            self.counts["spans"] += len(spans)
            self.counts["dropped_spans"] += dropped
            self.counts["widened_spans"] += len(spans) - dropped - len({*spans} & {*written})

    def check(self) -> None:
        """Check that there was something to learn.

        Raises:
            DataError: no sentence, or no span on any word.
        """
        masked = 0 if self._partial else self.counts["masked_sentences"]
        if not self.counts["sentences"] and masked:
            raise DataError(
                f"Training data must hold at least one sentence that is not masked, was: "
                f"{self.counts['examples']} examples, {masked} of their texts masked, the others "
                'without a word; incomplete = "mask" masks a text that lost a span: look at '
                "projection, or choose a trainer that learns from part of a sentence "
                "(transformers, bigru, charcnn)"
            )
        if not self.counts["sentences"]:
            raise DataError(
                f"Training data must hold at least one sentence, was: {self.counts['examples']} "
                "examples without a word; look at the rejected rows: were all dropped?"
            )
        if not self.labels:
            raise DataError(
                f"Training data must hold at least one span, was: none in "
                f"{self.counts['sentences']} sentences; look at projection: were all spans lost? "
                'Data without spans (classes) need strategies = ["corpus"]: taggers learn spans'
            )


def word_bounds(example: Example, index: int) -> tuple[Bounds, ...]:
    """The words of `texts[index]`: the data's own where given, else those of `tokenise`."""
    if index == 0 and example.tokens:
        return example.tokens
    return tokenise(example.texts[index]).bounds


def make_home(home: Path) -> None:
    """Make the folder of a new model.

    Raises:
        DataError: it is there and not empty.
    """
    home.mkdir(parents=True, exist_ok=True)
    if any(home.iterdir()):
        raise DataError(f"Model home must be new or empty, was: {home}; remove it or name another")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write sorted and indented, so that equal content is equal bytes."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")


def read_settings(home: Path, kind: str) -> dict[str, Any]:
    """The settings a model was trained with.

    Raises:
        DataError: there are none, or they are of another kind of model.
    """
    try:
        settings = loads((home / SETTINGS).read_bytes())
        found = settings["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"Model home must hold a {SETTINGS} that training wrote, was: {home} ({error}); "
            "train the model again"
        ) from error
    if found != kind:
        raise DataError(f'Model must be of kind "{kind}", was: "{found}" ({home})')
    return dict(settings)
