"""TextToText: a tagger that writes the text again with tags in it (Raman et al., 2022).

An encoder-decoder of transformers learns to copy its input and to put `<LOC> … </LOC>` around
spans. By default it is held to that form when it writes, after De Cao et al. (2021), so that no
span is lost between output and input. Decoder-only models are not supported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from xltpipe.errors import require
from xltpipe.protocols import Tagger, Trainer
from xltpipe.schemes import spans_from_tags
from xltpipe.spec import Incidental, Spec
from xltpipe.training import checkpoint
from xltpipe.training.fitting import IGNORED, Schedule, fit
from xltpipe.training.sentences import REPORT, SETTINGS, Reading, Sentence, make_home, write_json
from xltpipe.training.tag_grammar import Chunk
from xltpipe.training.text_to_text_model import SmallMarian, load_model, longest_output, new_model
from xltpipe.training.text_to_text_windows import cut
from xltpipe.training.text_to_text_words import Speller, TagStyle, speller
from xltpipe.training.windows import Inputs
from xltpipe.types import Example

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


class TextToText(Spec):
    """Settings of the text-to-text tagger: exactly one of `model` and `config` is given.

    `model` is a folder or a hub name of an encoder-decoder with a fast tokenizer (such as T5,
    mT5 or BART; `revision` pins it); `config` sizes a new model that learns its tokenizer from
    the training text. `constrained = false` shows what the same model writes when nothing holds
    it: texts that come back otherwise lose their spans, and are counted.
    """

    kind: Literal["text_to_text"] = "text_to_text"
    model: str | None = None
    revision: str = "main"
    config: SmallMarian | None = None
    tags: TagStyle = "tokens"
    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)  # a new model needs about 1e-3
    batch_size: int = Field(default=16, ge=1)
    warmup: float = Field(default=0.1, ge=0, lt=1)  # share of the steps; then linear to zero
    weight_decay: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=256, ge=8)  # length of a window of the input
    overlap: int = Field(default=64, ge=1)  # tokens that neighbouring windows share at most
    constrained: bool = True
    beams: int = Field(default=4, ge=1)
    length_penalty: float = Field(default=1.0, ge=0)  # score = sum of log p / length ** this
    device: Literal["auto", "cpu"] = "auto"  # a GPU trains in bf16: another result
    predict_batch_size: Annotated[int, Incidental] = Field(default=16, ge=1)

    @model_validator(mode="after")
    def _one_source(self) -> TextToText:
        if (self.model is None) == (self.config is None):
            raise ValueError(
                "text_to_text must have either model (a folder or a hub name) or config (the size "
                f"of a new model), was: model={self.model!r}, config={self.config!r}"
            )
        if self.overlap >= self.max_tokens - 4:  # special tokens take their share of a window
            raise ValueError(
                f"overlap must be less than max_tokens - 4, was: {self.overlap}, {self.max_tokens}"
            )
        return self

    def fingerprint(self) -> dict[str, str]:
        """The content of `model` where it is a folder."""
        return {} if self.model is None else checkpoint.fingerprint(self.model)

    def check(self) -> None:
        require("torch", "train")
        require("transformers", "train")

    def build(self, seed: int) -> Trainer:
        """Make the trainer; the seed draws new weights, the order of sentences and dropout."""
        self.check()
        return TextToTextTrainer(self, seed)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        from xltpipe.training.text_to_text_tagger import TextToTextTagger

        return TextToTextTagger(
            home,
            device=self.device,
            batch_size=self.predict_batch_size,
            beams=self.beams,
            length_penalty=self.length_penalty,
            constrained=self.constrained,
        )


@dataclass(frozen=True, slots=True)
class _Learner:
    """What is fitted: a model of transformers, how it spells, its labels in order."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    speller: Speller
    labels: list[str]


