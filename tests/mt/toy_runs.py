"""Steps of a training, one after the other, without a flow."""

from __future__ import annotations

from pathlib import Path

from xltpipe.mt import course, making
from xltpipe.mt.recipe import Training
from xltpipe.store import Shard, Store


def prepared(recipe: Training, store: Store) -> tuple[Shard, list[Shard]]:
    """Vocabulary and encoded files, made or on the shelf."""
    learnt, _ = store.make(making.vocabulary_step(recipe))
    aligners = {
        pair: store.make(making.aligner_step(recipe, pair, learnt, store))[0]
        for pair in recipe.aligned_languages
    }
    files = [
        store.make(making.encode_step(recipe, f, learnt, aligners.get(f.languages), store))[0]
        for f in recipe.pairs
    ]
    return learnt, files


def trained(recipe: Training, store: Store) -> tuple[Path, dict[str, object]]:
    step = course.train_step(recipe, store, *prepared(recipe, store))
    made, _ = store.make(step)
    course.clear(step, store)
    return store.path(made), (store.manifest(made) or {})["counts"]
