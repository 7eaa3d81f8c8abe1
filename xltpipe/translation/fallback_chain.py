"""A chain of engines at work: who is asked for which text, and what is kept of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from xltpipe import progress
from xltpipe.errors import DataError, MissingExtraError, RecipeError, TransientError, XltError
from xltpipe.machine import lack, told
from xltpipe.protocols import Translator
from xltpipe.translation.counting import Counts, counted
from xltpipe.translation.defects import defect, gravity
from xltpipe.types import Translation, one_each

PATIENCE = 8
"""Texts on which alone an engine may fail, before one came through, until it counts as broken."""

_SHOWN = 200  # characters of an error that are kept with a row


@dataclass(frozen=True, slots=True)
class Link:
    """An engine of the chain; one that is `optional` may turn out unusable when it is asked."""

    name: str
    translator: Translator
    optional: bool = False


@dataclass
class _Row:
    """What the engines so far said to one text."""

    answers: list[tuple[str, str | None, Translation]]
    passed: list[str]


class FallbackTranslator:
    """Asks its engines in turn, each for the texts that those before it left open."""

    def __init__(self, links: Sequence[Link], least: float | None, *, pass_away: bool) -> None:
        self._links, self._least, self._pass_away = links, least, pass_away

    @property
    def counts(self) -> Counts:
        """What its engines met on the way, all together."""
        return counted(link.translator for link in self._links)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """One translation per text, same order; `engine` names who gave it.

        Raises:
            TransientError: every engine is away, or the machine lacks memory or the like.
            RecipeError: an engine that is not optional does not translate this pair.
            DataError: an engine cannot keep what it was told (a full disk).
        """
        rows = [_Row([], []) for _ in texts]
        left = list(range(len(texts)))
        reached, done, away = False, False, None
        for link in self._links:
            if not left:
                break
            if done:  # the texts of an engine that did nothing are announced already
                progress.expect("translate", len(left))
            asking = _Asking(link.translator, source, target)
            try:
                answers = asking.ask([texts[i] for i in left])
            except TransientError as error:
                if not self._pass_away or lack(error):
                    raise
                away = error
                self._without(link, "away", error, [rows[i] for i in left])
                continue
            except (RecipeError, MissingExtraError) as error:
                if not link.optional:
                    raise
                self._without(link, "unusable", error, [rows[i] for i in left])
                continue
            reached, done = True, done or asking.came_through
            if asking.failed:
                progress.note(
                    f"engine {link.name} failed on texts, which went to the next engine and are "
                    f"counted as faults; the last time with {asking.failed}"
                )
            left = [
                i
                for i, answer in zip(left, answers, strict=True)
                if not self._taken(rows[i], link.name, texts[i], answer)
            ]
        if texts and not reached and away is not None:
            raise away
        return [_best(row) for row in rows]

    def _without(self, link: Link, word: str, error: Exception, rows: Sequence[_Row]) -> None:
        progress.note(
            f"engine {link.name} was {word} and passed over for a batch; how many texts it did not "
            f"get is counted: {_told(error)}"
        )
        for row in rows:
            row.passed.append(f"{link.name}: {word}: {_told(error)}")

    def _taken(self, row: _Row, name: str, text: str, answer: Translation) -> bool:
        reason = defect(text, answer, self._least)
        row.answers.append((name, reason, answer))
        if reason is not None:
            row.passed.append(f"{name}: {reason}")
        return reason is None

    def round_trip(self, text: str, source: str, target: str) -> str:
        """What is left of the text when every engine's tokeniser has had it."""
        for link in self._links:
            try:
                text = link.translator.round_trip(text, source, target)
            except (RecipeError, MissingExtraError):
                if not link.optional:
                    raise
        return text


def _best(row: _Row) -> Translation:
    """The answer without a reason, else the one whose reason is least grave, else the last fault.

    Not the highest score: those of different engines are not comparable.
    """
    given = [one for one in row.answers if one[2].fault is None]
    passed = tuple(row.passed)
    if given:
        name, _, answer = min(given, key=lambda one: -1 if one[1] is None else gravity(one[1]))
        return replace(answer, engine=name, passed_over=passed)
    if row.answers:
        return replace(row.answers[-1][2], passed_over=passed)
    return Translation("", fault="no_engine: none could be asked", passed_over=passed)


class _Asking:
    """One engine and one batch; texts that it fails on are found by halving, and get a fault."""

    def __init__(self, translator: Translator, source: str, target: str) -> None:
        self._translator, self._source, self._target = translator, source, target
        self._faults = 0
        self.failed: str | None = None  # its last words
        self.came_through = False

    def ask(self, texts: Sequence[str]) -> list[Translation]:
        """One answer per text. What an engine raises on purpose passes: no text caused it."""
        try:
            done = self._translator.translate(texts, self._source, self._target)
        except XltError:
            raise
        except Exception as error:
            if what := lack(error):  # no text caused it: the next engine would lack it, too
                raise TransientError(told(error, what)) from error
            return self._halves(texts, error)
        try:
            one_each("Translator", len(texts), done)
        except DataError as error:
            return self._halves(texts, error)
        self.came_through = True
        return [_finite(one) for one in done]

    def _halves(self, texts: Sequence[str], error: Exception) -> list[Translation]:
        broken = self._faults >= PATIENCE and not self.came_through
        if len(texts) == 1 or broken:
            self._faults, self.failed = self._faults + 1, _told(error)
            return [Translation("", fault=f"engine_failed: {self.failed}") for _ in texts]
        half = len(texts) // 2
        return [*self.ask(texts[:half]), *self.ask(texts[half:])]


def _finite(answer: Translation) -> Translation:
    """NaN would pass for a score without meaning, and any threshold with it."""
    if answer.score is None or isfinite(answer.score):
        return answer
    fault = answer.fault or f"score_not_finite: {answer.score}"
    return replace(answer, text="", score=None, fault=fault)


def _told(error: Exception) -> str:
    text = str(error) if isinstance(error, TransientError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:_SHOWN]
