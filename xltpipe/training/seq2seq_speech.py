"""Speech: sentence pairs as the tokens of an encoder-decoder, in the form that its engine sends.

How a model is told its languages is known by its family (`xltpipe.language_tokens`). What is learnt
is written down in xltpipe.json beside the weights, so that the engine `transformers` speaks to the
model as it was trained.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from xltpipe.errors import RecipeError
from xltpipe.language_tokens import fillable, filled, language_tokens, told_by_tokens
from xltpipe.languages import Family, Language, resolve
from xltpipe.model_files import read_json
from xltpipe.training.text_to_text_model import longest_output

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FILE = "xltpipe.json"
"""What engines read of a model (`xltpipe.translation.description`)."""


@dataclass(frozen=True, slots=True)
class Speech:
    """How a model is spoken to; `prompt` goes before a text, with the languages' names in it."""

    tokenizer: Any
    vocabulary: Mapping[str, int]
    family: Family
    into: Language
    prompt: str = ""

    def read(self, text: str, lang: str) -> list[int]:
        """The tokens of a sentence in a language, the end included.

        Raises:
            RecipeError: the model has no token for the language.
        """
        source = resolve(lang)
        said = filled(self.prompt, source, self.into) + _plain(text)
        before = language_tokens(self.family, source, self.into, self.vocabulary).source
        return [*self._ids(before), *self._pieces(said), self.end]

    def write(self, text: str) -> list[int]:
        """The tokens of a translation: those of its language, and the end, included."""
        return [*self.prefix, *self._pieces(_plain(text), target=True), self.end]

    @property
    def prefix(self) -> list[int]:
        """The tokens that every translation begins with."""
        found = language_tokens(self.family, self.into, self.into, self.vocabulary)
        return self._ids(found.target)

    @property
    def end(self) -> int:
        return int(self.tokenizer.eos_token_id)

    def _pieces(self, text: str, *, target: bool = False) -> list[int]:
        # a "</s>" that stands in a text is text; some tokenizers have other pieces for targets
        given = {"text_target": text} if target else {"text": text}
        found = self.tokenizer(
            **given, add_special_tokens=False, split_special_tokens=True, verbose=False
        )
        ids: list[int] = found["input_ids"]
        return ids

    def _ids(self, tokens: Sequence[str]) -> list[int]:
        lost = [token for token in tokens if token not in self.vocabulary]
        if lost:
            raise RecipeError(
                f"Model must have a token for each language, was: without {', '.join(lost)} "
                f"({self.family}); choose another model"
            )
        return [self.vocabulary[token] for token in tokens]


def _plain(text: str) -> str:
    """White space of any kind is one space, as for the engine."""
    return " ".join(text.split())


def speech(
    tokenizer: Any, model: PreTrainedModel, name: str | None, into: str, prompt: str | None
) -> Speech:
    """How a model is spoken to; `name` is None for a new one, which knows one target language.

    Raises:
        RecipeError: it does not show how it is told its languages, or has no end token.
    """
    if tokenizer.eos_token_id is None:
        raise RecipeError(
            f"Model must have a tokenizer with an end token, was: {name!r} without; take another"
        )
    vocabulary, language = tokenizer.get_vocab(), resolve(into)
    if prompt is not None:
        return Speech(tokenizer, vocabulary, "t5", language, prompt)
    if name is None:
        return Speech(tokenizer, vocabulary, "opus", language)
    if (Path(name).expanduser() / FILE).is_file():
        return Speech(tokenizer, vocabulary, *_said(Path(name).expanduser() / FILE, language))
    family, languages = told_by_tokens(vocabulary)
    if model.config.model_type == "marian":
        return Speech(tokenizer, vocabulary, "opus", language)
    if not languages:
        raise RecipeError(
            f"Model must show how it is told its languages, was: {name!r} (model_type "
            f'{model.config.model_type!r}); set prompt, such as "translate {{source}} to '
            '{target}: ", or "" where it need not be told'
        )
    return Speech(tokenizer, vocabulary, family, language)


def _said(file: Path, into: Language) -> tuple[Family, Language, str]:
    """What a model's xltpipe.json says of how it is told languages."""
    said = read_json(file)
    family, prompt = said.get("family"), said.get("prompt", "")
    if family not in get_args(Family):
        known = ", ".join(get_args(Family))
        raise RecipeError(f"{file} must name a family, one of {known}, was: {family!r}")
    try:
        return family, into, fillable(str(prompt))
    except ValueError as error:
        raise RecipeError(f"prompt in {file} {error}") from error


def describe(home: Path, model: PreTrainedModel, spoken: Speech, langs: Iterable[str]) -> None:
    """Write what an engine must know into the folder of a model, whose files are there already."""
    sides = ("source", "target") if (home / "source.spm").is_file() else ()
    names = ("tokenizer.json", "sentencepiece.bpe.model", "spiece.model")
    one = next((name for name in names if (home / name).is_file()), names[0])
    files = (
        {"kind": "sentencepiece", **{side: f"{side}.spm" for side in sides}}
        if sides
        else {"kind": "hf" if one.endswith(".json") else "sentencepiece", "source": one}
    )
    said = {
        "family": spoken.family,
        "tokenizer": files,
        "directions": [[lang, spoken.into.id] for lang in sorted(set(langs))],
        "prompt": spoken.prompt,
        "max_positions": longest_output(model) or 512,
    }
    text = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False)
    (home / FILE).write_text(text + "\n", "utf-8")
