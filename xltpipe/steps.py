"""The steps of a run: for each stage what decides its result, and how to build it.

A step's key follows from the keys of its inputs, so a whole run can be planned without running.
Tasks make steps, `plan` only looks them up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xltpipe import carried, leak, progress, stages, tables
from xltpipe import leaks as leaking
from xltpipe.blocks import blocks
from xltpipe.datasets import SourceSpec
from xltpipe.durable import rows_of, write_table
from xltpipe.errors import DataError, RecipeError
from xltpipe.labels import label
from xltpipe.projection import Tags
from xltpipe.projection.tags import UNTAGGED
from xltpipe.projection.tools import Plain
from xltpipe.protocols import Sender, Translator
from xltpipe.recipe import Recipe
from xltpipe.rows import examples as examples_of
from xltpipe.settled import once
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.switching import switch
from xltpipe.tools import RunTools, Trained
from xltpipe.translation.caching import with_cache
from xltpipe.translation.counting import counted
from xltpipe.translation.models import model_digest
from xltpipe.types import Translation, Unit

READ = 4
SWITCH = 1
LEAKS = 4
LEAKING = "leaks.json"
PART = "part-00000.parquet"


def leaks(recipe: Recipe, roots: Sequence[Path] | None = None) -> Step:
    """Look for test rows that something in the recipe has seen before: once for the same data, and
    for the same text that its models learnt from, as far as that is here.

    `roots` are the folders that a confined run may read.
    """
    given = {
        "train": [recipe.train],
        "dev": [recipe.dev] if recipe.dev else [],
        "supervised": [s.data for s in recipe.supervised],
        "target_dev": [d.data for d in recipe.target_dev],
        "tests": [t.data for t in recipe.tests],
    }
    known = leaking.learners(recipe, roots)
    identity = {
        "data": {
            role: [[source.digest(recipe.root), source.identity()] for source in sources]
            for role, sources in given.items()
        },
        "tests": [[t.name, t.lang] for t in recipe.tests],
        "langs": [recipe.source, [s.lang for s in recipe.supervised]],
        "gold": leaking.learns_gold(recipe),
        "scored": set(recipe.strategies) != {"corpus"},
        "learnt": known.identity(),
        "oracle": recipe.oracle,
    }

    def build(home: Path) -> Counts:
        found = leaking.look(recipe, known)
        leak.write(found, home / LEAKING)
        counts = {f"leaks:{one.kind}": one.count or 0 for one in found.leaks}
        return {"rows": len(found.leaks), **counts}

    return Step("leaks", LEAKS, identity, (), build, 0, LEAKING)


def read(recipe: Recipe, source: SourceSpec, lang: str) -> Step:
    """Cut a source of data into shards of at most `shard_rows` examples, labels filtered."""
    referenced = recipe.task == "parallel"
    identity = {
        "source": source.digest(recipe.root),
        "settings": source.identity(),
        "lang": lang,
        "labels": list(recipe.labels) if recipe.labels is not None else None,
        "shard_rows": recipe.shard_rows,
        **({"verbatim": "last"} if referenced else {}),
    }

    def build(home: Path) -> Counts:
        reader = source.read(lang, recipe.root)
        rows = spans = left_out = links = 0
        for number, batch in enumerate(blocks(reader, recipe.shard_rows)):
            kept = [carried.of_labels(e, recipe.labels) for e in batch]
            kept = [carried.reference_kept(e) for e in kept] if referenced else kept
            links += sum(len(e.links) for e in batch) - sum(len(e.links) for e in kept)
            left_out += sum(len(e.spans) for e in batch) - sum(len(e.spans) for e in kept)
            spans += sum(len(e.spans) for e in kept)
            rows += len(batch)
            write_table(tables.examples_to_table(kept), home / f"part-{number:05d}.parquet")
            progress.tick("read", len(batch))
        if rows == 0:
            raise DataError(f"Source must hold at least one example, was: none in {source}")
        return {
            "rows": rows,
            "spans": spans,
            "spans_of_other_labels": left_out,
            **({"links_of_other_labels": links} if links else {}),
            "repairs": reader.repairs,
        }

    return Step("read", READ, identity, (), build, part="")


def parts(store: Store, shard: Shard) -> list[Shard]:
    """The shards of a `read` or corpus artefact, each known by its content."""
    manifest = store.manifest(shard)
    if manifest is None:
        raise DataError(f"Shard {shard.name} must have a manifest, was: none; run again")
    files = [f for f in manifest["files"] if f["name"].endswith(".parquet")]
    return [
        Shard(shard.stage, shard.key, _rows(store, shard, f), f["name"], f["sha256"]) for f in files
    ]


def _rows(store: Store, shard: Shard, file: Mapping[str, Any]) -> int:
    """The rows of a part, by its footer where the manifest is older than that."""
    return int(file["rows"]) if "rows" in file else rows_of(store.folder(shard) / file["name"])


def translate(recipe: Recipe, store: Store, shard: Shard, source: str, target: str) -> Step:
    """Translate one shard of examples; texts are prepared by the recipe's projector."""

    def settings() -> dict[str, object]:
        return {
            "translation": recipe.translation.identity(),
            "prepare": _preparation(recipe),
            "source": source,
            "target": target,
            "on_error": recipe.on_error,
        }

    def build(home: Path) -> Counts:
        translator = with_cache(recipe.translation, store.root).build(source, target)
        projector = sender(recipe, translator, source, target)
        examples = examples_of(store.read(shard), shard.stage, source)
        units = stages.translate(examples, translator, projector, target, recipe.on_error)
        _write(units, home)
        received = [t for u in units for t in u.received]
        return {
            "rows": len(units),
            "quarantined": sum(u.error is not None for u in units),
            "faults": sum(t.fault is not None for t in received),
            "truncated": sum(t.truncated for t in received),
            "truncated_on_the_way": sum(t.via is not None and t.via.truncated for t in received),
            **_by_engine(received),
            "tokens_in": sum(t.tokens_in for t in received),
            "tokens_out": sum(t.tokens_out for t in received),
            **counted([translator]),
        }

    identity = once(settings, "translate", recipe, source, target)
    return Step("translate", stages.TRANSLATE, identity, (shard.id,), build, shard.rows)


