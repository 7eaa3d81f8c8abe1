"""Dialects: what a checkpoint wants around the pieces of a text, by its family.

Languages are told by the rules that converted models follow (`codec.frame`); special to checkpoints
are ids in place of pieces, and mBART-25, which CTranslate2 does not know.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from xltpipe.errors import RecipeError, require
from xltpipe.language_tokens import filled, told_by_tokens
from xltpipe.languages import Language
from xltpipe.model_files import read_json
from xltpipe.translation.codec import frame
from xltpipe.translation.description import (
    FILE,
    Description,
    Tokenizer,
    describe,
)
from xltpipe.translation.normalisation import Normaliser

_ANY = Tokenizer(kind="hf", source="tokenizer.json")  # unused: transformers opens its own


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one checkpoint is spoken to for one direction; all tokens by id.

    `before` and `after` stand around the source's pieces, `prompt` before its text; the output
    begins with `start` (None: the checkpoint's own) and `prefix`.
    """

    tokenizer: Any
    normaliser: Normaliser
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    prefix: tuple[int, ...] = ()
    start: int | None = None
    prompt: str = ""

    def encode(self, texts: Sequence[str], limit: int) -> list[tuple[list[int], bool]]:
        """Source ids of each text, at most `limit` with the special ones, and if it was cut."""
        room = limit - len(self.before) - len(self.after)
        prepared = [self.prompt + self.normaliser.before(text) for text in texts]
        return [
            ([*self.before, *ids[:room], *self.after], len(ids) > room)
            for ids in self._pieces(prepared)
        ]

    def _pieces(self, texts: list[str]) -> list[list[int]]:
        # a "</s>" that stands in a text is text: it must not end the sentence for the model
        found = self.tokenizer(
            texts, add_special_tokens=False, split_special_tokens=True, verbose=False
        )
        ids: list[list[int]] = found["input_ids"]
        return ids

    def decode(self, outputs: Sequence[Sequence[int]]) -> list[str]:
        """Texts of output ids, one each; special tokens never appear in them."""
        texts = self.tokenizer.batch_decode(
            [list(ids) for ids in outputs],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        return [self.normaliser.after(text).strip() for text in texts]

    def round_trip(self, text: str) -> str:
        """The text through the tokeniser and back."""
        (ids,) = self._pieces([self.normaliser.before(text)])
        return self.decode([ids])[0]


def described(model: Path) -> Description | None:
    """What xltpipe.json in the checkpoint's folder says; None without one."""
    return describe(model) if (model / FILE).is_file() else None


@lru_cache(maxsize=32)
def dialect(model: Path, source: Language, target: Language, prompt: str | None) -> Dialect:
    """The dialect of a checkpoint for one direction.

    Raises:
        RecipeError: it does not translate this pair, or does not show how it is told languages.
    """
    told = tokenizer(model)
    description = described(model)
    steps = (description.preprocessing, description.markers) if description else ((), ())
    normaliser, end = Normaliser(*steps), _end(told, model)
    if prompt is not None:
        words = filled(prompt, source, target)
        return Dialect(told, normaliser, after=end, prompt=words)
    vocabulary = told.get_vocab()
    known = description or _shown(model, vocabulary)
    if not known.covers(source, target):
        raise RecipeError(
            f"Language pair must be one that {model.name} translates, was: "
            f"{source.id}-{target.id}; it translates {known.pairs(20)}"
        )
    framing = frame(known, source, target, frozenset(vocabulary))
    before, prefix = (_ids(side, vocabulary, model) for side in (framing.before, framing.prefix))
    if known.family == "mbart50" and description is None and not _begins(model, vocabulary):
        return Dialect(told, normaliser, after=(*end, *before), start=prefix[0])
    return Dialect(told, normaliser, before, end, prefix, prompt=framing.prompt)


def _ids(tokens: Sequence[str], vocabulary: Mapping[str, int], model: Path) -> tuple[int, ...]:
    lost = [token for token in tokens if token not in vocabulary]
    if lost:
        raise RecipeError(
            f"Tokenizer of {model.name} must have the language tokens of its family, was: "
            f"without {', '.join(lost)}; it belongs to another model"
        )
    return tuple(vocabulary[token] for token in tokens)


def _shown(model: Path, vocabulary: Collection[str]) -> Description:
    """A checkpoint without xltpipe.json, by its files."""
    kind = read_json(model / "config.json").get("model_type")
    if kind == "marian":
        return describe(model)
    family, languages = told_by_tokens(vocabulary)
    if not languages:
        raise RecipeError(
            f"Checkpoint must show how it is told its languages, was: {model} (model_type "
            f'{kind!r}); set translation.prompt, such as "translate {{source}} to {{target}}: ", '
            f'or "" where it knows one pair only, or write an {FILE} into its folder'
        )
    return Description(family=family, tokenizer=_ANY, languages=languages, max_positions=1024)


def _begins(model: Path, vocabulary: Collection[str]) -> bool:
    """mBART-50 begins texts with their language, mBART-25 ends them with it (Liu et al., 2020).

    Known by its tokenizer, or by a language that mBART-25 does not have.
    """
    config = read_json(model / "tokenizer_config.json")
    return str(config.get("tokenizer_class")).startswith("MBart50") or "gl_ES" in vocabulary


def _end(told: Any, model: Path) -> tuple[int, ...]:
    if told.eos_token_id is None:
        raise RecipeError(f"Tokenizer must have an eos_token, was: none in {model}")
    return (int(told.eos_token_id),)


@lru_cache(maxsize=8)
def tokenizer(model: Path) -> Any:
    """The checkpoint's own tokenizer.

    Raises:
        RecipeError: it is not there or cannot be opened, or has more tokens than the model.
    """
    transformers = require("transformers", "train")
    try:
        with warnings.catch_warnings():
            # of a package that Marian's tokenizer asks for and does not use to encode
            warnings.filterwarnings("ignore", message=".*sacremoses")
            found = transformers.AutoTokenizer.from_pretrained(
                str(model), local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # each tokenizer class has errors of its own for a missing file
        raise RecipeError(
            f"Tokenizer must lie in the checkpoint's folder, was: {model} "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}); copy "
            "its files from where the model came from"
        ) from error
    size = read_json(model / "config.json").get("vocab_size")
    if size is not None and max(found.get_vocab().values(), default=0) >= size:
        raise RecipeError(
            f"Tokenizer must be the model's own, was: ids up to "
            f"{max(found.get_vocab().values())} for {size} embeddings in {model}"
        )
    return found
