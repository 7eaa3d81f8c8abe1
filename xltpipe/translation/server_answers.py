"""Answers: what is asked of a language model, and what it said, with its log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from xltpipe.errors import DataError, RecipeError
from xltpipe.translation.server_faults import shown

Json = dict[str, Any]
Dialect = Literal["vllm", "openai"]
"""vLLM's own fields beside those of OpenAI's, or these alone: some servers refuse any other."""


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt and how to decode the answer.

    `limit` counts the answer's tokens. The answer is one of `choice`, or matches `regex`, where
    given; temperature 0 takes the likest token each time, and then `seed` plays no part.
    """

    prompt: str
    limit: int
    choice: tuple[str, ...] = ()
    regex: str | None = None
    temperature: float = 0.0
    seed: int = 0
    alternatives: int = 0
    """How many of the likeliest tokens to be told of in each place; servers allow 20."""

    def decoding(self, dialect: Dialect) -> Json:
        """The fields of a request that say how to decode.

        The penalties are named since vLLM else takes those of the model's generation_config.json,
        and a penalty on repetition is one on copying from the prompt.

        Raises:
            RecipeError: the dialect has no words for what is asked.
        """
        fields: Json = {
            "temperature": self.temperature,
            "top_p": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "seed": self.seed,
        }
        if self.alternatives:
            fields["top_logprobs"] = self.alternatives
        if dialect == "openai":
            if self.choice or self.regex is not None:
                raise RecipeError(
                    'Dialect must be "vllm" where answers are held to choices, was: "openai"'
                )
            return fields
        fields["repetition_penalty"] = 1.0
        if self.choice:
            fields["structured_outputs"] = {"choice": list(self.choice)}
        elif self.regex is not None:
            fields["structured_outputs"] = {"regex": self.regex}
        return fields


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said; `whole` is False if it met the limit.

    `log_probs` has one number per token, the end's included; None if the server gave none.
    `first` are the likeliest tokens in the first place with their log-probabilities, where asked.
    """

    text: str
    whole: bool
    log_probs: tuple[float, ...] | None = None
    first: tuple[tuple[str, float], ...] = ()

    @property
    def mean_probability(self) -> float | None:
        """The geometric mean of the tokens' probabilities, 0..1, which length does not lower."""
        if not self.log_probs:
            return None
        return min(1.0, math.exp(sum(self.log_probs) / len(self.log_probs)))

    @property
    def probability(self) -> float | None:
        """The product of the tokens' probabilities, 0..1.

        Of an answer held to choices it is its share among them: vLLM gives log-probabilities
        after the mask (measured with 0.32), so that every token without alternative has 1, and
        a mean over tokens would be near 1 for any choice.
        """
        return min(1.0, math.exp(sum(self.log_probs))) if self.log_probs else None


@dataclass(frozen=True, slots=True)
class Tokens:
    """A prompt as the model read it; `log_probs` go with `ids` one to one, 0 for the first.

    Nothing comes before the first token, so that no model gives it a probability.
    """

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]


def chatted(reply: Json) -> Answer:
    """The answer in a reply of /chat/completions."""
    try:
        choice = reply["choices"][0]
        content = (choice.get("logprobs") or {}).get("content")
        log_probs = None if content is None else tuple(_number(t["logprob"]) for t in content)
        first = [(str(t["token"]), _number(t["logprob"])) for t in _likeliest(content)]
        said = _text(choice["message"]["content"] or "")
        return Answer(said, _whole(choice), log_probs, tuple(first))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _unread("a chat completion", reply) from error


def completed(reply: Json) -> Answer:
    """The answer in a reply of /completions."""
    try:
        choice = reply["choices"][0]
        given = (choice.get("logprobs") or {}).get("token_logprobs")
        log_probs = None if given is None else tuple(_number(n) for n in given)
        return Answer(_text(choice["text"]), _whole(choice), log_probs)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _unread("a completion", reply) from error


def prompt_ids(reply: Json) -> tuple[int, ...]:
    """The prompt's tokens in a reply of /completions (`return_token_ids`, vLLM >= 0.10.2).

    Raises:
        RecipeError: the server does not tell them.
    """
    try:
        ids = reply["choices"][0].get("prompt_token_ids")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _unread("a completion", reply) from error
    if ids is None:
        raise RecipeError(
            "Server must tell the tokens of a prompt (prompt_token_ids), was: without; "
            "scoring needs vLLM >= 0.10.2"
        )
    if not isinstance(ids, list) or not all(type(one) is int for one in ids):
        raise _unread("token ids", reply)
    return tuple(ids)


def prompt_tokens(reply: Json) -> Tokens:
    """The prompt's tokens and their log-probabilities; the entry of each is found by its id.

    Raises:
        RecipeError: the server does not tell them.
    """
    ids = prompt_ids(reply)
    given = reply["choices"][0].get("prompt_logprobs")
    if given is None:
        raise RecipeError(
            "Server must tell the log-probabilities of a prompt (prompt_logprobs), was: without; "
            "scoring needs vLLM"
        )
    try:
        if len(given) != len(ids):
            raise _unread("log-probabilities, one per token of the prompt", reply)
        rest = zip(given[1:], ids[1:], strict=True)
        numbers = tuple(_number(entry[str(one)]["logprob"]) for entry, one in rest)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise _unread("log-probabilities by token id", reply) from error
    return Tokens(ids, (0.0, *numbers) if ids else ())


def model_names(reply: Json) -> list[str]:
    """The models in a reply of /models."""
    try:
        return [str(model["id"]) for model in reply["data"]]
    except (KeyError, TypeError) as error:
        raise _unread("a list of models", reply) from error


def _likeliest(content: Any) -> Any:
    """The alternatives in the first place; none where none were asked for."""
    return (content[0].get("top_logprobs") or ()) if content else ()


def _whole(choice: Mapping[str, Any]) -> bool:
    return choice.get("finish_reason") != "length"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"a {type(value).__name__} for a text")


def _number(value: object) -> float:
    """A finite log-probability; vLLM writes -9999 for none."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    raise DataError(f"Log-probability must be a finite number, was: {value!r}")


def _unread(what: str, reply: object) -> DataError:
    return DataError(f"Server's reply must hold {what}, was: {shown(str(reply))}")
