"""Methods: which projectors are compared, and one of them at work on all shards."""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe import progress, steps, tables, tools
from xltpipe.alignment import HMM, AlignerSpec, Attention, FastAlign
from xltpipe.comparison.findings import Finding, Seconds, settings_of
from xltpipe.comparison.pairs import shelved
from xltpipe.errors import MissingExtraError
from xltpipe.projection import Aligned, Markers, ProjectorSpec, Tags
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Contender
from xltpipe.store import Shard, Store
from xltpipe.tools import Trained


def contenders(recipe: Recipe, *, given: bool) -> list[Contender]:
    """The methods that the recipe names, else its own and others that suit its engine.

    `given`: the target texts come from the data, so none that writes its own is proposed.
    """
    if recipe.compare is not None and recipe.compare.projections:
        return list(recipe.compare.projections)
    proposed: list[tuple[str, ProjectorSpec]] = [("recipe", recipe.projection)]
    proposed += [(spec.kind, Aligned(aligner=spec)) for spec in _aligners(recipe)]
    if recipe.translation.native_markers() and not given:
        proposed.append(("markers", Markers()))
    if recipe.translation.native_tags() and not given:
        proposed.append(("tags", Tags()))
    distinct: dict[str, Contender] = {}
    for name, spec in proposed:
        distinct.setdefault(settings_of(spec.identity()), Contender(name=name, projection=spec))
    return list(distinct.values())


def _aligners(recipe: Recipe) -> list[AlignerSpec]:
    """Those that can be had here; one that is not installed is left out, which is said."""
    found: list[AlignerSpec] = [HMM()]
    if recipe.translation.aligning_model() is not None:
        found.append(Attention())
    try:
        FastAlign().check()
        found.append(FastAlign())
    except MissingExtraError as error:
        progress.note(f"fast_align is not compared: {error}")
    return found


def with_projector(recipe: Recipe, method: Contender) -> Recipe:
    """The recipe with another projector."""
    return recipe.model_copy(update={"projection": method.projection})


def label(
    recipe: Recipe, store: Store, method: Contender, shards: Sequence[Shard], pair: tuple[str, str]
) -> Finding:
    """Train what the method needs, project all shards, and collect what came of it.

    Raises:
        RecipeError, DataError, MissingExtraError: as the method's components do.
    """
    spec = recipe.projection
    spec.check()
    trained = _trained(recipe, store, shards, pair)
    made = [shelved(store, steps.project(recipe, store, s, trained, pair)) for s in shards]
    identity = [spec.identity(), [t.spec.identity() for t in trained]]
    return Finding(
        method.name,
        spec.kind,
        settings_of(identity),
        aligner="+".join(t.spec.kind for t in trained) or "none",
        units=tuple(u for shard in made for u in tables.table_to_units(store.read(shard))),
        seconds=_seconds(store, made, trained),
    )


def _trained(
    recipe: Recipe, store: Store, shards: Sequence[Shard], pair: tuple[str, str]
) -> list[Trained]:
    out = []
    for needed in tools.aligners(recipe, sum(s.rows for s in shards), pair[1]):
        needed.spec.check()
        if needed.spec.trained:
            # on these rows, whatever was trained before: methods are compared
            made, _ = store.make(tools.align(store, needed.spec, shards, pair))
            out.append(tools.aligned(needed, store, made))
        else:
            out.append(needed)
    return out


def _seconds(store: Store, made: Sequence[Shard], trained: Sequence[Trained]) -> Seconds:
    """The times in the manifests: of making the artefacts, also where that was in another run."""
    counts = [(store.manifest(shard) or {}).get("counts", {}) for shard in made]
    learnt = [(store.manifest(t.shard) or {})["seconds"] for t in trained if t.shard]
    known = all("project_seconds" in c for c in counts)
    align = sum(c.get("align_seconds", 0.0) for c in counts)
    project = sum(c.get("project_seconds", 0.0) for c in counts) - align
    return Seconds(max(project, 0.0) if known else None, align if known else None, sum(learnt))
