"""corpus: translate labelled data, project its labels, judge, materialise; no model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prefect import flow, unmapped

from tasks.alignment import align
from tasks.batches import batches, unsearched
from tasks.confinement import confined
from tasks.corpus import materialise
from tasks.datasets import read
from tasks.elsewhere import gathered
from tasks.names import parts
from tasks.projection import project
from tasks.quality import choose, judge, score
from tasks.translation import translate
from xltpipe.datasets import SourceSpec
from xltpipe.progress import expect
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, begin
from xltpipe.store import Shard
from xltpipe.tools import Trained


@dataclass(frozen=True, slots=True)
class Labelled:
    """Judged shards, and the aligners that their labels were carried over by."""

    judged: list[Shard]
    aligners: list[Trained]


@flow(name="corpus", flow_run_name="{recipe.name} corpus {recipe.source}→{target}")
def corpus(recipe: Recipe, target: str) -> Outcome:
    """The labelled corpus in the target language, and its development split if there is one."""
    confined(recipe)
    outcome = begin("corpus", target)
    label(recipe, recipe.train, target, "train", outcome)
    if recipe.dev:
        label(recipe, recipe.dev, target, "dev", outcome)
    return outcome


def label(
    recipe: Recipe, source: SourceSpec, target: str, split: str, outcome: Outcome
) -> list[Shard]:
    """The labelled corpus of one split in the target language."""
    done = labelled(recipe, source, target, split, outcome)
    corpus = materialise(recipe, unsearched(done.judged), target, split, done.aligners)
    outcome.add(split, *corpus)
    return corpus


def labelled(
    recipe: Recipe, source: SourceSpec, target: str, split: str, outcome: Outcome
) -> Labelled:
    """One split of the data, translated, labelled and judged."""
    shards = read(recipe, source, recipe.source)
    outcome.add(split, *shards)
    return carried(recipe, shards, target, split, outcome)


def carried(
    recipe: Recipe, shards: Sequence[Shard], target: str, split: str, outcome: Outcome
) -> Labelled:
    """Labelled shards of the recipe's source language, translated, labelled and judged."""
    expect("translate", sum(shard.rows for shard in shards))
    named = parts(shards, split)
    units = gathered(translate.map(unmapped(recipe), batches(shards), recipe.source, target, named))
    outcome.add(split, *units)
    aligners = align(recipe, unsearched(units), recipe.source, target, scored=True)
    outcome.use(split, aligners)
    expect("project", sum(shard.rows for shard in units))
    pair = (unmapped(aligners), recipe.source, target)
    projected = gathered(project.map(unmapped(recipe), batches(units), *pair, named))
    outcome.add(split, *projected)
    expect("score", sum(shard.rows for shard in projected))
    scores = gathered(score.map(unmapped(recipe), batches(projected), *pair, named))
    choice = choose(recipe, unsearched(projected), unsearched(scores))
    outcome.add(split, *([choice] if choice else []))
    expect("judge", sum(shard.rows for shard in projected))
    judged = gathered(
        judge.map(
            unmapped(recipe),
            batches(projected),
            batches(scores),
            unmapped(choice),
            batches(range(len(projected))),
            target,
            named,
        )
    )
    outcome.add(split, *scores, *judged)
    return Labelled(judged, aligners)
