"""Agreement: whether a tokenizer is the one that a model was trained with.

The engine takes pieces by name and reads what it does not know as `<unk>`, without a word: with a
wrong tokenizer, every text would be translated, and all of it wrongly.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from xltpipe.errors import RecipeError
from xltpipe.model_files import converted_config
from xltpipe.translation.description import Description, Side, vocabulary
from xltpipe.translation.tokenisers import tokeniser

LEAST = 0.9
"""Share of a tokenizer's pieces that must be in the vocabulary. Those of OPUS-MT lack a few that
never came up in training; tokenizers of two languages share far less than this."""


class Agreement(NamedTuple):
    """Shares of the tokenizer's pieces, 0..1, that the model's vocabulary has, by side."""

    source: float
    target: float


@lru_cache(maxsize=16)
def check_agreement(model: Path, description: Description) -> Agreement:
    """Compare the pieces of a model's tokenizer with its vocabulary.

    Raises:
        RecipeError: they do not belong together, or the model starts its target wrongly.
    """
    _check_start(model, description)
    cut = tokeniser(model, description)
    shares: list[float] = []
    for side in ("source", "target"):
        own, known = cut.pieces(side), vocabulary(model, side)
        missing = [piece for piece in own if piece not in known]
        share = 1 - len(missing) / max(1, len(own))
        if share < LEAST:
            raise RecipeError(_told(model, description, side, share, missing))
        shares.append(share)
    return Agreement(*shares)


def _told(
    model: Path, description: Description, side: Side, share: float, missing: list[str]
) -> str:
    said = description.tokenizer
    file = said.source if side == "source" else said.target or said.source
    return (
        f"Tokenizer must be the one that the model was trained with, was: {model / file}, "
        f"{share:.0%} of whose pieces are in the model's {side} vocabulary (not "
        f"{', '.join(map(repr, missing[:3]))}); copy the tokenizer of the model that was converted"
    )


def _check_start(model: Path, description: Description) -> None:
    """A target of mBART-50 starts with the end of its source, which some conversions leave out."""
    config = converted_config(model)
    end, start = str(config["eos_token"]), config.get("decoder_start_token")
    if description.family == "mbart50" and start != end:
        raise RecipeError(
            f"Target of an mBART-50 model must start with {end}, was: {start} in "
            f'{model / "config.json"}; convert it again with "xltpipe models convert"'
        )
