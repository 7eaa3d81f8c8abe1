"""The projector of constrained decoding: from units to problems, and from places to spans."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar
from zlib import crc32

from xltpipe.projection.aligned import words, words_of
from xltpipe.projection.constrained import Constrained
from xltpipe.projection.constrained_backends import Backend, Shared
from xltpipe.projection.constrained_choice import fit, rank_for_test, rank_for_train
from xltpipe.projection.constrained_problem import Candidate, Problem, Solution, Tally
from xltpipe.projection.constrained_reverse import Reverse
from xltpipe.projection.constrained_search import MARGIN
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.markup import free_pairs
from xltpipe.projection.tools import Plain
from xltpipe.text import is_punctuation
from xltpipe.types import Span, Unit, Words

Place = tuple[int, int]
"""A unit and one of its source spans, both by number."""

Outcome = Solution | str


@dataclass(frozen=True, slots=True)
class _Group:
    """The spans of one text of one unit: they may not meet where they did not before."""

    places: list[Place]
    may_overlap: list[list[bool]]


class ConstrainedProjector(Plain):
    """Labels the target text in place; the score of a span is its share in all places' p.

    `tally` counts what the search has cost and what heuristics were seen to miss, so far.
    """

    in_place: ClassVar[bool] = True

    def __init__(
        self,
        spec: Constrained,
        backend: Backend,
        *,
        native: bool,
        reverse: Reverse | None,
        tally: Tally,
    ) -> None:
        self._spec, self._backend, self._reverse = spec, backend, reverse
        self._native = native
        self.tally = tally

    @property
    def counts(self) -> dict[str, int]:
        """What the search has cost, left out and missed so far."""
        names = ("pairs", "capped", "scored", "audited", "missed")
        return {name: getattr(self.tally, name) for name in names}

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill spans and placements: one span, or one reason, per source span."""
        problems: dict[Place, Problem] = {}
        outcomes: dict[Place, Outcome] = {}
        for u, unit in enumerate(units):
            for k, span in enumerate(unit.source.spans):
                problem = self._problem(unit, span)
                if isinstance(problem, str):
                    outcomes[u, k] = problem
                else:
                    problems[u, k] = problem
        # where every place is scored anyway the second-best costs nothing
        few = 1 if self._spec.backend == "shared" else 2
        deep = self._spec.n_best if self._reverse else few
        outcomes |= self._solve(units, problems, deep)
        if self._reverse is not None:
            outcomes |= self._reranked(units, problems, outcomes, self._reverse)
        found = self._fitted(units, problems, outcomes)
        self.tally.spans += len(found)
        for reason in found.values():
            if isinstance(reason, str):
                self.tally.lost[reason] = self.tally.lost.get(reason, 0) + 1
        return [
            filled(unit, {k: f for (v, k), f in found.items() if v == u}, "constrained")
            for u, unit in enumerate(units)
        ]

    def _problem(self, unit: Unit, span: Span) -> Problem | str:
        if span.text >= len(unit.target.texts):
            return "text_missing"
        target = words(unit.target, span.text)
        if not target.bounds:
            return "text_missing"
        if len(target) > self._spec.max_words:
            return "too_long"
        source = unit.source.texts[span.text]
        marks = self._marks(source, target.text)
        if marks is None:
            return "not_markable"
        longest = len(target)
        if self._spec.max_ratio is not None:
            size = max(1, len(words_of(span, words(unit.source, span.text))))
            longest = min(longest, math.ceil(self._spec.max_ratio * size))
            over = len(target) - longest
            self.tally.capped += over * (over + 1) // 2
        return Problem(source, span, target, marks, longest)

    def _marks(self, source: str, target: str) -> tuple[str, str] | None:
        """The first markers that neither text holds and that the model can write."""
        free = free_pairs(f"{source} {target}", "letters" if self._native else "brackets")
        return next((pair for pair in free if self._backend.usable(pair)), None)

    def _solve(
        self,
        units: Sequence[Unit],
        problems: Mapping[Place, Problem],
        count: int,
        known: Collection[Place] = (),
    ) -> dict[Place, Outcome]:
        """One outcome per problem; `known` are those that an audit has counted before."""
        solved = self._backend.solve(list(problems.values()), count)
        out = dict(zip(problems, solved, strict=True))
        if self._spec.audit and isinstance(self._backend, Shared):
            exact = self._backend.exact()
            for (u, k), guess in list(out.items()):
                if _drawn(f"{units[u].source.id}/{k}", self._spec.audit):
                    (true,) = exact.solve([problems[u, k]], count)
                    if (u, k) not in known:
                        self._note(guess, true)
                    out[u, k] = true
        return out

    def _note(self, found: Outcome, true: Outcome) -> None:
        if isinstance(true, Solution):
            self.tally.audited += 1
            best = found.candidates[0].score if isinstance(found, Solution) else -math.inf
            self.tally.missed += best < true.candidates[0].score - MARGIN

    def _reranked(
        self,
        units: Sequence[Unit],
        problems: Mapping[Place, Problem],
        outcomes: Mapping[Place, Outcome],
        reverse: Reverse,
    ) -> dict[Place, Outcome]:
        """The candidates of each span with the one chosen by reading backwards first."""
        solved = {p: s for p, s in outcomes.items() if isinstance(s, Solution)}
        entities = {(u, k): units[u].source.covered(units[u].source.spans[k]) for u, k in solved}
        texts = {
            place: [_text(problems[place].target, c) for c in solution.candidates]
            for place, solution in solved.items()
        }
        pairs = [(entities[place], text) for place in solved for text in texts[place]]
        costs = iter(reverse.costs(pairs))
        train = self._spec.rerank == "translate_train"
        names = reverse.translations(list(entities.values())) if train else {}
        out: dict[Place, Outcome] = {}
        for place, solution in solved.items():
            mine = [next(costs) for _ in solution.candidates]
            target = problems[place].target
            cut = [target.strings[c.first : c.last + 1] for c in solution.candidates]
            entity = entities[place]
            chosen = (
                rank_for_train(cut, mine, [entity, names[entity]])
                if train
                else rank_for_test(cut, mine)
            )
            out[place] = "below_floor" if chosen is None else _first(solution, chosen)
        return out

    def _fitted(
        self,
        units: Sequence[Unit],
        problems: Mapping[Place, Problem],
        outcomes: Mapping[Place, Outcome],
    ) -> dict[Place, Placed | str]:
        """Spans of one text decided together; more candidates are sought where two collide."""
        found: dict[Place, Placed | str] = {}
        solutions = dict(outcomes)
        for group in _groups(units, solutions):
            options = [solutions[place] for place in group.places]
            if _collide(options, group.may_overlap) and self._reverse is None:
                wanted = {place: problems[place] for place in group.places}
                solutions |= self._solve(units, wanted, self._spec.n_best, outcomes)
        for group in _groups(units, solutions):
            options = [solutions[place] for place in group.places]
            lists = [s.candidates if isinstance(s, Solution) else () for s in options]
            chosen = fit(lists, group.may_overlap)
            for place, solution, candidate in zip(group.places, options, chosen, strict=True):
                if isinstance(solution, Solution) and candidate is not None:
                    span = units[place[0]].source.spans[place[1]]
                    found[place] = _placed(span, problems[place], solution, candidate)
                else:
                    found[place] = "overlap"
        return found | {p: s for p, s in solutions.items() if isinstance(s, str)}


