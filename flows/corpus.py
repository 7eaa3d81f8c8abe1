"""corpus: translate labelled data, project its labels, judge, materialise; no model is trained."""

from __future__ import annotations

from prefect import flow, unmapped

from tasks.alignment import align
from tasks.corpus import materialise
from tasks.datasets import read
from tasks.elsewhere import gathered
from tasks.projection import project
from tasks.quality import choose, judge, score
from tasks.translation import translate
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
    units = gathered(translate.map(unmapped(recipe), shards, recipe.source, target))
    outcome.add(split, *units)
    aligners = align(recipe, units, recipe.source, target, scored=True)
    expect("project", sum(shard.rows for shard in units))
    projected = gathered(
        project.map(unmapped(recipe), units, unmapped(aligners), recipe.source, target)
    )
    outcome.add(split, *projected)
    expect("score", sum(shard.rows for shard in projected))
    scores = gathered(
        score.map(unmapped(recipe), projected, unmapped(aligners), recipe.source, target)
    )
    choice = choose(recipe, projected, scores)
    expect("judge", sum(shard.rows for shard in projected))
    numbers = list(range(len(projected)))
    judged = gathered(judge.map(unmapped(recipe), projected, scores, unmapped(choice), numbers))
    outcome.add(split, *scores, *judged)
    corpus = materialise(recipe, judged, target, split)
    outcome.add(split, *corpus)
    return corpus
