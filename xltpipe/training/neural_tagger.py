"""Taggers of networks from scratch: labels with probabilities, or spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.protocols import Tagger
from xltpipe.schemes import spans_from_tags
from xltpipe.training.labelled import CHUNK, LabelTagger
from xltpipe.training.neural import Characters, Neural, words
from xltpipe.training.sentences import read_settings, word_bounds
from xltpipe.training.tfidf_model import MODEL, damaged
from xltpipe.types import Bounds, Example, Span

if TYPE_CHECKING:
    from xltpipe.training.neural_networks import Text


def load_tagger(spec: Neural, home: Path) -> Tagger:
    """Open a trained network; `spec` says how many texts to predict at once.

    Raises:
        DataError: there is none in `home`, or it cannot be read.
    """
    settings = read_settings(home, spec.kind)
    model = _Model(spec, settings, home)
    if settings["task"] == "spans":
        return NeuralSpanTagger(model)
    return NeuralLabelTagger(model, settings)


class _Model:
    """A network with its characters and labels."""

    def __init__(self, spec: Neural, settings: dict[str, Any], home: Path) -> None:
        safetensors: Any = require("safetensors.torch", "train")
        broken = require("safetensors", "train").SafetensorError
        own = type(spec).model_fields
        self.spec = type(spec).model_validate({n: v for n, v in settings.items() if n in own})
        self.labels: list[str] = settings["labels"]
        self.characters = Characters(settings["characters"])
        self._size = spec.predict_batch_size
        size = (len(self.characters), settings["task"], len(self.labels))
        with require("torch", "train").random.fork_rng(devices=[]):
            self._network: Any = self.spec.network(*size)
        try:
            self._network.load_state_dict(safetensors.load((home / MODEL).read_bytes()))
        except (OSError, ValueError, KeyError, RuntimeError, broken) as error:
            raise damaged(home / MODEL, error) from error
        self._network.eval()

    def likely(self, rows: Sequence[Sequence[Text]]) -> list[Any]:
        """The probabilities of each row: (labels), or (words, tags) of a tagger."""
        torch = require("torch", "train")
        order = sorted(range(len(rows)), key=lambda i: max(map(len, rows[i][0])) * len(rows[i][0]))
        out: list[Any] = [None] * len(rows)
        for start in range(0, len(order), self._size):
            batch = order[start : start + self._size]
            with torch.inference_mode():
                found = self._network([rows[i] for i in batch]).double().softmax(-1)
            sizes = [1] * len(batch)
            if len(found) != len(batch):  # one per word
                sizes = [len(rows[i][0]) for i in batch]
            for i, part in zip(batch, found.split(sizes), strict=True):
                out[i] = part
        return out


class NeuralLabelTagger(LabelTagger):
    """A trained network for classes or pairs."""

    def __init__(self, model: _Model, settings: dict[str, Any]) -> None:
        super().__init__(settings["task"])
        self._model = model

    def _likely(self, rows: Sequence[tuple[str, ...]]) -> list[dict[str, float]]:
        model = self._model
        encoded = [[model.characters.encode(model.spec.cut(text)) for text in row] for row in rows]
        found = model.likely(encoded)
        return [dict(zip(model.labels, p[0].tolist(), strict=True)) for p in found]


class NeuralSpanTagger:
    """A trained network for spans: the best tag of each word."""

    def __init__(self, model: _Model) -> None:
        self._model = model

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with predicted spans, on `Example.tokens` where given."""
        out: list[Example] = []
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            out += self._tag(batch)
            progress.tick("predict", len(batch))
        return out

    def _tag(self, examples: Sequence[Example]) -> list[Example]:
        texts: list[tuple[int, int, tuple[Bounds, ...]]] = []
        rows: list[list[Text]] = []
        for row, example in enumerate(examples):
            for index, text in enumerate(example.texts):
                if bounds := word_bounds(example, index):
                    texts.append((row, index, bounds))
                    rows.append([self._model.characters.encode(words(text, bounds))])
        spans: list[list[Span]] = [[] for _ in examples]
        for (row, index, bounds), found in zip(texts, self._model.likely(rows), strict=True):
            tags = [self._model.labels[at] for at in found.argmax(-1).tolist()]
            read = spans_from_tags(tags, bounds, "bio")[0]
            spans[row] += [replace(span, text=index) for span in read]
        return [replace(e, spans=tuple(s)) for e, s in zip(examples, spans, strict=True)]
