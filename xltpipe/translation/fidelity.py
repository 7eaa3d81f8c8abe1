"""Fidelity: whether a converted model says what the original says.

Both are given the same random pieces, source and target; what they think of each target piece must
agree. Random pieces meet rare rows of the vocabulary, where a conversion goes wrong unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from xltpipe.errors import RecipeError, require
from xltpipe.language_tokens import special
from xltpipe.languages import resolve
from xltpipe.model_files import converted_config
from xltpipe.translation.codec import codec
from xltpipe.translation.converted_source import Source
from xltpipe.translation.converted_weights import Quantization
from xltpipe.translation.description import Description, pieces

_SEQUENCES, _SEED = 8, 7
_BOUNDS = {"float32": 0.01, "float16": 0.1, "bfloat16": 0.3, "int16": 0.1}
_BOUND_INT8 = 0.5
"""Nats: mean difference per piece that rounding explains; a wrong row or scale makes several."""

Pair = tuple[list[str], list[str]]


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Mean and greatest difference of log-probabilities per piece (nats), and the mean allowed."""

    sequences: int
    mean: float
    greatest: float
    bound: float


def compare(
    source: Source, model: Path, description: Description, quantization: Quantization
) -> Fidelity:
    """Score random pieces with both models.

    Raises:
        RecipeError: they differ by more than the quantisation explains.
        MissingExtraError: transformers or torch is not installed.
    """
    pairs = _random_pairs(model, description)
    ours, theirs = _converted(model, pairs, quantization), _original(source, model, pairs)
    difference = np.abs(np.concatenate(ours) - np.concatenate(theirs))
    bound = _BOUNDS.get(quantization, _BOUND_INT8)
    found = Fidelity(len(pairs), float(difference.mean()), float(difference.max()), bound)
    if not found.mean <= bound:  # a NaN is no agreement
        raise RecipeError(
            f"Converted model must say what the original says, was: {found.mean:.3f} nats apart "
            f"per piece where {quantization} explains {bound}, in {source.home.name}; run it with "
            'translation.kind = "transformers"'
        )
    return found


def _random_pairs(model: Path, description: Description) -> list[Pair]:
    """Source and target pieces, with the language tokens of a direction around them."""
    one, other = next(iter(description.directions), description.languages[:2] * 2)[:2]
    speech = codec(model, resolve(one), resolve(other))
    known = pieces(model)
    usual = sorted(set(known) - special(description.family, known) - speech.specials)
    random = Random(_SEED)  # noqa: S311 - nothing is kept secret
    out: list[Pair] = []
    for number in range(_SEQUENCES):
        size = 3 + 2 * number
        given = [*speech.frame.before, *random.choices(usual, k=size), *speech.frame.after]
        out.append((given, [*speech.frame.prefix, *random.choices(usual, k=size)]))
    return out


def _converted(
    model: Path, pairs: Sequence[Pair], quantization: Quantization
) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    import ctranslate2

    engine = ctranslate2.Translator(
        str(model),
        device="cpu",
        compute_type="int8" if quantization.startswith("int8") else "float32",
        intra_threads=1,  # a child that is forked later must not find threads of OpenMP
    )
    scored = engine.score_batch(
        [given for given, _ in pairs], [wanted for _, wanted in pairs], max_input_length=0
    )
    return [np.array(one.log_probs, np.float64) for one in scored]


def _original(
    source: Source, model: Path, pairs: Sequence[Pair]
) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    torch = require("torch", "train")
    transformers = require("transformers", "train")
    loaded = transformers.AutoModelForSeq2SeqLM.from_pretrained(
        source.home, dtype=torch.float32, local_files_only=True, trust_remote_code=False
    ).eval()
    ids = {piece: number for number, piece in enumerate(pieces(model))}
    end = ids[str(converted_config(model)["eos_token"])]
    out = []
    for given, wanted in pairs:
        target = [ids[piece] for piece in wanted]
        with torch.inference_mode():
            logits = loaded(
                input_ids=torch.tensor([[ids[piece] for piece in given]]),
                decoder_input_ids=torch.tensor([[loaded.config.decoder_start_token_id, *target]]),
            ).logits[0]
        logits = logits[:, : len(ids)]  # Marian's <pad> is last, and the engine leaves it out
        logs = torch.log_softmax(logits.double(), -1)
        out.append(logs[range(len(target) + 1), [*target, end]].numpy())
    return out
