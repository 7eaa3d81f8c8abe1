"""A model trained here as a checkpoint of transformers: `MarianMTModel`, float32, a fast tokenizer.

What the rest of the world can open: to fine-tune it further, to use its encoder, or to push it to
a hub. int8 weights are de-quantised: it computes what the engine does but for rounding.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xltpipe.checksums import write_checksums
from xltpipe.errors import DataError, RecipeError, require
from xltpipe.mt.exporting import import_weights
from xltpipe.mt.settings import Size
from xltpipe.mt.tokenizing import fast_tokenizer
from xltpipe.mt.vocabulary import END
from xltpipe.translation.description import FILE, describe
from xltpipe.translation.forced_weights import read_weights

if TYPE_CHECKING:
    from transformers import MarianMTModel

SPM, CARD = "spm.model", "MODEL_CARD.md"


def export_checkpoint(model: Path, home: Path) -> int:
    """Write `model`, a folder that `xltpipe models train` made, as a checkpoint; its parameters.

    Raises:
        RecipeError: the model was not trained here (others have their original checkpoint).
        DataError: `home` holds files already.
    """
    description = describe(model)
    if description.family != "xltpipe" or not (model / SPM).is_file():
        raise RecipeError(
            f"Model to export must be one that xltpipe models train made, was: {model} "
            f"(family {description.family}); a converted model has its original checkpoint"
        )
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise DataError(
            f"Folder must be new or empty, was: {home}; name another, or remove what is there"
        )
    tokenizer = fast_tokenizer(model / SPM)
    size = size_of(model)
    pieces = len(tokenizer) - 1  # the last is padding, which the engine's vocabulary has not
    made = marian(import_weights(model, size, pieces), size, pieces)
    home.mkdir(parents=True, exist_ok=True)
    made.save_pretrained(home)
    tokenizer.save_pretrained(home)
    for name in (FILE, SPM):
        shutil.copy(model / name, home / name)
    if (model / CARD).is_file():
        card = (model / CARD).read_text("utf-8")
        (home / "README.md").write_text(
            card.replace("library_name: ctranslate2", "library_name: transformers", 1), "utf-8"
        )
    write_checksums(home)
    return int(made.num_parameters())


def size_of(model: Path) -> Size:
    """The size of a network, by the shapes of its weights.

    Raises:
        RecipeError: it is no model that `xltpipe models train` made.
    """
    try:
        found = read_weights(model)
        width, inner = (
            found[f"encoder/layer_0/{name}/weight"].shape[0]
            for name in ("self_attention/linear_1", "ffn/linear_0")
        )
        return Size(
            width=width,
            inner=inner,
            heads=int(found["encoder/num_heads"]),
            positions=len(found["encoder/position_encodings/encodings"]),
            encoder_layers=_layers(found, "encoder"),
            decoder_layers=_layers(found, "decoder"),
        )
    except (OSError, ValueError, KeyError, IndexError, struct.error) as error:
        raise RecipeError(
            f"Model must be one that xltpipe models train made, was: {model} ({error})"
        ) from error


def _layers(found: Mapping[str, object], side: str) -> int:
    return len({name.split("/")[1] for name in found if name.startswith(f"{side}/layer_")})


def marian(weights: Mapping[str, Tensor], size: Size, pieces: int) -> MarianMTModel:
    """The network as transformers knows it; padding is the piece behind the last."""
    transformers = require("transformers", "train")
    config = transformers.MarianConfig(
        vocab_size=pieces + 1,
        d_model=size.width,
        encoder_layers=size.encoder_layers,
        decoder_layers=size.decoder_layers,
        encoder_attention_heads=size.heads,
        decoder_attention_heads=size.heads,
        encoder_ffn_dim=size.inner,
        decoder_ffn_dim=size.inner,
        max_position_embeddings=size.positions,
        activation_function="relu",
        scale_embedding=True,
        pad_token_id=pieces,
        eos_token_id=END,
        bos_token_id=None,
        decoder_start_token_id=pieces,
        forced_eos_token_id=END,
    )
    made = transformers.MarianMTModel(config)
    with torch.no_grad():
        places: dict[str, Tensor] = dict(made.named_parameters())
        shared = places.pop("model.shared.weight")
        shared[:pieces], shared[pieces] = weights["embedding"], 0.0
        for name, tensor in _renamed(weights, size).items():
            places.pop(name).copy_(tensor)
    left = [name for name in places if "embed_positions" not in name]
    if left:
        raise RecipeError(f"Checkpoint must have all weights, was: without {', '.join(left)}")
    made.generation_config.update(
        bad_words_ids=[[pieces]], max_length=size.positions, num_beams=4, forced_eos_token_id=END
    )
    return made


def _renamed(weights: Mapping[str, Tensor], size: Size) -> dict[str, Tensor]:
    """All weights of layers by their names in transformers."""
    found: dict[str, Tensor] = {}
    for side, layers in (("encoder", size.encoder_layers), ("decoder", size.decoder_layers)):
        for place in range(layers):
            ours, theirs = f"{side}.{place}", f"model.{side}.layers.{place}"
            for kind in ("weight", "bias"):
                layer = {
                    name.removeprefix(f"{ours}."): tensor
                    for name, tensor in weights.items()
                    if name.startswith(f"{ours}.") and name.endswith(kind)
                }
                for name, tensor in _layer(layer, kind).items():
                    found[f"{theirs}.{name}.{kind}"] = tensor
    return found


def _layer(layer: Mapping[str, Tensor], kind: str) -> dict[str, Any]:
    query, key, value = layer[f"attention.qkv.{kind}"].chunk(3)
    found = {
        "self_attn.q_proj": query,
        "self_attn.k_proj": key,
        "self_attn.v_proj": value,
        "self_attn.out_proj": layer[f"attention.out.{kind}"],
        "self_attn_layer_norm": layer[f"attention_norm.{kind}"],
        "fc1": layer[f"feed.rise.{kind}"],
        "fc2": layer[f"feed.fall.{kind}"],
        "final_layer_norm": layer[f"feed_norm.{kind}"],
    }
    if f"cross.query.{kind}" in layer:
        key, value = layer[f"cross.kv.{kind}"].chunk(2)
        found |= {
            "encoder_attn.q_proj": layer[f"cross.query.{kind}"],
            "encoder_attn.k_proj": key,
            "encoder_attn.v_proj": value,
            "encoder_attn.out_proj": layer[f"cross.out.{kind}"],
            "encoder_attn_layer_norm": layer[f"cross_norm.{kind}"],
        }
    return found
