"""Prices: what tokens cost, from a small table or the recipe, and budgets that stop before it."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from threading import Lock

from pydantic import Field

from xltpipe.errors import RecipeError
from xltpipe.spec import Spec
from xltpipe.translation.chat_answers import Answers, Spent
from xltpipe.translation.chat_request import ChatRequest


class Price(Spec):
    """Per million tokens, of prompts (`input`) and of answers (`output`), in any one currency."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """What so many tokens cost."""
        return (tokens_in * self.input + tokens_out * self.output) / 1e6


def listed(model: str) -> Price | None:
    """The price of a model in the table, with a provider before its name or not; None if none."""
    name = model.rsplit("/", 1)[-1].lower()
    fitting = [known for known in _table() if name == known or name.startswith(f"{known}-")]
    return _table()[max(fitting, key=len)] if fitting else None


@cache
def _table() -> dict[str, Price]:
    table = tomllib.loads((files("xltpipe.translation") / "prices.toml").read_text("utf-8"))
    return {name: Price.model_validate(price) for name, price in table["models"].items()}


_reserved: Counter[tuple[str, str]] = Counter()
_reserved_out: Counter[tuple[str, str]] = Counter()
_lock = Lock()
"""Tokens of requests under way in this process, by answers' file and owner, which shards share."""

_TEMPLATE = 128
"""Tokens that a chat template may add to a prompt."""


class Budget:
    """Lets a request go only if what is spent, what is under way and its own worst case fit.

    The worst case of a prompt is one token per byte, and of an answer its limit; once it is there,
    what it really took counts. Other processes' requests under way are not known here.
    """

    def __init__(self, tokens: int | None, price: float | None, rate: Price | None) -> None:
        self.tokens, self.price, self.rate = tokens, price, rate

    @property
    def unbounded(self) -> bool:
        return self.tokens is None and self.price is None

    def take(self, request: ChatRequest, answers: Answers) -> bool:
        """Reserve what the request may cost; False, and nothing reserved, if it does not fit."""
        if self.unbounded:
            return True
        place = (str(answers.path or id(answers)), answers.owner)
        with _lock:
            spent = answers.spent()
            tokens_in = spent.tokens_in + _reserved[place] + request.size + _TEMPLATE
            tokens_out = spent.tokens_out + _reserved_out[place] + request.sampling.limit
            if self.tokens is not None and tokens_in + tokens_out > self.tokens:
                return False
            cost = self.rate.of(tokens_in, tokens_out) if self.rate is not None else 0.0
            if self.price is not None and cost > self.price:
                return False
            _reserved[place] += request.size + _TEMPLATE
            _reserved_out[place] += request.sampling.limit
            return True

    def give_back(self, request: ChatRequest, answers: Answers) -> None:
        """The request is answered, or given up."""
        if self.unbounded:
            return
        place = (str(answers.path or id(answers)), answers.owner)
        with _lock:
            _reserved[place] -= request.size + _TEMPLATE
            _reserved_out[place] -= request.sampling.limit

    def exhausted(self, spent: Spent) -> RecipeError:
        """What to tell when the next request does not fit."""
        used = f"{spent.tokens_in + spent.tokens_out:,} tokens"
        if self.rate is not None:
            cost = self.rate.of(spent.tokens_in, spent.tokens_out)
            used += f", {cost:.4f} {self.rate.currency}"
        name, limit = ("budget_tokens", f"{self.tokens:,}") if self.tokens is not None else ("", "")
        if self.price is not None:
            more = f"budget_price {self.price}"
            named = f"{name} {limit}, {more}" if name else more
        else:
            named = f"{name} {limit}"
        return RecipeError(
            f"Budget must cover the next request, was: {named} with {used} spent in "
            f"{spent.requests:,} requests; raise it and run again: answers that were paid for are "
            "kept and not asked for again"
        )
