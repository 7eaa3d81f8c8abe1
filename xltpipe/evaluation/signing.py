"""Signing: what makes scores comparable: the same examples, and a text that says how it was made.

A signature reads `name|key:value|…`, in the manner of sacrebleu's (Post, 2018).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from xltpipe import __version__
from xltpipe.errors import DataError, RecipeError
from xltpipe.types import Example


def nameable(what: str, labels: Collection[str] | None) -> tuple[str, ...] | None:
    """Labels that a signature can name, each once, in order; None stays None.

    Raises:
        ValueError: there are none, or one cannot stand in a signature.
    """
    bad = [label for label in labels or () if not label or set(label) & set("|,:")]
    if labels is not None and (bad or not labels):
        raise ValueError(f"{what} must be names without any of '|,:', was: {labels}")
    return None if labels is None else tuple(sorted(set(labels)))


def check_context(context: Mapping[str, str], own: Collection[str]) -> None:
    """Check what a caller wants in the signature, beside the metric's `own` keys.

    Raises:
        RecipeError: a key or value cannot stand there.
    """
    for key, value in context.items():
        if key in own or not key or set(key) & set("|:") or "|" in value:
            raise RecipeError(
                "Signature part must be a key without '|:' and not of the metric's own "
                f"({', '.join(sorted(own))}), and a value without '|', "
                f"was: {key}={value!r}"
            )


def signature(
    name: str,
    own: Mapping[str, str],
    context: Mapping[str, str],
    gold: Sequence[Example],
    further: Mapping[str, str],
) -> str:
    """The metric's `own` settings, the context by key, the number of examples, what is left."""
    known = {"lang": "+".join(sorted({e.lang for e in gold})) or "none"} | dict(context)
    parts = {**own, **dict(sorted(known.items())), "n": str(len(gold)), **further}
    parts["v"] = __version__
    return "|".join([name, *(f"{key}:{value}" for key, value in parts.items())])


def check_parallel(
    gold: Sequence[Example], predicted: Sequence[Example], *, free: int = 0
) -> Iterable[tuple[Example, Example]]:
    """Pairs of gold and predicted example; the last `free` texts are the prediction.

    Raises:
        DataError: the examples are not the same, in the same order.
    """
    if len(gold) != len(predicted):
        raise DataError(
            f"Predictions must be one per gold example, was: {len(predicted)} for {len(gold)}"
        )
    pairs = list(zip(gold, predicted, strict=True))
    for row, (right, guess) in enumerate(pairs):
        fixed = max(0, len(right.texts) - free)
        same = right.texts[:fixed] == guess.texts[:fixed] and len(right.texts) == len(guess.texts)
        if right.id != guess.id or not same:
            raise DataError(
                f"Predicted example must have the id and texts of the gold one, was: "
                f"{guess.id!r} {guess.texts} for {right.id!r} {right.texts} (row {row}); "
                "predict on the gold examples themselves, in their order"
            )
    return pairs
