"""Judging: models of the weights of a training, the best of them by chrF on dev text."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from torch import Tensor

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.languages import resolve
from xltpipe.mt.bundle import write_model
from xltpipe.mt.recipe import Training
from xltpipe.translation.codec import codec

MODEL = "model"

Dev = dict[tuple[str, str], list[tuple[str, str]]]
"""Source and reference texts by direction."""


class Judge:
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
    def mean(self) -> float | None:
        """Their mean; None without dev."""
        return self._best[0] if self._best and self._best[1] else None

    @property
    def best(self) -> dict[str, float]:
        """Scores (chrF) by direction of the model that was kept."""
        return self._best[1] if self._best else {}

    def _known(self) -> tuple[float, dict[str, float]] | None:
        """What a training that was killed had found."""
        if not self._log.is_file() or not (self._work / MODEL / "model.bin").is_file():
            return None
        whole = (line for line in self._log.read_text().splitlines(keepends=True))
        lines = [json.loads(line) for line in whole if line.endswith("\n")]  # a kill tears the last
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
