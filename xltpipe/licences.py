"""Licences: whose work went into a run, under which terms, and what follows for its corpus.

A licence is what the recipe says (`licence`), else what the card beside the data or model says
(the `license` of its YAML header). One that nobody states is "not stated", never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import xltpipe
from xltpipe.alignment import AlignerSpec, Auto
from xltpipe.datasets import Hub, SourceSpec
from xltpipe.datasets.files import FileSource
from xltpipe.errors import XltError
from xltpipe.front_matter import licence_in
from xltpipe.quality.estimation import LICENCES as QE_LICENCES
from xltpipe.recipe import Recipe
from xltpipe.spec import Spec
from xltpipe.terms import NOT_STATED, Terms, terms
from xltpipe.translation import Apertium, Fallback, Pivot
from xltpipe.translation.apertium_modes import licences as data_licences
from xltpipe.translation.models import find_model

_HERE = Path(xltpipe.__file__).resolve().parent
_PACKAGED = (_HERE / "_models", _HERE.parent / "data" / "models")
DATA = frozenset({"training data", "development data"})
ENGINE = "translation model"


@dataclass(frozen=True, slots=True)
class Licence:
    """Somebody's work in a run: the part it plays, its name, its licence ("not stated" if unknown)
    and where that is known from (recipe, dataset card, model card; package: xltpipe ships the
    model or knows it; "" if unknown).
    """

    role: str
    name: str
    licence: str
    origin: str = ""

    @property
    def stated(self) -> bool:
        return self.licence != NOT_STATED

    @property
    def reaches(self) -> bool:
        """The corpus holds it (data) or its output (the engine); of others only labels' places."""
        return self.role in DATA or self.role == ENGINE

    @property
    def terms(self) -> Terms:
        return terms(self.licence)


def licences(recipe: Recipe) -> list[Licence]:
    """Everything named by the recipe that somebody made, each part once, what is published first.

    Reads cards, never the network; a file that is not here leaves its licence not stated.
    """
    found = [*_sources(recipe), *_components(recipe)]
    return list(dict.fromkeys(found))


def _sources(recipe: Recipe) -> Iterator[Licence]:
    yield _source(recipe, "training data", recipe.train)
    if recipe.dev is not None:
        yield _source(recipe, "development data", recipe.dev)
    engine = list(_named("translation", recipe.translation, recipe))
    yield from engine
    for test in recipe.tests:
        yield _source(recipe, "test data", test.data)
    for gold in recipe.supervised:
        yield _source(recipe, "gold training data", gold.data)


def _source(recipe: Recipe, role: str, source: SourceSpec) -> Licence:
    card: Path | None = None
    if isinstance(source, FileSource):
        name, card = Path(source.path).name, (recipe.root / source.path).parent
    elif isinstance(source, Hub):
        name, card = source.title, source.card(recipe.root)
    return _licence(role, name, source.licence, card, "dataset card")


def _components(recipe: Recipe) -> Iterator[Licence]:
    """All other settings that name a model, at any depth: projection, quality, training."""
    for field in type(recipe).model_fields:
        value = getattr(recipe, field)
        if isinstance(value, Spec) and field not in {"train", "dev", "translation", "compare"}:
            yield from _named(field, value, recipe)


_ROLES = {
    ("translation", "model"): ENGINE,
    ("training", "model"): "pretrained model",
    ("aligner", "prior"): "aligner prior",
    ("aligner", "extra"): "aligner bitext",
    ("aligner", "model"): "encoder",
    ("projection", "generator"): "candidate generator",
    ("estimation", "model"): "QE model",
    ("embedding", "model"): "encoder",
    ("llm", "model"): "LLM judge",
    ("languages", "model"): "language identifier",
    ("round_trip", "model"): "reverse translation model",
}
_MEASURING = {"test data", "gold training data", "pretrained model"}
"""What trains and scores taggers leaves no trace in the corpus."""
_NAMING = {"model", "prior", "generator", "extra"}
_ALIGNERS = get_args(get_args(AlignerSpec)[0])
_MANY = 1 << 30  # pairs: as if there were enough to train on


def _named(section: str, spec: Spec, recipe: Recipe) -> Iterator[Licence]:
    """What these settings and those inside them name, each with its role."""
    if isinstance(spec, Auto):  # takes a stored prior where one is of the run's languages
        for target in recipe.targets:
            chosen, _ = spec.resolve(_MANY, True, recipe.source, target)
            yield from _named("aligner", chosen, recipe)
        return
    if isinstance(spec, Apertium):
        yield from _dictionaries(spec, recipe)
        return
    section = "aligner" if isinstance(spec, _ALIGNERS) else section
    for field in type(spec).model_fields:
        value = getattr(spec, field)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Spec):
                yield from _named(field if section == "quality" else section, one, recipe)
            elif field in _NAMING and one is not None:
                role = _ROLES.get((section, field), f"{section} {field}")
                yield _model(role, str(one), spec)


