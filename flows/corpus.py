"""corpus: translate labelled data, project its labels, judge, materialise; no model is trained."""

from __future__ import annotations

from prefect import flow

from tasks.alignment import align
from tasks.corpus import materialise
from tasks.datasets import read
from tasks.projection import projected
from tasks.quality import choose, judged, scored
from tasks.translation import translated
from xltpipe.datasets import SourceSpec
from xltpipe.progress import expect
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, begin
from xltpipe.store import Shard


@flow(name="corpus", flow_run_name="{recipe.name} corpus {recipe.source}→{target}")
def corpus(recipe: Recipe, target: str) -> Outcome:
    """The labelled corpus in the target language, and its development split if there is one."""
    outcome = begin("corpus", target)
    label(recipe, recipe.train, target, "train", outcome)
    if recipe.dev:
        label(recipe, recipe.dev, target, "dev", outcome)
    return outcome


def label(
    recipe: Recipe, source: SourceSpec, target: str, split: str, outcome: Outcome
) -> list[Shard]:
    """The labelled corpus of one split in the target language."""
    shards = read(recipe, source, recipe.source)
    outcome.add(split, *shards)
    expect("translate", sum(shard.rows for shard in shards))
    units = translated(recipe, shards, recipe.source, target)
    outcome.add(split, *units)
    aligners = align(recipe, units, recipe.source, target, scored=True)
    outcome.use(split, aligners)
    expect("project", sum(shard.rows for shard in units))
    labelled = projected(recipe, units, aligners, recipe.source, target)
    outcome.add(split, *labelled)
    expect("score", sum(shard.rows for shard in labelled))
    scores = scored(recipe, labelled, aligners, recipe.source, target)
    choice = choose(recipe, labelled, scores)
    outcome.add(split, *([choice] if choice else []))
    expect("judge", sum(shard.rows for shard in labelled))
    verdicts = judged(recipe, labelled, scores, choice)
    outcome.add(split, *scores, *verdicts)
    corpus = materialise(recipe, verdicts, target, split, aligners)
    outcome.add(split, *corpus)
    return corpus
