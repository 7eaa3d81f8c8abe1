"""What each strategy learns from, made: portions of examples, to train on and to judge by."""

from __future__ import annotations

from prefect import unmapped

from flows.corpus import carried, label, labelled
from tasks.batches import batches, unsearched
from tasks.corpus import keep
from tasks.datasets import read
from tasks.elsewhere import gathered
from tasks.names import parts
from tasks.projection import switch
from xltpipe.learning import Portion
from xltpipe.progress import expect
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome
from xltpipe.store import Shard
from xltpipe.strategies import TESTING, TRANSLATED_DEV, Part, Strategy, learnt


def portions(recipe: Recipe, target: str, strategy: Strategy, outcome: Outcome) -> list[Portion]:
    """The training data of a strategy; what is made for it is added to the outcome."""
    found: list[Portion] = []
    for part in learnt(strategy, recipe.gold_rows):
        found += _portion(recipe, target, part, outcome)
    return found


def development(recipe: Recipe, target: str, strategy: str, outcome: Outcome) -> list[Portion]:
    """What training is judged by while it goes on: never gold of the target, but as `oracle`."""
    gold = recipe.dev_of(target) if recipe.oracle and strategy not in TESTING else None
    if gold is not None:
        shards = read(recipe, gold, target)
        outcome.add("oracle", *shards)
        return [Portion(target, tuple(shards))]
    if recipe.dev is None or strategy in {"supervised", "few_shot"}:
        return []
    if strategy in TRANSLATED_DEV:
        return [Portion(target, tuple(label(recipe, recipe.dev, target, "dev", outcome)))]
    return [_source(recipe, outcome, "dev")]


def stage(recipe: Recipe, lang: str, outcome: Outcome) -> tuple[list[Portion], list[Portion]]:
    """What one stage of `sequential` learns from, and what it is judged by."""
    if lang == recipe.source:
        sources = (recipe.train, recipe.dev)
        read_in = [read(recipe, source, lang) for source in sources if source is not None]
        for shards in read_in:
            outcome.add("source", *shards)
        found = [Portion(lang, tuple(shards)) for shards in read_in]
        return found[:1], found[1:]
    with outcome.part(lang) as own:
        data = portions(recipe, lang, recipe.sequence.data, own)
        return data, development(recipe, lang, recipe.sequence.data, own)


def _portion(recipe: Recipe, target: str, part: Part, outcome: Outcome) -> list[Portion]:
    if part == "translated":
        return [Portion(target, tuple(label(recipe, recipe.train, target, "train", outcome)))]
    if part == "every_translated":
        return [_translated(recipe, lang, outcome) for lang in recipe.targets]
    if part == "source":
        return [_source(recipe, outcome, "train")]
    if part == "kept_source":
        done = labelled(recipe, recipe.train, target, "train", outcome)
        return [Portion(recipe.source, tuple(done.judged), "source")]
    if part == "switched":
        return [Portion(recipe.source, tuple(_switched(recipe, target, outcome)))]
    return [_gold(recipe, target, outcome, few=part == "few")]


def _translated(recipe: Recipe, lang: str, outcome: Outcome) -> Portion:
    """The corpus of one of all targets; the rows of another are not counted as this one's."""
    with outcome.part(lang) as own:
        return Portion(lang, tuple(label(recipe, recipe.train, lang, "train", own)))


def _source(recipe: Recipe, outcome: Outcome, split: str) -> Portion:
    source = recipe.dev if split == "dev" and recipe.dev else recipe.train
    shards = read(recipe, source, recipe.source)
    # development data that are used as they are belong to no corpus that has to account for them
    outcome.add("source" if split == "dev" else split, *shards)
    return Portion(recipe.source, tuple(shards))


def _gold(recipe: Recipe, target: str, outcome: Outcome, *, few: bool) -> Portion:
    shards = read(recipe, recipe.gold(target).data, target)
    outcome.add("gold", *shards)
    return Portion(target, tuple(shards), limit=recipe.gold_rows if few else None)


def _switched(recipe: Recipe, target: str, outcome: Outcome) -> list[Shard]:
    done = labelled(recipe, recipe.train, target, "train", outcome)
    expect("switch", sum(shard.rows for shard in done.judged))
    pair = (unmapped(done.aligners), recipe.source, target)
    named = parts(done.judged, "train")
    made = gathered(switch.map(unmapped(recipe), batches(done.judged), *pair, named))
    outcome.add("train", *made)
    return made


def round_trip(recipe: Recipe, target: str, outcome: Outcome) -> list[Portion]:
    """The training data translated, and what was kept of them translated back: `back`."""
    there = labelled(recipe, recipe.train, target, "train", outcome)
    shards = keep(recipe, unsearched(there.judged), target)
    outcome.add("train", *shards)
    way_back = recipe.into(target).back
    again = carried(way_back, shards, recipe.source, "back", outcome)
    return [Portion(recipe.source, tuple(again.judged))]
