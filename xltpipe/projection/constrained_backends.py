"""Backends: who scores a target text with markers in it, given the marked source text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from xltpipe.languages import Language
from xltpipe.projection.constrained_pieces import Cut, Cutter
from xltpipe.projection.constrained_problem import Candidate, Problem, Solution, Tally, best
from xltpipe.projection.constrained_search import Rules, Search, openings_by_difference
from xltpipe.translation.codec import codec
from xltpipe.translation.description import describe
from xltpipe.translation.forced import open_forced
from xltpipe.translation.forced_engine import EngineScorer
from xltpipe.translation.forced_flat import grow
from xltpipe.translation.forced_layers import Integers
from xltpipe.translation.forced_tree import Flags, Template, Tree
from xltpipe.translation.forced_weights import Floats
from xltpipe.types import one_each

Row = TypeVar("Row")

_AT_ONCE = 4096  # pairs handed to a scorer in one call


class TextScorer(Protocol):
    """Sum of log-probabilities of each target text given its source text (a server, say)."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]: ...


class Backend(Protocol):
    """Solves problems: a solution or the reason for none, one per problem, same order."""

    def solve(self, problems: Sequence[Problem], count: int) -> list[Solution | str]: ...

    def usable(self, marks: tuple[str, str]) -> bool:
        """The markers are something the model can read and write."""
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """The paper's filter of openings: changes by `high` and `low`, `window` tokens around."""

    high: float
    low: float
    window: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A problem in a model's tokens, and which (first word, last word) each pair is."""

    source: list[str]
    target: list[str]
    forced: int
    openings: dict[int, int]
    closings: dict[int, int]
    marks: tuple[str, str]
    longest: int

    def allowed(self) -> Flags:
        """[opening, closing]: the word of the closing is not before that of the opening."""
        first = np.array(list(self.openings))[:, None]
        last = np.array(list(self.closings))[None]
        flags: Flags = (first <= last) & (last - first < self.longest)
        return flags


class Framing:
    """Problems as tokens of one model in one direction."""

    def __init__(self, model: Path, source: Language, target: Language) -> None:
        self.codec = codec(model, source, target)
        description = describe(model)
        self.cutter = Cutter(model, description)
        self.positions = description.max_positions
        self._cuts: dict[tuple[str, tuple[tuple[int, int], ...]], Cut] = {}

    def ready(self, problem: Problem) -> Ready | str:
        """The problem as tokens, or the reason why it cannot be."""
        ((source, _),) = self.codec.encode([problem.marked], limit=1 << 30)
        cut = self._cut(problem)
        marks = self.cutter.mark(*problem.marks)
        prefix = list(self.codec.frame.prefix)
        if marks is None:
            return "not_markable"
        if max(len(source), len(prefix) + len(cut.tokens) + 3) > self.positions:
            return "too_long"
        shift = len(prefix)
        openings = {word: at + shift for word, at in cut.starts.items()}
        closings = {word: at + shift for word, at in cut.ends.items()}
        if not openings or not closings or min(openings) > max(closings):
            return "text_not_encodable"
        return Ready(source, prefix + cut.tokens, shift, openings, closings, marks, problem.longest)

    def _cut(self, problem: Problem) -> Cut:
        """A target text is cut once for all the spans of its sentence."""
        key = (problem.target.text, problem.target.bounds)
        if key not in self._cuts:
            self._cuts = {key: self.cutter.cut(problem.target)}
        return self._cuts[key]


class Shared:
    """The model's own weights with all shared work done once; exact unless told otherwise."""

    def __init__(
        self,
        model: Path,
        framing: Framing,
        rules: Rules,
        filtered: Filter | None,
        tally: Tally,
    ) -> None:
        self.model, self.forced = model, open_forced(model)
        self.framing, self.rules, self.tally = framing, rules, tally
        self.filter = filtered
        self.positions = min(framing.positions, self.forced.max_positions)

    def exact(self) -> Shared:
        """The same without heuristics; what it costs is not counted."""
        rules = replace(self.rules, look_ahead=-1)
        return Shared(self.model, self.framing, rules, None, Tally())

    def usable(self, marks: tuple[str, str]) -> bool:
        tokens = self.framing.cutter.mark(*marks)
        return tokens is not None and all(map(self.forced.knows, tokens))

    def solve(self, problems: Sequence[Problem], count: int) -> list[Solution | str]:
        return [self._solve(problem, count) for problem in problems]

    def _solve(self, problem: Problem, count: int) -> Solution | str:
        ready = self.framing.ready(problem)
        if isinstance(ready, str):
            return ready
        if max(len(ready.source), len(ready.target) + 3) > self.positions:
            return "too_long"
        tree = grow(self.forced, self.template(ready))
        allowed = ready.allowed()
        if not allowed.any():
            return "text_not_encodable"
        self.tally.pairs += int(allowed.sum())
        openings = None if self.filter is None else self._likely(problem, tree, self.filter)
        rules = Rules(self.rules.method, count, self.rules.look_ahead, openings)
        ranking = Search(tree, allowed, rules, self.tally).run()
        first, last = list(ready.openings), list(ready.closings)
        found = zip(ranking.pairs, ranking.scores, strict=True)
        candidates = tuple(Candidate(first[i], last[j], score) for (i, j), score in found)
        return Solution(candidates, ranking.total)

    def template(self, ready: Ready) -> Template:
        first, last = self.forced.target_ids(ready.marks)
        return Template(
            source=self.forced.source_ids(ready.source),
            target=self.forced.target_ids(ready.target),
            forced=ready.forced,
            openings=np.array(list(ready.openings.values())),
            closings=np.array(list(ready.closings.values())),
            marks=(int(first), int(last)),
        )

    def _likely(self, problem: Problem, tree: Tree, settings: Filter) -> Flags:
        """The openings that the filter leaves: where the source's markers change a token."""
        ((plain, _),) = self.framing.codec.encode([problem.source], limit=1 << 30)
        given = tree.template
        memory = self.forced.encode(self.forced.source_ids(plain))
        (tokens,) = self.forced.score(memory, [given.target], given.forced)
        marked: Floats = tree.tokens[given.forced : -1]
        chosen = openings_by_difference(
            marked, tokens[:-1], settings.high, settings.low, settings.window
        )
        places: Integers = given.openings - given.forced
        flags: Flags = chosen[places]
        return flags