def _dictionaries(spec: Apertium, recipe: Recipe) -> Iterator[Licence]:
    """The data of the pairs that a run may go by, which Apertium's packages name."""
    engine = recipe.translation
    legs = engine.engines if isinstance(engine, Fallback) else (engine,)
    between = [leg.through for leg in legs if isinstance(leg, Pivot)]
    for source in (recipe.source, *between):
        for target in (*recipe.targets, *between):
            with suppress(XltError):  # a pair that is not there is told elsewhere
                for name, id in data_licences(spec.mode(source, target)).items():
                    told = ("recipe" if spec.licence else "package", spec.licence or id)
                    if told[1]:
                        yield Licence(ENGINE, name, terms(told[1]).name, told[0])
                    else:
                        yield Licence(ENGINE, name, NOT_STATED)


def _model(role: str, given: str, spec: Spec) -> Licence:
    """A model by its name on a server or the hub, or by its folder (a bitext by its file)."""
    said = getattr(spec, "licence", None)
    path = Path(given).expanduser()
    if given == "embedded" or not path.exists():
        with suppress(XltError):  # not one that ships: then its card is not there, either
            path = find_model(given)
    if hasattr(spec, "url") or not path.exists():
        far = hasattr(spec, "url") or (not path.is_absolute() and given.count("/") <= 1)
        return _licence(role, given if far else path.name, said, None, "")
    ours = any(path.resolve().is_relative_to(place) for place in _PACKAGED)
    folder = path if path.is_dir() else path.parent
    return _licence(role, path.name, said, folder, "package" if ours else "model card")


def _licence(role: str, name: str, said: str | None, folder: Path | None, origin: str) -> Licence:
    if said is not None and _stated(said):
        return Licence(role, name, terms(said).name, "recipe")
    found = licence_in(folder) if folder is not None else None
    if found is not None and _stated(found[0]):
        return Licence(role, name, terms(found[0]).name, origin)
    if name in QE_LICENCES:
        return Licence(role, name, terms(QE_LICENCES[name]).name, "package")
    return Licence(role, name, NOT_STATED)


def _stated(text: str) -> bool:
    return text.strip().lower() not in {"", "unknown", NOT_STATED}


def consequences(listed: Sequence[Licence]) -> list[str]:
    """What follows for whoever uses or publishes the corpus, one plain sentence each."""
    out = [line for one in listed for line in (_held(one) if one.reaches else _helped(one))]
    shared = {o.licence for o in listed if o.role in DATA and o.terms.sharealike}
    if len(shared) > 1:
        out.append(f"{' and '.join(sorted(shared))} each ask for themselves: both cannot be met")
    return list(dict.fromkeys(out))


def _held(one: Licence) -> Iterator[str]:
    """Of what the corpus holds, or of the engine that wrote it."""
    if not one.stated:
        yield f"the licence of the {one.role} {one.name} is not stated: find it before you publish"
    asked = one.terms
    what = "made with a model" if one.role == ENGINE else "holds data"
    under = f"{what} under {one.licence} ({one.name})"
    if asked.closed:
        yield f"{under}: must not be passed on"
    if asked.noderivatives:
        yield f"{under}: no changed versions may be passed on, and a translation is one"
    if asked.noncommercial:
        yield f"{under}: not for commercial use"
    if asked.sharealike and one.role in DATA:
        yield f"{under}: what is made from it must be passed on under the same licence"
    if asked.attribution and one.role in DATA:
        yield f"{under}: name its authors"


def _helped(one: Licence) -> Iterator[str]:
    """Of what only placed labels or chose rows."""
    if one.role not in _MEASURING and one.terms.noncommercial:
        work = f"{one.role} under {one.licence} ({one.name})"
        yield f"made with the help of a work not for commercial use: {work}"


def forbidding(listed: Sequence[Licence]) -> list[Licence]:
    """Those that stand against passing the corpus on: they forbid it, or nobody knows."""
    return [
        one
        for one in listed
        if one.reaches and (not one.stated or one.terms.closed or one.terms.noderivatives)
    ]


def hub_ids(listed: Sequence[Licence]) -> tuple[list[str], str | None]:
    """The ids for a card's header, and a name where an id is "other".

    Those of the data, and of an engine that limits what its output may be used for; one that is
    not stated makes all unknown.
    """
    ours = [o for o in listed if o.role in DATA]
    if not all(o.stated for o in ours):
        return ["unknown"], None
    ours += [o for o in listed if o.role == ENGINE and (o.terms.noncommercial or o.terms.closed)]
    ids = list(dict.fromkeys(i for o in ours for i in o.terms.ids))
    named = next((o.licence for o in ours if "other" in o.terms.ids), None)
    return ids, named
