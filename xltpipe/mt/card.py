"""Card: what a trained model is, of which text, how good on dev, and under which terms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from xltpipe import __version__, front_matter
from xltpipe.languages import resolve
from xltpipe.mt.recipe import Training
from xltpipe.mt.settings import Pairs, Size
from xltpipe.mt.teaching import Outcome
from xltpipe.terms import NOT_STATED

_LEFT_OUT = ("held_out", "duplicate", "length_ratio", "identical", "too_long", "empty")


def write_card(
    recipe: Training,
    outcome: Outcome,
    scores: Mapping[str, float],
    counts: Sequence[Mapping[str, object]],
    home: Path,
) -> None:
    """Write MODEL_CARD.md; `counts` are those of the encoded files, in the recipe's order."""
    size = (home / "model.bin").stat().st_size
    network = recipe.network
    fields = {
        "language": [resolve(code).opus for code in recipe.languages],
        "license": recipe.licence or "other",
        **({} if recipe.licence else {"license_name": NOT_STATED}),
        "library_name": "ctranslate2",
        "pipeline_tag": "translation",
        "tags": ["xltpipe"],
    }
    lines = [
        f"# {recipe.name}",
        "",
        f"Trained with xltpipe {__version__} (`xltpipe models train`).",
        "",
        f"- Weights: {size / 1e6:.1f} MB, {recipe.quantization}.",
        f"- Network: Marian (post-norm, sinusoidal positions, one embedding): {_size(network)}.",
        f"- Training: {_training(outcome)}; seed {recipe.seed}.",
        *([f"- Started from: {recipe.base.name}"] if recipe.base is not None else []),
        f"- Source texts begin with the target's token, such as `{_token(recipe)}`.",
        "",
        *_scores(scores),
        "## Text",
        "",
        "| file | pair | pairs | weight | varied | aligned | left out | licence |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(file, count) for file, count in zip(recipe.pairs, counts, strict=True)),
        "",
        "## Recipe",
        "",
        "```json",
        json.dumps(recipe.identity(), indent=1, sort_keys=True),
        "```",
        "",
    ]
    (home / "MODEL_CARD.md").write_text(front_matter.write(fields) + "\n".join(lines), "utf-8")


def _size(network: Size) -> str:
    return (
        f"{network.encoder_layers} encoder and {network.decoder_layers} decoder layers, width "
        f"{network.width}, {network.heads} heads, feed-forward {network.inner}, "
        f"{network.positions} positions"
    )


def _training(outcome: Outcome) -> str:
    return (
        f"{outcome.steps:,} steps, {outcome.tokens:,} target pieces, {outcome.minutes:.0f} "
        f"minutes, ended by {outcome.why}"
    )


def _token(recipe: Training) -> str:
    return resolve(recipe.pairs[0].target).token


def _scores(scores: Mapping[str, float]) -> list[str]:
    if not scores:
        return []
    rows = [f"| {direction} | {score:.2f} |" for direction, score in scores.items()]
    return [
        "## chrF on dev, by which this checkpoint was chosen (greedy; sacrebleu chrF2)",
        "", "| direction | chrF |", "|---|---|", *rows, "",
    ]  # fmt: skip


def _row(file: Pairs, count: Mapping[str, object]) -> str:
    left = ", ".join(f"{count[why]} {why}" for why in _LEFT_OUT if count.get(why)) or "none"
    cells = (
        file.path.name,
        "-".join(file.languages),
        count.get("used", 0),
        file.weight,
        count.get("varied", 0),
        count.get("aligned", 0),
        left,
        file.licence or NOT_STATED,
    )
    return "| " + " | ".join(map(str, cells)) + " |"