def _by_engine(received: Sequence[Translation]) -> Counts:
    """Of a chain: texts by the engine that gave them, and by why others were passed over."""
    given = Counter(f"engine:{t.engine}" for t in received if t.engine is not None)
    passed = Counter(f"passed_over:{_kind(why)}" for t in received for why in t.passed_over)
    return {name: number for found in (given, passed) for name, number in sorted(found.items())}


def _kind(reason: str) -> str:
    """`name: word`, without the particulars that may follow: `slow: fault: refused`."""
    name, _, rest = reason.partition(": ")
    return f"{name}: {rest.partition(':')[0]}"


def _preparation(recipe: Recipe) -> object:
    """What of the projector decides the text that is sent: nothing if it labels in place."""
    marking = recipe.projection.marking
    return None if marking is None else marking.identity()


def sender(recipe: Recipe, translator: Translator, source: str, target: str) -> Sender:
    """The projector as needed before translation; its markers must survive the tokeniser."""
    marking = recipe.projection.marking
    if marking is None:
        return Plain()
    if isinstance(marking, Tags) and not recipe.translation.native_tags():
        raise RecipeError(UNTAGGED)  # a recipe is checked when loaded, a contender only here
    projector = marking.sender(native_markers=recipe.translation.native_markers())
    seen = translator.round_trip(" ".join(projector.marks), source, target)
    lost = [m for m in projector.marks if m not in seen]
    if lost:
        raise RecipeError(
            f"Markers must survive the model's tokeniser, was: {', '.join(lost)} lost by "
            f"{recipe.translation.kind} model; choose another projection.style, or "
            'projection.kind = "aligned"'
        )
    return projector


def project(
    recipe: Recipe,
    store: Store,
    shard: Shard,
    trained: Sequence[Trained],
    pair: tuple[str, str],
) -> Step:
    """Carry the labels of one shard over, in place or out of the markers."""

    def wanted() -> list[Trained]:
        return [t for t in trained if t.named in recipe.projection.aligners()]

    def settings() -> dict[str, object]:
        return {
            "projection": recipe.projection.identity(),
            "aligners": [t.spec.identity() for t in used],
            **_engine(recipe),
            "source": pair[0],
            "target": pair[1],
            "masked": recipe.incomplete == "mask",
            "on_error": recipe.on_error,
        }

    def build(home: Path) -> Counts:
        tools = RunTools.of(recipe, store, used, pair)
        done, counts = label(recipe, store.read(shard), tools)
        write_table(done, home / PART)
        return counts

    used = once(wanted, "projection's aligners", recipe, trained)
    identity = once(settings, "project", recipe, trained, *pair)
    inputs = (shard.id, *(t.shard.id for t in used if t.shard))
    return Step("project", stages.PROJECT, identity, inputs, build, shard.rows)


def switched(
    recipe: Recipe, store: Store, shard: Shard, trained: Sequence[Trained], pair: tuple[str, str]
) -> Step:
    """Code-switch the kept rows of one judged shard, by the projector's first aligner."""
    used = [t for t in trained if t.named == recipe.projection.aligners()[0]]
    identity = {
        "share": recipe.switched,
        "seed": recipe.seed,
        "aligner": [t.spec.identity() for t in used],
        **_engine(recipe),
        "source": pair[0],
        "target": pair[1],
    }

    def build(home: Path) -> Counts:
        units = [u for u in tables.table_to_units(store.read(shard)) if u.kept]
        tools = RunTools.of(recipe, store, used, pair)
        aligner = tools.aligner(used[0].named)
        made = switch(units, aligner, recipe.switched, recipe.seed)
        write_table(tables.examples_to_table([one.example for one in made]), home / PART)
        progress.tick("switch", shard.rows)
        return {
            "rows": len(made),
            "words": sum(one.of for one in made),
            "words_switched": sum(one.words for one in made),
            **tools.counts,
        }

    inputs = (shard.id, *(t.shard.id for t in used if t.shard))
    return Step("switch", SWITCH, identity, inputs, build, shard.rows)


def _engine(recipe: Recipe) -> dict[str, object]:
    """What projectors and aligners may ask of the engine: given texts do not tell its model."""
    model = recipe.translation.aligning_model()
    return {
        "model": None if model is None else model_digest(model),
        "native_markers": recipe.translation.native_markers(),
    }


def _write(units: Sequence[Unit], home: Path) -> None:
    write_table(tables.units_to_table(units), home / PART)
