"""Codec: text to the tokens one model reads in one direction, and its tokens back to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from xltpipe.errors import RecipeError
from xltpipe.language_tokens import filled, language_tokens, special
from xltpipe.languages import Language
from xltpipe.model_files import converted_config
from xltpipe.translation.agreement import check_agreement
from xltpipe.translation.description import Description, describe, vocabulary
from xltpipe.translation.normalisation import Normaliser
from xltpipe.translation.tokenisers import Pieces, Tokeniser, tokeniser


@dataclass(frozen=True, slots=True)
class Frame:
    """Special tokens around the pieces: before and after the source, and before the target.

    `prompt` are words before the source's own, cut into pieces with them.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    prefix: tuple[str, ...]
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Codec:
    """Encodes for one model and direction; both ways give one result per input, same order."""

    frame: Frame
    tokeniser: Tokeniser
    normaliser: Normaliser
    specials: frozenset[str]
    spellings: Mapping[str, Pieces]
    """Of each special token: pieces that read as its text."""
    end: str

    def encode(self, texts: Sequence[str], limit: int) -> list[tuple[Pieces, bool]]:
        """Source tokens of each text, at most `limit` with the special ones, and if it was cut."""
        before, after = list(self.frame.before), list(self.frame.after)
        room = limit - len(before) - len(after)
        prompt = self.frame.prompt
        pieces = self.tokeniser.encode([prompt + self.normaliser.before(text) for text in texts])
        plain = [self._spelt(one) for one in pieces]
        return [(before + one[:room] + after, len(one) > room) for one in plain]

    def _spelt(self, pieces: Pieces) -> Pieces:
        """What looks like a language token in a text is text: it must not switch the language."""
        if self.specials.isdisjoint(pieces):
            return pieces
        return [part for one in pieces for part in self.spellings.get(one, (one,))]

    def decode(self, outputs: Sequence[Pieces]) -> list[str]:
        """Texts of target tokens; special tokens never appear in them."""
        specials = self.specials
        pieces = [[piece for piece in one if piece not in specials] for one in outputs]
        return [self.normaliser.after(text) for text in self.tokeniser.decode(pieces)]


@lru_cache(maxsize=32)
def codec(model: Path, source: Language, target: Language) -> Codec:
    """The codec of a model for one direction.

    Raises:
        RecipeError: the model does not translate this pair, or its tokenizer is missing or not
            the one that it was trained with.
    """
    description = describe(model)
    if not description.covers(source, target):
        raise RecipeError(
            f"Language pair must be one that {model.name} translates, was: "
            f"{source.id}-{target.id}; it translates {description.pairs(20)}"
        )
    check_agreement(model, description)
    config = converted_config(model)
    end = str(config["eos_token"])
    # Converters differ in who adds the end: a second one would shift every position.
    adds_end = bool(config.get("add_source_eos"))
    known = vocabulary(model)
    framing = frame(description, source, target, known)
    _check_tokens(model, framing)
    specials = special(description.family, vocabulary(model, "target"))
    specials |= {end, str(config["unk_token"]), *framing.before, *framing.prefix}
    return Codec(
        frame=replace(framing, after=() if adds_end else (end,)),
        tokeniser=tokeniser(model, description),
        normaliser=Normaliser(description.preprocessing, description.markers),
        specials=specials,
        spellings={token: _spelling(token, known) for token in specials},
        end=end,
    )


def _spelling(token: str, known: frozenset[str]) -> Pieces:
    """Characters, or where the vocabulary lacks one and has bytes, its bytes (`<0x3C>`)."""
    out = []
    for character in token:
        spelt = [f"<0x{byte:02X}>" for byte in character.encode()]
        out += spelt if character not in known and known.issuperset(spelt) else [character]
    return out


def frame(
    description: Description, source: Language, target: Language, pieces: frozenset[str]
) -> Frame:
    """Language tokens and prompt by family, without the end of the source."""
    tokens = language_tokens(description.family, source, target, pieces)
    prompt = filled(description.prompt, source, target)
    return Frame(tokens.source, (), tokens.target, prompt)


def _check_tokens(model: Path, framing: Frame) -> None:
    """A token that the vocabulary lacks would become `<unk>`, and the model guess its language."""
    missing = [piece for piece in framing.before if piece not in vocabulary(model)]
    missing += [piece for piece in framing.prefix if piece not in vocabulary(model, "target")]
    if missing:
        raise RecipeError(
            f"Language token must be in the model's vocabulary, was: {missing[0]}, which "
            f"{model.name} lacks; correct family or languages in its xltpipe.json"
        )
