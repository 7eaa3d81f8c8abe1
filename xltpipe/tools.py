"""Tools of a run: the aligners that its projector asked for, trained once and shared by shards."""

from __future__ import annotations

import copy
import json
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from xltpipe import origins, progress, tables
from xltpipe.alignment import AlignerSpec, Auto
from xltpipe.errors import RecipeError
from xltpipe.projection.aligned import words
from xltpipe.projection.passages import cut
from xltpipe.protocols import Aligner, Pair
from xltpipe.recipe import Recipe
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.types import Alignment, one_each

ALIGN = 3

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Trained:
    """An aligner of a run: as the recipe names it, as chosen for the run, and its artefact.

    `shard` is None for aligners that are not trained; `why` tells how the choice was made. `kept`
    of one from an earlier revision of the data: rows it was trained on, rows of the run it was not.
    """

    named: AlignerSpec
    spec: AlignerSpec
    why: str
    shard: Shard | None = None
    kept: tuple[int, int] | None = None

    @property
    def told(self) -> str:
        """For people: why it was chosen, and what it was trained on if not on the run's rows."""
        if self.kept is None:
            return self.why
        trained, new = self.kept
        return f"{self.why}; trained on {trained} rows of an earlier revision, {new} rows are new"


def aligners(recipe: Recipe, rows: int, target: str, *, scored: bool = False) -> list[Trained]:
    """The aligners that a run of this many rows uses, each once; none if it needs none.

    With `scored` also those of the scorers, which look at the corpus and not at test data.
    """
    engine = recipe.translation  # one trained with markers was trained with guided alignment too
    guided = engine.native_markers() and engine.aligning_model() is not None
    out = []
    checking = recipe.quality.aligners() if scored else ()
    for named in dict.fromkeys((*recipe.projection.aligners(), *checking)):
        if isinstance(named, Auto):
            out.append(Trained(named, *named.resolve(rows, guided, recipe.source, target)))
        else:
            out.append(Trained(named, named, f"{named.kind}: named by the recipe"))
    return out


def align(
    store: Store, spec: AlignerSpec, units: Sequence[Shard], pair: tuple[str, str], reuse: float = 1
) -> Step:
    """Train an aligner on all pairs of the run; shards share it as an artefact.

    One that was trained on at least the share `reuse` of these rows, in an earlier revision of the
    data, is taken over instead: what was projected with it need not be projected again.
    """
    identity = {
        "aligner": spec.identity(),
        "source": pair[0],
        "target": pair[1],
        **({"reuse": reuse} if reuse < 1 else {}),
    }

    def build(home: Path) -> Counts:
        model = home / "aligner"
        found = origins.find(store, step, units, reuse)
        if found is None:
            progress.expect("align", sum(s.rows for s in units))
            spec.train(_pairs(store, units), model)
            found = origins.own(step, units)
        else:
            shutil.copytree(store.path(found.shard), model)
        return {**recorded(model / "settings.json", "notes"), **origins.write(found, units, home)}

    inputs = tuple(s.id for s in units)
    step = Step("align", ALIGN, identity, inputs, build, part="aligner")
    return step


def aligned(needed: Trained, store: Store, made: Shard) -> Trained:
    """The aligner with its artefact, known to later steps by the training that it comes from."""
    origin = origins.read(store, made)
    counts = (store.manifest(made) or {}).get("counts", {})
    kept = (origin.rows, int(counts["rows_not_trained_on"]))
    same = kept == (made.rows, 0)
    shard = replace(made, content=origin.key)
    return replace(needed, shard=shard, kept=None if same else kept)


def signed(trained: Sequence[Trained]) -> dict[str, str]:
    """What a score's signature must tell of aligners that were kept; nothing of the others."""
    kept = [one.kept for one in trained if one.kept is not None]
    if not kept:
        return {}
    rows, new = zip(*kept, strict=True)
    return {"aligner_rows": "+".join(map(str, rows)), "aligner_new_rows": "+".join(map(str, new))}


def recorded(file: Path, key: str | None = None) -> Counts:
    """The counts that a trainer left in a JSON file of its model; none if it keeps none."""
    if not file.is_file():
        return {}
    content = json.loads(file.read_text(encoding="utf-8"))
    found = content.get(key, {}) if key else content
    return {k: v for k, v in found.items() if isinstance(v, int | float)}


def _pairs(store: Store, shards: Sequence[Shard]) -> Iterator[Pair]:
    for shard in shards:
        units = tables.table_to_units(store.read(shard))
        for unit in units:
            if unit.error is None:
                for text in range(len(unit.source.texts)):
                    if text in unit.source.verbatim:  # no translation
                        continue
                    yield from cut(words(unit.source, text), words(unit.target, text))
        progress.tick("align", len(units))


@dataclass
class RunTools:
    """What a projector gets from a run; `counts` tells what its aligners met in this shard,
    and `seconds` how long they took.
    """

    source: str
    target: str
    native_markers: bool
    model: Path | None
    homes: dict[AlignerSpec, tuple[AlignerSpec, Path | None]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    native_tags: bool = False

    @classmethod
    def of(
        cls, recipe: Recipe, store: Store, trained: Sequence[Trained], pair: tuple[str, str]
    ) -> RunTools:
        engine = recipe.translation
        homes = {t.named: (t.spec, store.path(t.shard) if t.shard else None) for t in trained}
        return cls(
            *pair,
            engine.native_markers(),
            engine.aligning_model(),
            homes,
            native_tags=engine.native_tags(),
        )

    def aligner(self, spec: AlignerSpec) -> Aligner:
        """The trained aligner, loaded once per process, however many shards are under way."""
        if spec not in self.homes:
            raise RecipeError(f"Aligner {spec.kind} must be trained before it is used, was: not")
        chosen, home = self.homes[spec]
        with _lock:
            loaded = _load(chosen, home, self.source, self.target, self.model)
        # a copy of its own counters, so that shards beside each other do not count for each other
        return _Watched(copy.copy(loaded), self.counts, self.seconds)


class _Watched:
    """Counts pairs without a link though both sides have words, pairs that were too long or read
    in windows, and the time it took.
    """

    def __init__(
        self, aligner: Aligner, counts: dict[str, int], seconds: dict[str, float] | None = None
    ) -> None:
        self._aligner, self._counts = aligner, counts
        self._seen = dict.fromkeys(("skipped", "windowed"), 0)
        self._seconds = {} if seconds is None else seconds

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        started = time.perf_counter()
        found = self._aligner.align(pairs)
        took = time.perf_counter() - started
        self._seconds["align"] = self._seconds.get("align", 0.0) + took
        one_each("Aligner", len(pairs), found)
        bare = sum(
            bool(len(source) and len(target) and not alignment.links)
            for (source, target), alignment in zip(pairs, found, strict=True)
        )
        self._add("without_links", bare)
        for name, seen in self._seen.items():
            now = getattr(self._aligner, name, 0)
            self._add(name, now - seen)
            self._seen[name] = now
        return found

    def _add(self, name: str, number: int) -> None:
        self._counts[f"pairs_{name}"] = self._counts.get(f"pairs_{name}", 0) + number


@lru_cache(maxsize=4)
def _load(
    spec: AlignerSpec, home: Path | None, source: str, target: str, model: Path | None
) -> Aligner:
    return spec.build(home, source, target, model)
