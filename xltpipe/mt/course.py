"""The course: one network trained on its encoded files, judged on dev text, written as a model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from xltpipe import progress
from xltpipe.durable import digest_json
from xltpipe.errors import DataError, require
from xltpipe.languages import resolve
from xltpipe.mt.bundle import directions, write_model
from xltpipe.mt.card import write_card
from xltpipe.mt.encoded import Encoded
from xltpipe.mt.exporting import import_weights
from xltpipe.mt.network import Network
from xltpipe.mt.recipe import Training
from xltpipe.mt.sampling import Group, Sampler, Variation, shares
from xltpipe.mt.settings import Pairs
from xltpipe.mt.starting import embeddings
from xltpipe.mt.teaching import LOG, Teacher
from xltpipe.mt.vocabulary import Pieces, target_token
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.translation.checksums import write_checksums
from xltpipe.translation.codec import codec

TRAIN = 1
MODEL = "model"
_STARTING_EXAMPLES = 200_000

Dev = dict[tuple[str, str], list[tuple[str, str]]]
"""Source and reference texts by direction."""


def train_step(recipe: Training, store: Store, vocabulary: Shard, files: Sequence[Shard]) -> Step:
    """Train and write the model; `files` are the encoded files in the recipe's order."""
    identity = {
        **recipe.identity(),
        "licence": recipe.licence,
    }
    inputs = vocabulary.id, *(file.id for file in files)
    work = store.root / "mt-work" / digest_json([identity, list(inputs)])[:24]

    def build(home: Path) -> Counts:
        torch.manual_seed(recipe.seed)
        spm = store.path(vocabulary)
        pieces = Pieces.read(spm)
        groups = group(recipe, [Encoded.read(store.path(file)) for file in files], pieces)
        dev = development(recipe)
        judge = _Judge(recipe, spm, work, dev)
        sampler = Sampler(groups, pieces, _variation(recipe), recipe.seed)
        network = start(recipe, groups, pieces)
        outcome = Teacher(recipe, network, sampler, work, judge).teach()
        shutil.copytree(work / MODEL, home / MODEL)
        shutil.copy(work / LOG, home / LOG)
        counts = [store.manifest(file) or {} for file in files]
        write_card(recipe, outcome, judge.best, [one["counts"] for one in counts], home / MODEL)
        write_checksums(home / MODEL)
        shutil.rmtree(work)
        return {
            "rows": outcome.tokens,
            "steps": outcome.steps,
            "minutes": round(outcome.minutes, 2),
            "ended_by": outcome.why,
            "skipped_pairs": sampler.skipped,
            **({"dev_chrf": round(outcome.best, 3)} if outcome.best is not None else {}),
        }

    return Step("mt-train", TRAIN, identity, inputs, build, part=MODEL)


def _variation(recipe: Training) -> Variation:
    drawing = recipe.drawing
    marked = drawing.marked if recipe.aligner is not None else 0.0
    return Variation(marked, drawing.joined, drawing.longest)


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
    sampler = Sampler(groups, pieces, Variation(0.0, 0.0, 60), recipe.seed + 1)
    pairs = sum(len(one.pairs) for one in groups)
    drawn = sampler.draw(min(_STARTING_EXAMPLES, 3 * pairs))
    vectors = embeddings(drawn, len(pieces.names), recipe.network.width, recipe.seed)
    with torch.no_grad():
        network.embedding.copy_(torch.from_numpy(vectors))
    return network


def development(recipe: Training) -> Dev:
    """The dev text by direction, at most `dev_rows` pairs each, both ways where both are learnt."""
    out: Dev = {}
    wanted = set(directions(recipe))
    for file in recipe.dev:
        source, target = file.languages
        for pair in islice(_raw(recipe, file), recipe.dev_rows):
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


class _Judge:
    """Writes a model of the weights, translates dev with it, and keeps the best one."""

    def __init__(self, recipe: Training, vocabulary: Path, work: Path, dev: Dev) -> None:
        self._recipe, self._vocabulary, self._work, self._dev = recipe, vocabulary, work, dev
        self._log = work / "evaluations.jsonl"
        self._best = self._known()

    def __call__(self, weights: dict[str, Tensor]) -> float | None:
        """Mean chrF over the directions of dev; None without dev, and then the last one is kept."""
        aside = self._work / "candidate"
        shutil.rmtree(aside, ignore_errors=True)
        write_model(self._recipe, weights, self._vocabulary, aside)
        scores = self._scores(aside)
        mean = sum(scores.values()) / len(scores) if scores else None
        if mean is None or self._best is None or mean > self._best[0]:
            shutil.rmtree(self._work / MODEL, ignore_errors=True)
            aside.rename(self._work / MODEL)
            self._best = (mean or 0.0, scores)
        with self._log.open("a") as log:
            log.write(json.dumps({"mean": mean, **scores}) + "\n")
        progress.tick("evaluate", 1)
        return mean

    @property
    def best(self) -> dict[str, float]:
        """Scores (chrF) by direction of the model that was kept."""
        return self._best[1] if self._best else {}

    def _known(self) -> tuple[float, dict[str, float]] | None:
        """What a training that was killed had found."""
        if not self._log.is_file() or not (self._work / MODEL / "model.bin").is_file():
            return None
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        best = max(lines, key=lambda line: line["mean"] or 0.0, default=None)
        if best is None:
            return None
        mean = best.pop("mean") or 0.0
        return mean, best

    def _scores(self, model: Path) -> dict[str, float]:
        if not self._dev:
            return {}
        chrf = require("sacrebleu", "round_trip").CHRF()
        scores = {}
        engine = require("ctranslate2", "train").Translator(str(model), inter_threads=2)
        for (source, target), pairs in self._dev.items():
            speech = codec(model, resolve(source), resolve(target))
            limit = self._recipe.network.positions
            encoded = speech.encode([one for one, _ in pairs], limit)
            # Not through our engines: they keep what they load, and every candidate is another.
            found = engine.translate_batch(
                [pieces for pieces, _ in encoded],
                beam_size=1,
                max_batch_size=1024,
                batch_type="tokens",
                max_decoding_length=limit,
            )
            got = speech.decode([one.hypotheses[0] for one in found])
            score = chrf.corpus_score(got, [[other for _, other in pairs]]).score
            scores[f"{source}-{target}"] = round(float(score), 3)
        return scores
