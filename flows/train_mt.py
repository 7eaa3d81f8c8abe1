"""train-mt: a translation model of one's own, from files of sentence pairs."""

from __future__ import annotations

from prefect import flow

from tasks.confinement import confined
from tasks.mt import encode, learn_vocabulary, teach, train_aligner
from xltpipe.mt.recipe import Training
from xltpipe.store import Shard


@flow(name="train-mt", flow_run_name="train-mt {recipe.name}", persist_result=False)
def train_mt(recipe: Training) -> Shard:
    """The artefact with the model; what was made before is taken from the shelf."""
    confined(recipe)
    vocabulary = learn_vocabulary(recipe)
    aligners = {pair: train_aligner(recipe, *pair, vocabulary) for pair in recipe.aligned_languages}
    files = [
        encode(recipe, file, vocabulary, aligners.get(file.languages)) for file in recipe.pairs
    ]
    return teach(recipe, vocabulary, files)
