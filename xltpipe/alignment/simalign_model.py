"""An encoder opened for alignment: from a folder, the local cache or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from xltpipe.alignment.simalign_encoder import Encoder, Tokenizer
from xltpipe.errors import RecipeError, require

UNLIMITED = 1 << 20
"""Tokenizers that know no limit name a huge number."""

SAFE = 512
"""Pieces per window where the model names no limit of its own."""


def load(
    name: str, revision: str, layer: int, device: Literal["auto", "cpu"], batch_size: int
) -> Encoder:
    """Open an encoder, or the encoder of a model that has a decoder, too.

    Raises:
        RecipeError: it cannot be had, has no fast tokenizer, or has fewer layers.
    """
    tokenizer, model = _open(name, revision)
    if not tokenizer.is_fast:
        raise RecipeError(
            f"Model of simalign must have a fast tokenizer (tokenizer.json), was: {name!r}; words "
            "cannot be found in its pieces without offsets"
        )
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    depth = getattr(model.config, "num_hidden_layers", layer)
    if layer > depth:
        raise RecipeError(f"layer of simalign must be at most {depth} for {name!r}, was: {layer}")
    model.eval()
    torch = require("torch", "train")
    model.to("cuda" if device == "auto" and torch.cuda.is_available() else "cpu")
    return Encoder(model, tokenizer, layer, room(tokenizer, model.config), batch_size)


def _open(name: str, revision: str) -> tuple[Any, Any]:
    """Tokenizer and model; the local cache is asked first, since the hub may be out of reach."""
    transformers = require("transformers", "train")
    trouble: Exception | None = None
    for local in (True, False) if not Path(name).is_dir() else (True,):
        where = {"revision": revision, "local_files_only": local}
        try:
            return (
                transformers.AutoTokenizer.from_pretrained(name, trust_remote_code=False, **where),
                transformers.AutoModel.from_pretrained(
                    name, use_safetensors=True, trust_remote_code=False, **where
                ),
            )
        except (OSError, ValueError) as error:
            trouble = error
    raise RecipeError(
        "Model of simalign must be a folder with config, fast tokenizer and safetensors weights, "
        f"or the name of such a model on a hub that can be reached, was: {name!r} "
        f"(revision {revision!r}: {str(trouble).strip().splitlines()[0]})"
    ) from trouble


def room(tokenizer: Tokenizer, config: Any) -> int:
    """Positions of the model, special pieces included.

    RoBERTa and its kin count positions from the number of the padding piece on.
    """
    positions = getattr(config, "max_position_embeddings", None) or SAFE
    if getattr(config, "model_type", "").endswith(("roberta", "camembert")):
        positions -= (config.pad_token_id or 0) + 1
    known = tokenizer.model_max_length
    return min(positions, known) if known < UNLIMITED else positions