def _groups(units: Sequence[Unit], outcomes: Mapping[Place, Outcome]) -> list[_Group]:
    members: dict[tuple[int, int], list[Place]] = {}
    for (u, k), outcome in outcomes.items():
        if isinstance(outcome, Solution):
            members.setdefault((u, units[u].source.spans[k].text), []).append((u, k))
    groups = []
    for (u, _), places in members.items():
        spans = [units[u].source.spans[k] for _, k in places]
        overlap = [[a.start < b.end and b.start < a.end for b in spans] for a in spans]
        groups.append(_Group(places, overlap))
    return groups


def _collide(options: Sequence[Outcome], may_overlap: Sequence[Sequence[bool]]) -> bool:
    tops = [s.candidates[0] for s in options if isinstance(s, Solution)]
    return any(
        not may_overlap[k][m] and a.overlaps(b)
        for k, a in enumerate(tops)
        for m, b in enumerate(tops[:k])
    )


def _placed(span: Span, problem: Problem, solution: Solution, candidate: Candidate) -> Placed | str:
    covered = problem.target.strings[candidate.first : candidate.last + 1]
    given = problem.source[span.start : span.end]
    if is_punctuation("".join(covered)) and not is_punctuation("".join(given.split())):
        return "punctuation_only"
    start = problem.target.bounds[candidate.first][0]
    end = problem.target.bounds[candidate.last][1]
    return Placed(
        replace(span, start=start, end=end),
        solution.confidence(candidate),
        margin=solution.lead(candidate),
    )


def _first(solution: Solution, chosen: int) -> Solution:
    """The solution with one candidate before the others; scores stay each candidate's own."""
    rest = [c for k, c in enumerate(solution.candidates) if k != chosen]
    return replace(solution, candidates=(solution.candidates[chosen], *rest))


def _text(target: Words, candidate: Candidate) -> str:
    return target.text[target.bounds[candidate.first][0] : target.bounds[candidate.last][1]]


def _drawn(name: str, share: float) -> bool:
    """The same spans are audited however the data is cut into batches."""
    return crc32(name.encode()) < share * 2**32
