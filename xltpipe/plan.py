"""Plan: what a recipe would run and what is on the shelf already, without running it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from xltpipe import corpus, evaluating, learning, origins, scoring, steps, tools
from xltpipe.datasets import SourceSpec
from xltpipe.learning import Portion
from xltpipe.preflight import preflight
from xltpipe.recipe import Recipe
from xltpipe.settled import settled
from xltpipe.store import Shard, Step, Store
from xltpipe.strategies import LEARNT, OF_EVERY, TESTING, TRANSLATED_DEV, Part, Strategy, learnt
from xltpipe.tools import Trained


@dataclass(frozen=True, slots=True)
class Planned:
    """One stage of one strategy: `done` of `shards` are on the shelf; `rows` are still to do.

    `rows` is None where it depends on what earlier stages will keep.
    """

    strategy: str
    target: str
    stage: str
    shards: int
    done: int
    rows: int | None


def plan(recipe: Recipe, store: Store) -> list[Planned]:
    """Every stage in order. Reads the data (a shelf artefact too): rows must be known.

    Raises:
        RecipeError, DataError: the recipe cannot run; the same faults that `run` would meet.
    """
    preflight(recipe)
    planned: list[Planned] = []
    taggers: set[str] = set()
    counted: set[str] = set()
    with settled():
        for target, strategies in recipe.arms:
            # targets share taggers at most (the keys of the shards of all would fill the memory),
            # but where a model learns several
            counted = counted if OF_EVERY & set(recipe.strategies) else set()
            for strategy in strategies:
                walk = _Walk(recipe, store, strategy, target, counted, taggers)
                planned += walk.stages()
    return planned


class _Walk:
    """Follows one flow; the shards of a step not made yet are known by their keys."""

    def __init__(
        self,
        recipe: Recipe,
        store: Store,
        strategy: str,
        target: str,
        counted: set[str],
        taggers: set[str],
    ) -> None:
        self.recipe, self.store, self.strategy, self.target = recipe, store, strategy, target
        # keys whose rows another strategy, or another target's, has to do already
        self.counted, self.taggers = counted, taggers
        self.found: list[Planned] = []

    def stages(self) -> list[Planned]:
        if self.strategy in LEARNT:
            self._fit(cast("Strategy", self.strategy))
        else:
            getattr(self, f"_{self.strategy}")()
        return self.found

    def _corpus(self) -> None:
        self._label(self.recipe.train, "train")
        if self.recipe.dev:
            self._label(self.recipe.dev, "dev")

    def _fit(self, strategy: Strategy) -> list[Shard]:
        data = self._portions(strategy)
        return self._evaluate(strategy, self._train(data, self._development(strategy)))

    def _portions(self, strategy: Strategy) -> list[Portion] | None:
        """What the strategy learns from; None where it depends on what is not made yet."""
        found: list[Portion] | None = []
        for part in learnt(strategy, self.recipe.gold_rows):
            more = self._part(part)
            found = None if found is None or more is None else found + more
        return found

    def _part(self, part: Part) -> list[Portion] | None:
        recipe, target = self.recipe, self.target
        if part in {"translated", "every_translated"}:
            targets = (target,) if part == "translated" else recipe.targets
            made = [(t, self._label(recipe.train, "train", t)) for t in targets]
            if any(shards is None for _, shards in made):
                return None
            return [Portion(t, tuple(shards or ())) for t, shards in made]
        if part == "source":
            return [Portion(recipe.source, tuple(self._read(recipe.train, recipe.source)))]
        if part == "kept_source":
            judged, _ = self._judged(self._read(recipe.train, recipe.source))
            return [Portion(recipe.source, tuple(judged), "source")]
        if part == "switched":
            judged, trained = self._judged(self._read(recipe.train, recipe.source))
            pair = (recipe.source, target)
            made_of = self._each(
                steps.switched(recipe, self.store, s, trained, pair) for s in judged
            )
            return [Portion(recipe.source, tuple(made_of))]
        shards = self._read(recipe.gold(target).data, target)
        limit = recipe.gold_rows if part == "few" else None
        return [Portion(target, tuple(shards), limit=limit)]

    def _development(self, strategy: str) -> list[Portion] | None:
        recipe = self.recipe
        oracle = recipe.oracle and strategy not in TESTING
        gold = recipe.dev_of(self.target) if oracle else None
        if gold is not None:
            return [Portion(self.target, tuple(self._read(gold, self.target)))]
        if recipe.dev is None or strategy in {"supervised", "few_shot"}:
            return []
        if strategy in TRANSLATED_DEV:
            made = self._label(recipe.dev, "dev")
            return None if made is None else [Portion(self.target, tuple(made))]
        return [Portion(recipe.source, tuple(self._read(recipe.dev, recipe.source)))]

    def _label(
        self, source: SourceSpec, split: str, target: str | None = None
    ) -> list[Shard] | None:
        target = target or self.target
        judged, _ = self._judged(self._read(source, self.recipe.source), target)
        made = self._each([corpus.materialise(self.recipe, self.store, judged, target, split)])
        return steps.parts(self.store, made[0]) if self.found[-1].done else None

    def _judged(
        self, shards: Sequence[Shard], target: str | None = None, recipe: Recipe | None = None
    ) -> tuple[list[Shard], list[Trained]]:
        recipe, store = recipe or self.recipe, self.store
        pair = (recipe.source, target or self.target)
        units = self._each(steps.translate(recipe, store, s, *pair) for s in shards)
        trained = self._aligners(units, pair, scored=True, recipe=recipe)
        projected = self._each(steps.project(recipe, store, s, trained, pair) for s in units)
        scores = self._each(scoring.score(recipe, store, s, trained, pair) for s in projected)
        choice = self._choice(projected, scores)
        judged = self._each(
            scoring.judge(recipe, store, s, of, choice, number)
            for number, (s, of) in enumerate(zip(projected, scores, strict=True))
        )
        return judged, trained

    def _aligners(
        self,
        units: Sequence[Shard],
        pair: tuple[str, str],
        *,
        scored: bool = False,
        recipe: Recipe | None = None,
    ) -> list[Trained]:
        trained = []
        rows = sum(s.rows for s in units)
        for needed in tools.aligners(recipe or self.recipe, rows, pair[1], scored=scored):
            if needed.spec.trained:
                step = tools.align(self.store, needed.spec, units, pair, self.recipe.reuse_aligner)
                (made,) = self._each([step])
                trained.append(self._foreseen(needed, step, made, units))
            else:
                trained.append(needed)
        return trained

    def _foreseen(
        self, needed: Trained, step: Step, made: Shard, units: Sequence[Shard]
    ) -> Trained:
        """The aligner by the training that it comes from, or will come from when it is made."""
        if self.found[-1].done:
            return tools.aligned(needed, self.store, made)
        kept = origins.find(self.store, step, units, self.recipe.reuse_aligner)
        return replace(needed, shard=replace(made, content=kept.key if kept else ""))

    def _choice(self, projected: Sequence[Shard], scores: Sequence[Shard]) -> Shard | None:
        if self.recipe.quality.duplicates is None:
            return None
        marks = self._each(scoring.marks(self.recipe, self.store, s) for s in projected)
        groups = self._each([scoring.duplicates(self.recipe, self.store, marks)])[0]
        return self._each([scoring.choose(self.recipe, self.store, groups, scores)])[0]

    def _translate_test(self) -> list[Shard]:
        data = self._read(self.recipe.train, self.recipe.source)
        return self._tested("translate_test", [Portion(self.recipe.source, tuple(data))])

    def _round_trip(self) -> None:
        recipe = self.recipe
        judged, _ = self._judged(self._read(recipe.train, recipe.source))
        kept = self._each(corpus.keep(self.store, s) for s in judged)
        again, _ = self._judged(kept, recipe.source, recipe.into(self.target).back)
        self._tested("round_trip", [Portion(recipe.source, tuple(again))])

    def _ensemble(self) -> None:
        recipe, store = self.recipe, self.store
        first, second = self._fit("translate_train"), self._translate_test()
        further = recipe.signed("ensemble")
        for number, test in enumerate(recipe.tests_in(self.target)):
            gold = self._read(test.data, test.lang)
            if number >= min(len(first), len(second)):
                self._unknown("evaluate")
                continue
            both = (first[number], second[number])
            self._each([evaluating.evaluate_ensemble(recipe, store, test, gold, both, further)])

    def _fused(self) -> None:
        recipe, store, further = self.recipe, self.store, self.recipe.signed("fused")
        data = [self._both(recipe.train)]
        tagger = self._train(data, [self._both(recipe.dev)] if recipe.dev else [])
        for test in recipe.tests_in(self.target):
            gold = self._read(test.data, test.lang)
            pair = (test.lang, recipe.source)
            units = self._each(steps.translate(recipe, store, s, *pair) for s in gold)
            if tagger is None:
                self._unknown("evaluate")
                continue
            step = evaluating.evaluate_fused(recipe, store, test, gold, units, tagger, further)
            self._each([step])

    def _sequential(self) -> None:
        tagger: Shard | None = None
        for stage, lang in enumerate(self.recipe.order):
            data, dev = self._stage(lang)
            if stage and tagger is None:  # its data depend on what is not made yet
                data = None
            tagger = self._train(data, dev, tagger)
            self._evaluate("sequential", tagger, self.recipe.signed_stage(stage))

    def _stage(self, lang: str) -> tuple[list[Portion] | None, list[Portion] | None]:
        recipe = self.recipe
        if lang == recipe.source:
            read = [self._read(source, lang) for source in (recipe.train, recipe.dev) if source]
            portions = [Portion(lang, tuple(shards)) for shards in read]
            return portions[:1], portions[1:]
        walk = _Walk(recipe, self.store, self.strategy, lang, self.counted, self.taggers)
        walk.found = self.found
        learnt = recipe.sequence.data
        return walk._portions(learnt), walk._development(learnt)

    def _both(self, source: SourceSpec) -> Portion:
        judged, _ = self._judged(self._read(source, self.recipe.source))
        return Portion(self.target, tuple(judged), "both")

    def _tested(self, strategy: Strategy, data: list[Portion]) -> list[Shard]:
        recipe, store, further = self.recipe, self.store, self.recipe.signed(strategy)
        tagger = self._train(data, self._development(strategy))
        scores = []
        for test in recipe.tests_in(self.target):
            gold = self._read(test.data, test.lang)
            pair = (recipe.source, test.lang)
            units = self._each(
                steps.translate(recipe, store, s, test.lang, recipe.source) for s in gold
            )
            if tagger is None:
                self._unknown("predict", "project", "evaluate")
                continue
            turned = self._each(
                evaluating.predict_translated(recipe, store, s, tagger) for s in units
            )
            trained = self._aligners(turned, pair)
            back = self._each(steps.project(recipe, store, s, trained, pair) for s in turned)
            step = evaluating.evaluate_projected(
                recipe, store, strategy, test, gold, back, further, turned
            )
            scores += self._each([step])
        return scores

    def _read(self, source: SourceSpec, lang: str) -> list[Shard]:
        made, built = self.store.make(steps.read(self.recipe, source, lang))
        self._note("read", 1, 1, 0)
        del built
        return steps.parts(self.store, made)

    def _train(
        self,
        data: list[Portion] | None,
        dev: list[Portion] | None,
        earlier: Shard | None = None,
    ) -> Shard | None:
        if data is None or dev is None:
            self._unknown("train")
            return None
        return self._each([learning.train(self.recipe, self.store, data, dev, earlier)])[0]

    def _evaluate(
        self, strategy: Strategy, tagger: Shard | None, more: Mapping[str, str] = evaluating.EMPTY
    ) -> list[Shard]:
        recipe, store = self.recipe, self.store
        further = recipe.signed(strategy) | dict(more)
        scores = []
        for test in recipe.tests_in(self.target):
            gold = self._read(test.data, test.lang)
            if tagger is None:
                self._unknown("evaluate")
            else:
                step = evaluating.evaluate(recipe, store, strategy, test, gold, tagger, further)
                scores += self._each([step])
        return scores

    def _each(self, wanted: Iterable[Step]) -> list[Shard]:
        shards, done, todo, stage = [], 0, 0, ""
        for step in wanted:
            stage = step.stage
            found = self.store.find(step)
            counted = self.taggers if stage == "train" else self.counted
            if found is not None:
                done += 1
            elif step.key not in counted:
                todo += max(step.rows, 0)
            counted.add(step.key)
            shards.append(found or step.shard)
        self._note(stage, len(shards), done, todo)
        return shards

    def _unknown(self, *stages: str) -> None:
        for stage in stages:
            self._note(stage, 1, 0, None)

    def _note(self, stage: str, shards: int, done: int, rows: int | None) -> None:
        self.found.append(Planned(self.strategy, self.target, stage, shards, done, rows))
