"""Reverse: candidates read backwards, as the published method chooses among its n best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from xltpipe.languages import Language
from xltpipe.projection.constrained_backends import Framing
from xltpipe.text import tokenise
from xltpipe.translation import CTranslate2
from xltpipe.translation.engines import EngineKey, usable_cores
from xltpipe.translation.forced_engine import EngineScorer

ComputeType = Literal["int8", "float32", "float16", "int8_float16", "auto"]
Device = Literal["cpu", "cuda", "auto"]


class Reverse:
    """Costs −log p(entity | candidate) in the other direction, and entities' own translations."""

    def __init__(
        self,
        model: Path,
        source: Language,
        target: Language,
        device: Device,
        compute_type: ComputeType,
    ) -> None:
        self._source, self._target = source, target
        self._framing = Framing(model, target, source)
        workers = usable_cores() if device == "cpu" else 1
        self._scorer = EngineScorer(EngineKey(model, device, compute_type, workers, 1))
        settings = CTranslate2(model=str(model), device=device, compute_type=compute_type)
        self._translator = settings.build(source.id, target.id)

    def costs(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One cost per (entity in the source language, candidate in the target's), same order.

        Texts beyond the model's positions cost infinitely much.
        """
        unique = list(dict.fromkeys(pairs))
        rows, known = [], []
        prefix = list(self._framing.codec.frame.prefix)
        for entity, candidate in unique:
            ((read, _),) = self._framing.codec.encode([candidate], limit=1 << 30)
            written = prefix + self._framing.cutter.cut(tokenise(entity)).tokens
            if max(len(read), len(written) + 1) <= self._framing.positions:
                rows.append((read, written, len(prefix)))
                known.append((entity, candidate))
        scores = dict(zip(known, self._scorer.score(rows), strict=True))
        return [-scores.get(pair, float("-inf")) for pair in pairs]

    def translations(self, entities: Sequence[str]) -> dict[str, str]:
        """Each entity translated by itself."""
        unique = list(dict.fromkeys(entities))
        found = self._translator.translate(unique, self._source.id, self._target.id)
        return {entity: one.text for entity, one in zip(unique, found, strict=True)}
