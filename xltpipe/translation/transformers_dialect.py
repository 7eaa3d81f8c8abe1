"""Dialects: what a checkpoint wants around the pieces of a text, by its family.

Language names come from the one registry, through the rules that converted models follow
(`codec.frame`); mBART's and MADLAD's tokens are found in the checkpoint's own vocabulary.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from xltpipe.errors import RecipeError, require
from xltpipe.languages import Language, registry, resolve
from xltpipe.translation.codec import Frame, frame
from xltpipe.translation.description import FILE, Description, Tokenizer, describe
from xltpipe.translation.normalisation import Normaliser

_MBART = re.compile(r"([a-z]{2,3})_[A-Z]{2}$")  # such as en_XX and pt_XX (Tang et al., 2020)
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
        words = prompt.format(source=source.name, target=target.name)
        return Dialect(told, normaliser, after=end, prompt=words)
    vocabulary = told.get_vocab()
    config = json.loads((model / "config.json").read_bytes())
    family = str(config.get("model_type"))
    if family == "mbart" and description is None:
        return _mbart(model, told, vocabulary, (source, target))
    if family in {"t5", "mt5", "umt5"} and description is None:
        token = _covered(model, target, vocabulary)
        return Dialect(told, normaliser, before=(vocabulary[token],), after=end)
    known = description or _shown(model, family, vocabulary)
    if not known.covers(source, target):
        raise _uncovered(model, source, target, known.pairs())
    framing = frame(known, source, target, frozenset(vocabulary))
    return Dialect(told, normaliser, *_ids(framing, vocabulary, end, model))


def _ids(
    framing: Frame, vocabulary: Mapping[str, int], end: tuple[int, ...], model: Path
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    lost = [token for token in (*framing.before, *framing.prefix) if token not in vocabulary]
    if lost:
        raise RecipeError(
            f"Tokenizer of {model.name} must have the language tokens of its family, was: "
            f"without {', '.join(lost)}; it belongs to another model"
        )
    before, prefix = (
        tuple(vocabulary[token] for token in tokens) for tokens in (framing.before, framing.prefix)
    )
    return before, end, prefix


def _shown(model: Path, family: str, vocabulary: Mapping[str, int]) -> Description:
    """A Marian, M2M-100 or NLLB checkpoint without xltpipe.json, by its files."""
    if family == "marian":
        return describe(model)
    nllb = tuple(known.id for known in registry() if known.flores in vocabulary)
    m2m100 = tuple(known.id for known in registry() if f"__{known.m2m100}__" in vocabulary)
    if not (nllb or m2m100):
        raise RecipeError(
            f"Checkpoint must show how it is told its languages, was: {model} (model_type "
            f'{family!r}); set translation.prompt, such as "translate {{source}} to {{target}}: ", '
            f'or "" where it knows one pair only, or write an {FILE} into its folder'
        )
    return Description(
        family="nllb" if nllb else "m2m100",
        tokenizer=_ANY,
        languages=nllb or m2m100,
        max_positions=1024,
    )


def _mbart(
    model: Path, told: Any, vocabulary: Mapping[str, int], pair: tuple[Language, Language]
) -> Dialect:
    """mBART-50 begins texts with their language, mBART-25 ends them with it (Liu et al., 2020)."""
    tokens = {}
    for token in vocabulary:
        found = _MBART.match(token)
        if found:
            tokens[_id(found[1])] = token
    missing = [one for one in pair if one.id not in tokens]
    if missing:
        shown = f"any pair of {', '.join(sorted(name for name in tokens if name))}"
        raise _uncovered(model, *pair, shown)
    source, target = (vocabulary[tokens[one.id]] for one in pair)
    normaliser, end = Normaliser((), ()), _end(told, model)
    config = json.loads((model / "tokenizer_config.json").read_bytes())
    if "50" in str(config.get("tokenizer_class")):
        return Dialect(told, normaliser, (source,), end, prefix=(target,))
    return Dialect(told, normaliser, after=(*end, source), start=target)


def _id(code: str) -> str | None:
    try:
        return resolve(code).id
    except RecipeError:
        return None  # a language that the registry does not know cannot be asked for


def _covered(model: Path, target: Language, vocabulary: Mapping[str, int]) -> str:
    """The token `<2xx>` of MADLAD (Kudugunta et al., 2023), whose sources need none."""
    names = (f"<2{target.opus}_{target.script}>", target.token, f"<2{target.id}>")
    found = next((name for name in names if name in vocabulary), None)
    if found is not None:
        return found
    if not any(token.startswith("<2") for token in vocabulary):
        raise RecipeError(
            f"Checkpoint must have tokens such as <2es>, or be told languages by words, was: "
            f'{model} with neither; set translation.prompt, such as "translate {{source}} to '
            '{target}: "'
        )
    raise _uncovered(model, target, target, "into languages that have a token <2xx>")


def _uncovered(model: Path, source: Language, target: Language, pairs: str) -> RecipeError:
    return RecipeError(
        f"Language pair must be one that {model.name} translates, was: "
        f"{source.id}-{target.id}; it translates {pairs}"
    )


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
    size = json.loads((model / "config.json").read_bytes()).get("vocab_size")
    if size is not None and max(found.get_vocab().values(), default=0) >= size:
        raise RecipeError(
            f"Tokenizer must be the model's own, was: ids up to "
            f"{max(found.get_vocab().values())} for {size} embeddings in {model}"
        )
    return found
