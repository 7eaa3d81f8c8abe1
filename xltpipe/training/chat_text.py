"""ChatText: dialogues as the tokens a causal model reads, by the template of its tokenizer.

What of them is a response is found by comparing: what the template writes up to a response, with
the prompt for it, and what it writes with the response. So the loss is on what is generated later,
after the very same tokens, and templates without marks for that (`{% generation %}`) serve as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xltpipe.errors import RecipeError, require
from xltpipe.training.fitting import IGNORED
from xltpipe.training.turns import ASSISTANT, SYSTEM, USER, Turn

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

PLAIN = (
    "{% for message in messages %}"
    "{{ message['role'] + ':\\n' + message['content'] + eos_token + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:\\n' }}{% endif %}"
)
"""The template of tokenizers that have none: role, colon and newline, text, end token, newline."""


class Refused(Exception):  # noqa: N818 - says what happened, and is always caught
    """A chat template does not take a dialogue (two users in a row, an unknown role)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A dialogue to learn; `labels` are IGNORED but on responses. `unlearnt`: responses that the
    template writes otherwise in the middle of a dialogue; `dropped`: turns cut off at the left.
    """

    ids: list[int]
    labels: list[int]
    responses: int
    unlearnt: int
    dropped: int


class ChatText:
    """Writes dialogues for one tokenizer. Special tokens that stand in a text are text."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer

    def ids(self, turns: Sequence[Turn], *, asking: bool = False) -> list[int]:
        """The tokens of a dialogue; `asking`: and those that make a model respond.

        Raises:
            Refused: the template does not take it, or there is no turn.
        """
        if not turns:
            raise Refused("no turn")
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        try:
            found: list[int] = self._tokenizer.apply_chat_template(
                messages,
                add_generation_prompt=asking,
                tokenize=True,
                return_dict=False,
                sanitize_control_tokens=True,
            )
        except require("jinja2", "train").TemplateError as error:
            raise Refused(str(error)) from error
        return found

    def row(self, turns: Sequence[Turn], room: int, *, every: bool) -> Row | None:
        """What to learn of a dialogue that ends with a response; None if it is too long.

        Its oldest turns are left out until it has at most `room` tokens. `every` response is
        learnt, or the last alone.

        Raises:
            Refused: the template does not take it.
        """
        kept = self._fitting(turns, room, asking=False)
        if kept is None:
            return None
        ids = self.ids(kept)
        labels = [IGNORED] * len(ids)
        asked = [n for n, turn in enumerate(kept) if turn.role == ASSISTANT and turn.text.strip()]
        learnt = 0
        for n in asked if every else asked[-1:]:
            if n == 0:  # nothing was said that it could be a response to
                continue
            before = self.ids(kept[:n], asking=True)
            after = self.ids(kept[: n + 1])
            if ids[: len(before)] == before and ids[: len(after)] == after:
                labels[len(before) : len(after)] = ids[len(before) : len(after)]
                learnt += 1
        missed = (len(asked) if every else len(asked[-1:])) - learnt
        return Row(ids, labels, learnt, missed, len(turns) - len(kept))

    def prompt(self, turns: Sequence[Turn], room: int) -> tuple[list[int], int]:
        """The tokens that ask for the next response, and how many turns were left out for it.

        Of a last turn that is too long alone, the last `room` tokens stay, and -1 is told.

        Raises:
            Refused: the template does not take it.
        """
        kept = self._fitting(turns, room, asking=True)
        if kept is None:
            return self.ids(turns, asking=True)[-room:], -1
        return self.ids(kept, asking=True), len(turns) - len(kept)

    def _fitting(self, turns: Sequence[Turn], room: int, *, asking: bool) -> list[Turn] | None:
        choices = _shorter(turns)
        first = bisect_left(
            choices, True, key=lambda one: len(self.ids(one, asking=asking)) <= room
        )
        return choices[first] if first < len(choices) else None


def _shorter(turns: Sequence[Turn]) -> list[list[Turn]]:
    """The dialogue, and what is left of it from each later turn of the user on.

    What a system says at the beginning stays.
    """
    head = next((n for n, turn in enumerate(turns) if turn.role != SYSTEM), len(turns))
    later = [n for n, turn in enumerate(turns) if turn.role == USER and n > head]
    return [[*turns[:head], *turns[n:]] for n in (head, *later)]


def with_template(tokenizer: Any, name: str) -> None:
    """Give a tokenizer without a chat template the plain one.

    Raises:
        RecipeError: it has no end token.
    """
    if tokenizer.eos_token_id is None:
        raise RecipeError(
            f"Model must have a tokenizer with an end token, was: {name!r} without; take another"
        )
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN


def ends(tokenizer: Any, model: PreTrainedModel, name: str) -> list[int]:
    """The tokens that end a response: the tokenizer's, the model's, the template's.

    Raises:
        RecipeError: the template ends responses by no special token: a model could not stop.
    """
    text = ChatText(tokenizer)
    asked = [Turn(USER, "a")]
    try:
        before = text.ids(asked, asking=True)
        after = text.ids([*asked, Turn(ASSISTANT, "b")])
    except Refused as error:
        raise RecipeError(
            f"Chat template must take a user and an assistant, was: {name!r} ({error})"
        ) from error
    special = {*tokenizer.all_special_ids}
    special |= {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    closing = [id for id in after[len(before) :] if id in special]
    if after[: len(before)] != before or not closing:
        raise RecipeError(
            "Chat template must write a response behind the prompt for it, and end it with a "
            f"special token, was: {name!r}; correct chat_template.jinja in a copy, or remove it "
            "for the plain one"
        )
    own = getattr(model.generation_config, "eos_token_id", None)
    named = own if isinstance(own, list) else [own]
    return sorted({tokenizer.eos_token_id, closing[0], *(id for id in named if id is not None)})