class TextToTextTrainer:
    """Fine-tunes with transformers' Trainer; seeds torch, numpy and random, as that does."""

    def __init__(self, spec: TextToText, seed: int) -> None:
        self._spec = spec
        self._seed = seed

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model of the last epoch, its tokenizer, `settings.json` and `report.json`.

        `dev` is only measured: its loss stands in the report.

        Raises:
            DataError: no sentence or no span to learn from, or `home` is not empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        reading = Reading("bio")
        sentences = list(reading.sentences(examples))
        reading.check()
        learner = self._learner(sentences, sorted(reading.labels))
        make_home(home)
        rows, counts = self._rows(sentences, learner)
        dev_rows, _ = self._rows(list(Reading("bio").sentences(dev)), learner)
        fitted = fit(
            learner.model, learner.tokenizer, rows, dev_rows, self._schedule, _collator(learner)
        )
        with checkpoint.quiet():
            learner.model.save_pretrained(home)
            learner.tokenizer.save_pretrained(home)
        settings = {"seed": self._seed, "labels": learner.labels}
        write_json(home / SETTINGS, self._spec.identity() | settings)
        write_json(home / REPORT, reading.counts | counts | fitted | {"labels": learner.labels})

    @property
    def _schedule(self) -> Schedule:
        spec = self._spec
        return Schedule(
            epochs=spec.epochs,
            learning_rate=spec.learning_rate,
            batch_size=spec.batch_size,
            warmup=spec.warmup,
            weight_decay=spec.weight_decay,
            seed=self._seed,
            gpu=spec.device == "auto",
        )

    def _learner(self, sentences: Sequence[Sentence], labels: list[str]) -> _Learner:
        spec, length = self._spec, self._spec.max_tokens
        require("transformers", "train").set_seed(self._seed)
        if spec.config is not None:
            texts = (sentence.text for sentence in sentences)
            model, tokenizer = new_model(spec.config, texts, labels, spec.tags, length)
        else:
            name = spec.model or ""
            model, tokenizer = load_model(name, spec.revision, labels, spec.tags, length)
        return _Learner(model, tokenizer, speller(tokenizer, labels, spec.tags), labels)

    def _rows(
        self, sentences: Sequence[Sentence], learner: _Learner
    ) -> tuple[list[Inputs], dict[str, int]]:
        """Windows and what to write for them; those that the decoder cannot write are left out."""
        spell, limit = learner.speller, longest_output(learner.model)
        rows: list[Inputs] = []
        names = ("windows", "windowed_sentences", "overlong_windows")
        counts = Counter(dict.fromkeys((*names, *spell.counted), 0))
        for sentence in sentences:
            size = (self._spec.max_tokens, self._spec.overlap)
            windows = cut(spell, sentence.text, sentence.bounds, *size)
            counts.update(windows.counts)
            counts["windows"] += len(windows.ranges)
            counts["windowed_sentences"] += len(windows.ranges) > 1
            for part, words in zip(windows.ranges, windows.words, strict=True):
                chunks = _chunks(sentence.tags[part.start : part.stop], learner.labels)
                output = [*spell.before, *spell.grammar.write(words, chunks)]
                if limit is not None and len(output) > limit:
                    counts["overlong_windows"] += 1
                    continue
                read = spell.read(words)
                seen = [1] * len(read)
                rows.append({"input_ids": read, "attention_mask": seen, "labels": output})
        return rows, dict(counts)


def _chunks(tags: Sequence[str], labels: Sequence[str]) -> list[Chunk]:
    """The tagged words as ranges; labels that are not among these are left out (those of dev)."""
    words = [(i, i + 1) for i in range(len(tags))]
    spans = spans_from_tags(tags, words, "bio")[0]
    return [(s.start, s.end, labels.index(s.label)) for s in spans if s.label in labels]


def _collator(learner: _Learner) -> Any:
    return require("transformers", "train").DataCollatorForSeq2Seq(
        learner.tokenizer, model=learner.model, label_pad_token_id=IGNORED
    )
