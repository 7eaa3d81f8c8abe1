"""Transformers: any encoder-decoder checkpoint of Hugging Face, decoded by `generate` itself.

The reference for converted models, and the way to models that CTranslate2 does not know (Wolf et
al., 2020). On a CPU it is several times as slow as CTranslate2 (docs/results.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.language_tokens import fillable
from xltpipe.languages import resolve
from xltpipe.protocols import Translator
from xltpipe.spec import Incidental, Licensed
from xltpipe.translation import long_texts
from xltpipe.translation.batches import Caps, batches
from xltpipe.translation.models import model_digest
from xltpipe.translation.transformers_checkpoint import Limits, checkpoint, find_checkpoint
from xltpipe.translation.transformers_dialect import described
from xltpipe.types import Translation

if TYPE_CHECKING:
    from xltpipe.translation.transformers_decoding import Checkpoint
    from xltpipe.translation.transformers_dialect import Dialect

_BATCH_TOKENS = {"cpu": 1024, "cuda": 16384}  # padded source tokens times beams


class Transformers(Licensed):
    """A checkpoint's folder (config, tokenizer, weights) and how to decode with it.

    Limits are those of the CTranslate2 engine, so that outputs may be compared; `early_stopping`
    ends a beam search as soon as `beam` hypotheses are complete, as CTranslate2 does. A
    `repetition_penalty` acts on log-probabilities in beam search here, on logits there.

    `prompt` goes before each source text of models that know languages by words, such as T5:
    `"translate {source} to {target}: "`, with the languages' English names; such a model is taken
    at its user's word for the pair. `device` auto is cuda where there is one. Zero for `threads`
    and `batch_tokens` means: set from the machine.
    """

    kind: Literal["transformers"] = "transformers"
    # By content only, through fingerprint(): the same model elsewhere gives the same texts.
    model: Annotated[str, Incidental, Field(min_length=1)]
    beam: int = Field(default=2, ge=1, le=64)
    repetition_penalty: float = Field(default=1.0, ge=1.0, le=3.0)
    length_penalty: float = 1.0
    early_stopping: bool = True
    prompt: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    max_input_tokens: int = Field(default=256, ge=8)
    max_output_tokens: int = Field(default=256, ge=8)
    max_output_ratio: float = Field(default=3.0, ge=1.0)
    batch_tokens: Annotated[int, Incidental, Field(ge=0)] = 0
    threads: Annotated[int, Incidental, Field(ge=0)] = 0
    device: Literal["cpu", "cuda", "auto"] = "cpu"  # kernels differ in the last digits

    @field_validator("prompt")
    @classmethod
    def _filled(cls, prompt: str | None) -> str | None:
        return prompt if prompt is None else fillable(prompt)

    def check(self) -> None:
        require("torch", "train")
        require("transformers", "train")

    def build(self, source: str, target: str) -> Translator:
        """A translator for this pair; the weights themselves are loaded at the first batch.

        Raises:
            MissingExtraError: torch or transformers is not installed.
            RecipeError: no such checkpoint, pair outside it, or limits beyond its positions.
        """
        pair = resolve(source), resolve(target)
        self.check()
        model = find_checkpoint(self.model)
        translator = TransformersTranslator(self, model)
        speech = translator.dialect(*(language.id for language in pair))
        limits = self.max_input_tokens, self.max_output_tokens
        Limits.of(model).hold(*limits, forced=len(speech.prefix))
        return translator

    def fingerprint(self) -> dict[str, str]:
        return {"model": model_digest(find_checkpoint(self.model))}

    def native_markers(self) -> bool:
        """The model was trained to carry markers `[A] … [/A]` through, says its xltpipe.json."""
        description = described(find_checkpoint(self.model))
        return description is not None and bool(description.markers)

    def native_tags(self) -> bool:
        """Models know nothing but text."""
        return False

    def aligning_model(self) -> None:
        """None: aligners that read attention want a CTranslate2 model."""


class TransformersTranslator:
    """Batches texts of like length, and holds no model itself, so that it may be pickled.

    `counts` says how many texts of several lines were translated `by_lines`.
    """

    def __init__(self, spec: Transformers, model: Path) -> None:
        self.counts: Counter[str] = Counter()
        self._spec, self._model = spec, model

    def dialect(self, source: str, target: str) -> Dialect:
        """How this model is spoken to for a pair.

        Raises:
            RecipeError: it does not translate this pair.
        """
        from xltpipe.translation.transformers_dialect import dialect

        return dialect(self._model, resolve(source), resolve(target), self._spec.prompt)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """One translation per text, same order; blank texts give an empty one.

        Of a text of several lines each line is translated for itself. A text for which memory does
        not suffice even alone has a fault.

        Raises:
            RecipeError: the model does not translate this pair, or its weights are not whole.
        """
        speech = self.dialect(source, target)
        found, several = long_texts.by_lines(
            texts, resolve(target), lambda some: [[one] for one in self._each(some, speech)]
        )
        if several:
            self.counts["by_lines"] += several
        return [one for (one,) in found]

    def _each(self, texts: Sequence[str], speech: Dialect) -> list[Translation]:
        results = [Translation("")] * len(texts)
        places = [place for place, text in enumerate(texts) if text and not text.isspace()]
        progress.tick("translate", len(texts) - len(places))
        if not places:
            return results
        spec = self._spec
        model = checkpoint(self._model, spec.device, spec.dtype, spec.threads)
        encoded = speech.encode([texts[place] for place in places], spec.max_input_tokens)
        inputs = dict(zip(places, encoded, strict=True))
        lengths = {place: len(ids) for place, (ids, _) in inputs.items()}
        caps = Caps(spec.max_output_ratio, spec.max_output_tokens)
        for batch in batches(lengths, caps, lambda: self._room(model)):
            rows = [inputs[place][0] for place in batch]
            cap = caps.of(max(map(len, rows)))
            outputs = model.generate(rows, speech, spec, cap)
            told = speech.decode([one.ids for one in outputs])
            for place, output, text in zip(batch, outputs, told, strict=True):
                ids, cut = inputs[place]
                if output.fault is not None:
                    results[place] = Translation("", tokens_in=len(ids), fault=output.fault)
                    continue
                results[place] = Translation(
                    text, output.score, len(ids), len(output.ids), cut or not output.whole
                )
            progress.tick("translate", len(batch))
        return results

    def round_trip(self, text: str, source: str, target: str) -> str:
        """The text as the model's own pieces tell it: what is missing, the model never sees."""
        return self.dialect(source, target).round_trip(text)

    def _room(self, model: Checkpoint) -> int:
        """Padded source tokens a batch may have now: fewer once memory did not suffice."""
        asked = self._spec.batch_tokens or _BATCH_TOKENS[model.device]
        return min(asked, model.most_tokens) // self._spec.beam
