"""Exporting: trained weights as a CTranslate2 model, and back from one to train on."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xltpipe.errors import RecipeError
from xltpipe.mt.network import Network, sinusoids
from xltpipe.mt.settings import Size
from xltpipe.translation.forced_weights import Floats, read_weights

Weights = Mapping[str, Tensor]
"""Parameters of a `Network` by name."""


def export_ctranslate2(
    weights: Weights, size: Size, names: tuple[str, ...], home: Path, quantization: str
) -> None:
    """Write model.bin, config.json and the vocabulary to `home`, which must exist.

    Args:
        names: all pieces, by id.
        quantization: a type that CTranslate2 knows, such as `int8`.
    """
    from ctranslate2.specs import TransformerSpec

    layers = size.encoder_layers, size.decoder_layers
    spec = TransformerSpec.from_config(layers, size.heads, pre_norm=False)
    embedding = _array(weights["embedding"])
    positions = sinusoids(size.positions, size.width).numpy()
    for stack in (spec.encoder, spec.decoder):
        stack.scale_embeddings = math.sqrt(size.width)
        stack.position_encodings.encodings = positions
    spec.encoder.embeddings[0].weight = embedding
    spec.decoder.embeddings.weight = embedding
    spec.decoder.projection.weight = embedding
    spec.decoder.start_from_zero_embedding = True
    for place, layer in enumerate(spec.encoder.layer):
        _encoder_layer(layer, weights, f"encoder.{place}")
    for place, layer in enumerate(spec.decoder.layer):
        _encoder_layer(layer, weights, f"decoder.{place}")
        name = f"decoder.{place}.cross"
        _linear(layer.attention.linear[0], weights, f"{name}.query")
        _linear(layer.attention.linear[1], weights, f"{name}.kv")
        _linear(layer.attention.linear[2], weights, f"{name}.out")
        _norm(layer.attention.layer_norm, weights, f"decoder.{place}.cross_norm")
    spec.config.eos_token, spec.config.unk_token = names[0], names[1]
    spec.config.decoder_start_token = names[0]
    spec.register_source_vocabulary(list(names))
    spec.register_target_vocabulary(list(names))
    spec.validate()
    spec.optimize(quantization=quantization)
    spec.save(str(home))


def _encoder_layer(layer: Any, weights: Weights, name: str) -> None:
    """Self-attention and feed-forward, which both kinds of layer have."""
    _linear(layer.self_attention.linear[0], weights, f"{name}.attention.qkv")
    _linear(layer.self_attention.linear[1], weights, f"{name}.attention.out")
    _norm(layer.self_attention.layer_norm, weights, f"{name}.attention_norm")
    _linear(layer.ffn.linear_0, weights, f"{name}.feed.rise")
    _linear(layer.ffn.linear_1, weights, f"{name}.feed.fall")
    _norm(layer.ffn.layer_norm, weights, f"{name}.feed_norm")


def _linear(spec: Any, weights: Weights, name: str) -> None:
    spec.weight = _array(weights[f"{name}.weight"])
    spec.bias = _array(weights[f"{name}.bias"])


def _norm(spec: Any, weights: Weights, name: str) -> None:
    spec.gamma = _array(weights[f"{name}.weight"])
    spec.beta = _array(weights[f"{name}.bias"])


def _array(tensor: Tensor) -> Any:
    # A copy: the engine's converter quantises in place.
    return np.array(tensor.detach().float().cpu().numpy(), order="C")


def import_weights(model: Path, size: Size, vocabulary: int) -> dict[str, Tensor]:
    """The weights of a model that `export_ctranslate2` wrote, de-quantised.

    Raises:
        RecipeError: the model is of another size, vocabulary or kind.
    """
    try:
        found = read_weights(model)
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise RecipeError(_other(model, f"cannot be read: {error}")) from error
    if "decoder/projection/weight" not in found:
        raise RecipeError(_other(model, "no output matrix"))
    weights = {"embedding": found["decoder/projection/weight"]}
    for side, layers in (("encoder", size.encoder_layers), ("decoder", size.decoder_layers)):
        for place in range(layers):
            for ours, theirs in _layer_names(side):
                for kind, name in zip(("weight", "bias"), _kinds(theirs), strict=True):
                    there = found.get(f"{side}/layer_{place}/{theirs}/{name}")
                    if there is None:
                        raise RecipeError(_other(model, f"no {side} layer {place} {theirs}"))
                    weights[f"{side}.{place}.{ours}.{kind}"] = there
    _check(model, size, vocabulary, found, weights)
    return {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}


def _check(
    model: Path,
    size: Size,
    vocabulary: int,
    found: Mapping[str, Floats],
    weights: Mapping[str, Floats],
) -> None:
    """Raise RecipeError where a weight has another shape, or the model more layers or heads."""
    wanted = Network(size, vocabulary).state_dict()
    for name, tensor in wanted.items():
        if weights[name].shape != tuple(tensor.shape):
            shapes = f"{name} of shape {weights[name].shape} for {tuple(tensor.shape)}"
            raise RecipeError(_other(model, shapes))
    for side, layers in (("encoder", size.encoder_layers), ("decoder", size.decoder_layers)):
        if any(name.startswith(f"{side}/layer_{layers}/") for name in found):
            raise RecipeError(_other(model, f"more than {layers} {side} layers"))
        heads = found.get(f"{side}/num_heads")
        if heads is not None and int(heads) != size.heads:
            raise RecipeError(_other(model, f"{int(heads)} heads for {size.heads}"))


def _other(model: Path, found: str) -> str:
    return (
        f"Base must be a model trained here, of the recipe's [network] and vocabulary, was: "
        f"{model} ({found}); set [network] to what its card says"
    )


def _layer_names(side: str) -> list[tuple[str, str]]:
    """Our names of a layer's modules and CTranslate2's."""
    names = [
        ("attention.qkv", "self_attention/linear_0"),
        ("attention.out", "self_attention/linear_1"),
        ("attention_norm", "self_attention/layer_norm"),
        ("feed.rise", "ffn/linear_0"),
        ("feed.fall", "ffn/linear_1"),
        ("feed_norm", "ffn/layer_norm"),
    ]
    if side == "decoder":
        names += [
            ("cross.query", "attention/linear_0"),
            ("cross.kv", "attention/linear_1"),
            ("cross.out", "attention/linear_2"),
            ("cross_norm", "attention/layer_norm"),
        ]
    return names


def _kinds(name: str) -> tuple[str, str]:
    return ("gamma", "beta") if name.endswith("norm") else ("weight", "bias")
