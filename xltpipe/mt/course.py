"""The course: one network trained on its encoded files and written as a model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import torch

from xltpipe.checksums import write_checksums
from xltpipe.durable import digest_json
from xltpipe.errors import DataError
from xltpipe.languages import resolve
from xltpipe.mt.bundle import directions
from xltpipe.mt.card import write_card
from xltpipe.mt.encoded import Encoded
from xltpipe.mt.exporting import import_weights
from xltpipe.mt.judging import MODEL, Dev, Judge
from xltpipe.mt.network import Network
from xltpipe.mt.recipe import Training
from xltpipe.mt.sampling import MARKED, Group, Sampler, Variation, shares
from xltpipe.mt.settings import Pairs
from xltpipe.mt.starting import embeddings
from xltpipe.mt.teaching import LOG, Teacher
from xltpipe.mt.vocabulary import Pieces, target_token
from xltpipe.store import Counts, Shard, Step, Store

TRAIN = 2
_STARTING_EXAMPLES, _STARTING_PIECES = 200_000, 60


def train_step(recipe: Training, store: Store, vocabulary: Shard, files: Sequence[Shard]) -> Step:
    """Train and write the model; `files` are the encoded files in the recipe's order.

    What a kill leaves lies aside until the artefact is whole and `clear` is called.
    """
    identity = {
        **recipe.identity(),
        "licence": recipe.licence,
    }
    inputs = vocabulary.id, *(file.id for file in files)
    work = _work(store, identity, inputs)

    def build(home: Path) -> Counts:
        torch.manual_seed(recipe.seed)
        spm = store.path(vocabulary)
        pieces = Pieces.read(spm)
        groups = group(recipe, [Encoded.read(store.path(file)) for file in files], pieces)
        dev = development(recipe)
        judge = Judge(recipe, spm, work, dev)
        sampler = Sampler(groups, pieces, _variation(recipe), recipe.seed)
        network = start(recipe, groups, pieces)
        outcome = Teacher(recipe, network, sampler, work, judge).teach()
        shutil.copytree(work / MODEL, home / MODEL)
        shutil.copy(work / LOG, home / LOG)
        counts = [store.manifest(file) or {} for file in files]
        write_card(recipe, outcome, judge.best, [one["counts"] for one in counts], home / MODEL)
        write_checksums(home / MODEL)
        return {
            "rows": outcome.tokens,
            "steps": outcome.steps,
            "minutes": round(outcome.minutes, 2),
            "ended_by": outcome.why,
            "skipped_pairs": sampler.skipped,
            **({"dev_chrf": round(judge.mean, 3)} if judge.mean is not None else {}),
        }

    return Step("mt-train", TRAIN, identity, inputs, build, part=MODEL, long=True)


def clear(step: Step, store: Store) -> None:
    """Remove what a training step worked on: its artefact is whole."""
    shutil.rmtree(_work(store, step.identity, step.inputs), ignore_errors=True)


def _work(store: Store, identity: Mapping[str, object], inputs: Sequence[str]) -> Path:
    return store.root / "mt-work" / digest_json([identity, list(inputs)])[:24]


def _variation(recipe: Training) -> Variation:
    drawing = recipe.drawing
    marked = drawing.marked if recipe.aligner is not None else 0.0
    return Variation(marked, drawing.joined, min(drawing.longest, _room(recipe)))


def _room(recipe: Training) -> int:
    """Pieces of a side that the positions hold, beside target token, end and markers."""
    return recipe.network.positions - 2 - MARKED


def group(recipe: Training, files: Sequence[Encoded], pieces: Pieces) -> list[Group]:
    """Each file with its share of draws: by temperature over languages, by weight within one.

    Raises:
        DataError: no pair is left in any file.
    """
    sizes = [len(pairs) * file.weight for pairs, file in zip(files, recipe.pairs, strict=True)]
    codes = [file.languages[1] for file in recipe.pairs]
    focus = {resolve(code).id: factor for code, factor in recipe.drawing.focus.items()}
    whole = dict.fromkeys(codes, 0.0)
    for code, size in zip(codes, sizes, strict=True):
        whole[code] += size * focus.get(code, 1.0)
    if not any(whole.values()):
        raise DataError("Files must hold a pair to learn from, was: none in all of them")
    by_language = dict(
        zip(whole, shares(list(whole.values()), recipe.drawing.temperature), strict=True)
    )
    return [
        Group(
            pairs,
            by_language[code] * size * focus.get(code, 1.0) / whole[code],
            (pieces.index(target_token(file.target)), pieces.index(target_token(file.source))),
            recipe.drawing.backward if file.backward is None else file.backward,
        )
        for pairs, size, code, file in zip(files, sizes, codes, recipe.pairs, strict=True)
        if len(pairs)
    ]


def start(recipe: Training, groups: Sequence[Group], pieces: Pieces) -> Network:
    """The network at its start: the weights of `base`, or embeddings from the text itself."""
    network = Network(recipe.network, len(pieces.names))
    if recipe.base is not None:
        known = import_weights(recipe.root / recipe.base, recipe.network, len(pieces.names))
        network.load_state_dict(known)
        return network
    # Short pairs tell best which pieces belong together; some text has none.
    longest = _variation(recipe).longest
    short = any((one.pairs.longest() <= _STARTING_PIECES).any() for one in groups)
    variation = Variation(0.0, 0.0, min(longest, _STARTING_PIECES) if short else longest)
    sampler = Sampler(groups, pieces, variation, recipe.seed + 1)
    pairs = sum(len(one.pairs) for one in groups)
    drawn = sampler.draw(min(_STARTING_EXAMPLES, 3 * pairs))
    vectors = embeddings(drawn, len(pieces.names), recipe.network.width, recipe.seed)
    with torch.no_grad():
        network.embedding.copy_(torch.from_numpy(vectors))
    return network


def development(recipe: Training) -> Dev:
    """The dev text by direction, at most `dev_rows` pairs each, both ways where both are learnt.

    Raises:
        DataError: a file holds no pair.
    """
    out: Dev = {}
    wanted = set(directions(recipe))
    for file in recipe.dev:
        source, target = file.languages
        pairs = list(islice(_raw(recipe, file), recipe.dev_rows))
        if not pairs:
            raise DataError(f"File of dev must hold a pair, was: none in {file.path}")
        for pair in pairs:
            if (source, target) in wanted:
                out.setdefault((source, target), []).append(pair)
            if (target, source) in wanted:
                out.setdefault((target, source), []).append(pair[::-1])
    return out


def _raw(recipe: Training, file: Pairs) -> Iterator[tuple[str, str]]:
    """The pairs as they are written: references must not be normalised."""
    from xltpipe.mt.pairs import lines

    return (
        (one, other) for one, other in lines(file, recipe.root) if one.strip() and other.strip()
    )
