"""ChatTranslator: one request per text; what cannot be a translation is asked for again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from xltpipe import progress
from xltpipe.durable import digest_json
from xltpipe.errors import RecipeError, XltError
from xltpipe.languages import resolve
from xltpipe.translation.chat_answers import Answers
from xltpipe.translation.chat_checks import SOFT, Checks, Verdict, judge
from xltpipe.translation.chat_model import Keep, Model, Outcome
from xltpipe.translation.chat_request import ChatRequest, Json, Reply, Sampling, request
from xltpipe.translation.markers import altered
from xltpipe.translation.prices import Budget, Price
from xltpipe.translation.prompts import SCHEMA, Asked, Prompter
from xltpipe.types import Translation

_ROOM, _PER_BYTE = 64, 2
"""Tokens that an answer may have, whatever its text, and more per UTF-8 byte of it: two times what
any tokeniser makes of a text, so that only an answer that goes astray meets it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How texts are asked for; attempt 0 is greedy by default, later ones draw at `retry`.

    `more` are further fields of each request, `owner` names these settings in the answers' file.
    """

    temperature: float
    retry: float
    top_p: float
    seed: int
    retries: int
    limit: int
    checks: Checks
    more: Json
    owner: str
    cache: Path | None
    budget: Budget
    price: Price | None


@dataclass(slots=True)
class _Row:
    """A text on its way: what was asked, and the best that was said so far."""

    text: str
    tries: int = 0
    best: Translation | None = None
    rank: tuple[bool, int] = (True, 1 << 30)
    fault: str = ""


class ChatTranslator:
    """Translates with a language model; `counts` tells what was asked, paid, mended and refused."""

    def __init__(
        self, model: Model, prompter: Prompter, asking: Asking, pair: tuple[str, str]
    ) -> None:
        self._model, self._prompter, self._asking, self._pair = model, prompter, asking, pair
        self._identity: Mapping[str, str] | None = None
        self._counts: Counter[str] = Counter()
        # without a folder of its own what was answered lasts as long as this object
        self._kept = None if asking.cache else Answers(None, asking.owner)

    @property
    def counts(self) -> dict[str, int | float]:
        """What a manifest should hold: requests, tokens and price with what was kept counted in."""
        out: dict[str, int | float] = {**self._counts, **self._model.counts}
        if self._asking.price is not None and "prompt_tokens" in out:
            paid = self._counts["prompt_tokens"], self._counts["completion_tokens"]
            name = f"price_{self._asking.price.currency.lower()}"
            out[name] = round(self._asking.price.of(*paid), 6)
        return dict(sorted(out.items()))

    def round_trip(self, text: str, source: str, target: str) -> str:  # noqa: ARG002
        """The text itself: tokenisers of language models fall back to bytes."""
        return text

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """One translation per text, same order; blank texts give an empty one.

        A text that cannot be translated has a `fault` and no text; one whose answers all lost
        markers, or met the limit of tokens, has the best of them.

        Raises:
            TransientError: the server was busy or away to the end.
            RecipeError: it refuses what we send, or the budget is spent.
        """
        if (resolve(source).id, resolve(target).id) != self._pair:
            raise RecipeError(
                f"Language pair must be the one that prompts were made for, "
                f"{'-'.join(self._pair)}, was: {source}-{target}"
            )
        out = [Translation("")] * len(texts)
        rows = {n: _Row(text) for n, text in enumerate(texts) if text and not text.isspace()}
        progress.tick("translate", len(texts) - len(rows))
        if rows:
            self._introduce()
            with self._answers() as answers:
                self._rounds(rows, answers, out)
        return out

    def _rounds(self, rows: dict[int, _Row], answers: Answers, out: list[Translation]) -> None:
        """Ask for all that are left, round by round, until each has its translation or fault."""
        for attempt in range(self._asking.retries + 1):
            for number, done in self._round(dict(rows), attempt, answers):
                out[number] = done
                del rows[number]
                progress.tick("translate", 1)
            if not rows:
                break

    def _introduce(self) -> None:
        if self._identity is None:
            self._identity = self._model.identity()

    def _answers(self) -> AbstractContextManager[Answers]:
        if self._kept is not None:
            return nullcontext(self._kept)
        return Answers(self._asking.cache, self._asking.owner)

    def _round(
        self, rows: Mapping[int, _Row], attempt: int, answers: Answers
    ) -> Iterator[tuple[int, Translation]]:
        """Ask for each text once, equal ones together; those that are done for good."""
        asked: dict[int, Asked] = {}
        waiting: dict[str, list[int]] = {}
        for number, row in rows.items():
            whole = self._prompter.ask(row.text)
            waiting.setdefault(self._request(row.text, whole, attempt).key, []).append(number)
            asked[number] = replace(whole, messages=())  # made again when they are sent
        if attempt == 0:
            self._count_prompts(asked.values(), len(rows) - len(waiting))
        missing = []
        for key, numbers in waiting.items():
            kept = answers.get(key)
            if kept is None:
                missing.append(numbers[0])
                continue
            self._paid(kept, "answers_reused")
            yield from self._settled(numbers, rows, asked, kept, attempt)
        texts = (rows[number].text for number in missing)
        requests = (self._request(text, self._prompter.ask(text), attempt) for text in texts)
        gate = _Gate(self._asking.budget, answers)
        for one, outcome in self._model.ask(requests, _keeper(answers), gate):
            if isinstance(outcome, Reply):
                self._paid(outcome, "requests")
            yield from self._settled(waiting[one.key], rows, asked, outcome, attempt)

    def _request(self, text: str, asked: Asked, attempt: int) -> ChatRequest:
        asking = self._asking
        sampling = Sampling(
            temperature=asking.temperature if attempt == 0 else asking.retry,
            top_p=asking.top_p,
            seed=asking.seed + attempt,
            limit=min(asking.limit, _ROOM + _PER_BYTE * len(text.encode())),
        )
        more = dict(asking.more)
        if asked.mode == "json":
            schema = {"name": "translation", "schema": SCHEMA, "strict": True}
            more["response_format"] = {"type": "json_schema", "json_schema": schema}
        return request(asked.messages, sampling, more, self._identity or {})

    def _settled(
        self,
        numbers: Sequence[int],
        rows: Mapping[int, _Row],
        asked: Mapping[int, Asked],
        outcome: Outcome,
        attempt: int,
    ) -> Iterator[tuple[int, Translation]]:
        """The rows that an answer ends; the others are asked for again."""
        for number in numbers:
            row = rows[number]
            row.tries += 1
            if isinstance(outcome, str):  # no other answer could be had for this text
                self._counts[f"fault:{outcome.partition(':')[0]}"] += 1
                yield number, Translation("", fault=outcome)
                continue
            verdict = judge(outcome, row.text, asked[number], self._asking.checks, self._pair)
            done = self._taken(row, outcome, verdict, last=attempt == self._asking.retries)
            if done is not None:
                yield number, done

    def _taken(
        self, row: _Row, reply: Reply, verdict: Verdict, *, last: bool
    ) -> Translation | None:
        for what in verdict.mended:
            self._counts[f"mended:{what}"] += 1
        word = verdict.word
        if word is None or word in SOFT:
            told = _translation(reply, verdict.text)
            if word is None:
                return told
            rank = (told.truncated, len(altered(row.text, verdict.text)))
            if row.best is None or rank < row.rank:
                row.best, row.rank = told, rank
        row.fault = verdict.fault or ""
        if not last:
            self._counts[f"retried:{word}"] += 1
            return None
        if row.best is not None:
            self._counts["kept_truncated" if row.best.truncated else "kept_without_markers"] += 1
            return row.best
        self._counts[f"fault:{word}"] += 1
        tries = f" ({row.tries} attempts)" if row.tries > 1 else ""
        return Translation("", fault=f"{row.fault}{tries}")

    def _paid(self, reply: Reply, how: str) -> None:
        self._counts[how] += 1
        self._counts["prompt_tokens"] += reply.tokens_in
        self._counts["completion_tokens"] += reply.tokens_out
        if not reply.tokens_in:
            self._counts["answers_without_usage"] += 1

    def _count_prompts(self, asked: Iterable[Asked], shared: int) -> None:
        prompts = list(asked)
        found = {
            "texts_asked_once_for_several": shared,
            "texts_with_broken_tokens": sum(one.defused for one in prompts),
            "texts_without_auxiliary": sum(one.missing for one in prompts),
        }
        self._counts.update({name: number for name, number in found.items() if number})


class _Gate:
    """A budget over the answers in one file."""

    def __init__(self, budget: Budget, answers: Answers) -> None:
        self._budget, self._answers = budget, answers

    def take(self, request: ChatRequest) -> bool:
        return self._budget.take(request, self._answers)

    def give_back(self, request: ChatRequest) -> None:
        self._budget.give_back(request, self._answers)

    def exhausted(self) -> XltError:
        return self._budget.exhausted(self._answers.spent())


def _keeper(answers: Answers) -> Keep:
    def keep(request: ChatRequest, reply: Reply, seconds: float) -> None:
        answers.put(request.key, reply, bytes_in=request.size, seconds=seconds)

    return keep


def _translation(reply: Reply, text: str) -> Translation:
    return Translation(
        text=text,
        score=reply.score,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        truncated=not reply.whole,
    )


def owner(identity: Mapping[str, object]) -> str:
    """The name of settings in the answers' file."""
    return digest_json(dict(identity))
