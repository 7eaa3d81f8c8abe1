"""Estimate: tokens, time and price of the translation that a plan still has to do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from xltpipe import learning, steps
from xltpipe.plan import Planned
from xltpipe.recipe import Recipe
from xltpipe.store import Store
from xltpipe.translation import (
    Apertium,
    Copy,
    CTranslate2,
    Fallback,
    Pivot,
    Transformers,
    TranslatorSpec,
    Vllm,
)
from xltpipe.translation.caching import FOLDER
from xltpipe.translation.chat_answers import Spent
from xltpipe.translation.chat_estimate import expect
from xltpipe.types import Example

SAMPLE = 128
"""Rows translated to estimate tokens and time."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What translating the remaining rows will take, from a sample; `seconds` None: not known.

    `sampled` says that the sample was translated here; a language model is asked for nothing.
    """

    rows: int
    tokens: int
    seconds: float | None
    sampled: bool = True
    price: float | None = None
    currency: str | None = None
    budget: str | None = None
    """The budget that this would break, in words."""


def _local(engine: TranslatorSpec) -> bool:
    """Runs on this machine, so that a sample tells the time and costs nothing else."""
    if isinstance(engine, Fallback):
        return all(map(_local, engine.engines))
    if isinstance(engine, Pivot):
        return _local(engine.first) and _local(engine.second)
    return isinstance(engine, CTranslate2 | Transformers | Apertium | Copy)


def estimate(recipe: Recipe, store: Store, planned: Sequence[Planned]) -> Estimate | None:
    """Tokens, seconds and price of the translation still to do; None if there is none to do.

    A sample of the training data is translated and timed; for a language model its prompts are
    written and measured, and nothing is sent. None, too, for an engine of another kind.
    """
    rows = sum(p.rows or 0 for p in planned if p.stage == "translate")
    engine = recipe.translation
    if rows == 0 or isinstance(engine, Copy) or not (isinstance(engine, Vllm) or _local(engine)):
        return None
    shards = steps.parts(store, store.make(steps.read(recipe, recipe.train, recipe.source))[0])
    examples = list(islice(learning.examples_of(store, shards, recipe.source), SAMPLE))
    share = rows / max(1, min(SAMPLE, sum(s.rows for s in shards)))
    pair = (recipe.source, recipe.targets[0])
    if isinstance(engine, Vllm):
        sent = _sent(recipe, examples)
        return _expected(engine, store, sent, pair, rows, share)
    texts = [text for example in examples for text in example.texts]
    translator = engine.build(*pair)
    translator.translate(texts[:2], *pair)  # loads the model
    started = time.perf_counter()
    received = translator.translate(texts, *pair)
    seconds = time.perf_counter() - started
    tokens = sum(t.tokens_in + t.tokens_out for t in received)
    return Estimate(rows, round(tokens * share), seconds * share)


def _sent(recipe: Recipe, examples: Sequence[Example]) -> list[str]:
    """The texts as they would be sent: markers lengthen a prompt, and add to its instruction."""
    marking = recipe.projection.marking
    if marking is None:
        return [text for example in examples for text in example.texts]
    sender = marking.sender(native_markers=recipe.translation.native_markers())
    return [text for example in examples for text in sender.prepare(example)]


def _expected(
    spec: Vllm, store: Store, texts: Sequence[str], pair: tuple[str, str], rows: int, share: float
) -> Estimate:
    cache = spec.cache or store.root / FOLDER
    found = expect(spec, texts, pair, cache, share)
    tokens = found.tokens_in + found.tokens_out
    spent = spec.spent(cache) or Spent()
    broken = []
    all_tokens = tokens + spent.tokens_in + spent.tokens_out
    if spec.budget_tokens is not None and all_tokens > spec.budget_tokens:
        broken.append(f"budget_tokens {spec.budget_tokens:,}")
    if spec.budget_price is not None and spec.rate is not None and found.price is not None:
        before = spec.rate.of(spent.tokens_in, spent.tokens_out)
        if found.price + before > spec.budget_price:
            broken.append(f"budget_price {spec.budget_price:g}")
    return Estimate(
        rows,
        tokens,
        found.seconds,
        sampled=False,
        price=found.price,
        currency=found.currency,
        budget=" and ".join(broken) or None,
    )