class Engine:
    """CTranslate2 itself on any device: every pair is scored, nothing is shared."""

    def __init__(self, scorer: EngineScorer, framing: Framing, tally: Tally) -> None:
        self.scorer, self.framing, self.tally = scorer, framing, tally

    def usable(self, marks: tuple[str, str]) -> bool:
        tokens = self.framing.cutter.mark(*marks)
        return tokens is not None and self.scorer.knows(tokens)

    def solve(self, problems: Sequence[Problem], count: int) -> list[Solution | str]:
        ready = [self.framing.ready(problem) for problem in problems]
        pairs = [[] if isinstance(one, str) else list(_pairs(one)) for one in ready]
        rows = (
            (one.source, _inserted(one, first, last), one.forced)
            for one, inside in zip(ready, pairs, strict=True)
            if not isinstance(one, str)
            for first, last in inside
        )
        scores = iter(_in_parts(self.scorer.score, rows))
        out: list[Solution | str] = []
        for one, inside in zip(ready, pairs, strict=True):
            self.tally.pairs += len(inside)
            self.tally.scored += len(inside)
            found = best(inside, [next(scores) for _ in inside], count)
            missing = one if isinstance(one, str) else "text_not_encodable"
            out.append(found if found.candidates else missing)
        return out


class Texts:
    """A scorer of plain texts, such as a server's prompt log-probabilities: every pair."""

    def __init__(self, scorer: TextScorer, tally: Tally) -> None:
        self.scorer, self.tally = scorer, tally

    def usable(self, marks: tuple[str, str]) -> bool:  # noqa: ARG002 - any text can be scored
        return True

    def solve(self, problems: Sequence[Problem], count: int) -> list[Solution | str]:
        pairs = [list(problem.pairs()) for problem in problems]
        rows = (
            (problem.marked, _marked(problem, first, last))
            for problem, inside in zip(problems, pairs, strict=True)
            for first, last in inside
        )
        scores = iter(_in_parts(self.scorer.score, rows))
        self.tally.pairs += sum(map(len, pairs))
        self.tally.scored += sum(map(len, pairs))
        solved = [best(inside, [next(scores) for _ in inside], count) for inside in pairs]
        return [one if one.candidates else "text_not_encodable" for one in solved]


def _in_parts(
    score: Callable[[Sequence[Row]], list[float]], rows: Iterable[Row]
) -> Iterator[float]:
    """Scores of any number of rows, `_AT_ONCE` at a time: rows are long and many."""
    waiting = iter(rows)
    while part := list(islice(waiting, _AT_ONCE)):
        scores = score(part)
        one_each("Scorer", len(part), scores)
        yield from scores


def _pairs(ready: Ready) -> Iterator[tuple[int, int]]:
    for first in ready.openings:
        for last in ready.closings:
            if first <= last < first + ready.longest:
                yield first, last


def _inserted(ready: Ready, first: int, last: int) -> list[str]:
    y, opening, closing = ready.target, ready.openings[first], ready.closings[last]
    return [*y[:opening], ready.marks[0], *y[opening:closing], ready.marks[1], *y[closing:]]


def _marked(problem: Problem, first: int, last: int) -> str:
    """The target text with markers around some words, a space on either side of each."""
    text, (opening, closing) = problem.target.text, problem.marks
    start, end = problem.target.bounds[first][0], problem.target.bounds[last][1]
    parts = [text[:start].rstrip(), opening, text[start:end], closing, text[end:].lstrip()]
    return " ".join(part for part in parts if part)
