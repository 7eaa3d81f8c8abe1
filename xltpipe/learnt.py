"""Learnt: which texts the models of a recipe were trained on, as far as their records tell.

A model that was trained here has a card with the name and SHA-256 of each file of pairs; the file
itself is found by the trainings (`*.toml`) that lie beside the recipe or the model. Cards of other
models may name data sets (`learnt_from` in the header).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xltpipe import front_matter
from xltpipe.confinement import confine
from xltpipe.datasets.files import digest_of
from xltpipe.errors import RecipeError, XltError
from xltpipe.mt.pairs import held_out, key, lines, rows
from xltpipe.mt.recipe import Training, load
from xltpipe.mt.settings import Pairs
from xltpipe.recipe import Recipe
from xltpipe.spec import Spec
from xltpipe.translation.models import find_model

_PLACE = re.compile(r"(?:pairs|dev|held_out)\.\d+")
_RECORD = re.compile(r"^## Recipe\n+```json\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bitext:
    """A file of sentence pairs that something was trained on, and who was."""

    learner: str
    path: Path
    pairs: Pairs | None = None
    """Which columns were learnt, of a translation model's file."""
    training: Training | None = None
    """Says which sentences were not learnt, though they may stand in `path`."""
    digests: tuple[str, ...] = ()
    """SHA-256 of the files that decide its texts: `path`, and those of held-out sentences."""

    def identity(self) -> dict[str, object]:
        """What decides its texts, and how a leak names it."""
        pairs = self.pairs
        return {
            "learner": self.learner,
            "file": self.path.name,
            "digests": list(self.digests),
            "columns": None if pairs is None else [*pairs.columns, pairs.skip_lines],
        }

    def texts(self) -> Iterator[str]:
        """All texts that were learnt from it, both sides.

        Raises:
            DataError, RecipeError: the file cannot be read.
        """
        if self.pairs is None or self.training is None:
            for fields in rows(self.path):
                yield from fields[:2]
            return
        kept_back = held_out(self.training)
        for pair in lines(self.pairs, self.training.root):
            if kept_back.isdisjoint(map(key, pair)):
                yield from pair


@dataclass(frozen=True, slots=True)
class Model:
    """A translation model of a recipe, and what is known of its training.

    `missing` are the files that it learnt from and that are not here; `named` are data sets that
    its card names.
    """

    name: str
    bitexts: tuple[Bitext, ...] = ()
    missing: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    def identity(self) -> dict[str, object]:
        """What decides the leaks that are seen in it: what is missing may be here next time."""
        return {
            "model": self.name,
            "bitexts": [bitext.identity() for bitext in self.bitexts],
            "missing": list(self.missing),
            "named": list(self.named),
        }


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the models of a recipe were trained on; `bitexts` are those of aligners."""

    models: tuple[Model, ...] = ()
    bitexts: tuple[Bitext, ...] = ()

    def identity(self) -> dict[str, object]:
        """What decides the leaks that are seen in it."""
        return {
            "models": [model.identity() for model in self.models],
            "bitexts": [bitext.identity() for bitext in self.bitexts],
        }


def of(recipe: Recipe, roots: Sequence[Path] | None = None) -> Learnt:
    """What translation models and aligners of a recipe were trained on; see `models` for `roots`.

    Raises:
        RecipeError: a file of an aligner cannot be read.
    """
    return Learnt(tuple(models(recipe, roots)), tuple(aligner_bitexts(recipe)))


def aligner_bitexts(recipe: Recipe) -> list[Bitext]:
    """What aligners learn besides the run's own text (`extra`), each file once.

    Those that the recipe compares with others are no part of its run: their own recipes have them.

    Raises:
        RecipeError: a file cannot be read.
    """
    run = recipe.model_copy(update={"compare": None, "matrix": None})
    paths = [recipe.root / path for spec in _specs(run) for path in getattr(spec, "extra", ())]
    return [
        Bitext("the aligner's extra text", path, digests=(_digest(path),))
        for path in dict.fromkeys(path.absolute() for path in paths)
    ]


def _digest(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError as error:
        raise RecipeError(f"File of an aligner must be readable, was: {error}") from error


def models(recipe: Recipe, roots: Sequence[Path] | None = None) -> list[Model]:
    """The translation models that are folders here, each once.

    `roots` are the folders that may be read, where the recipe is confined: a training beside it
    names files, too.
    """
    homes: dict[Path, None] = {}
    for spec in (recipe.translation, *_specs(recipe.translation)):
        name = getattr(spec, "model", None)
        if isinstance(name, str):
            with suppress(XltError):  # a name on a server; one that is missing is told elsewhere
                homes[find_model(name)] = None
    return [_model(home, recipe, roots) for home in homes]


def _specs(spec: Spec) -> Iterator[Spec]:
    """All settings within settings, at any depth."""
    for field in type(spec).model_fields:
        value = getattr(spec, field)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Spec):
                yield one
                yield from _specs(one)


def _model(home: Path, recipe: Recipe, roots: Sequence[Path] | None) -> Model:
    card = _card(home)
    named = front_matter.read(card).get("learnt_from")
    names = tuple(map(str, named)) if isinstance(named, list) else ()
    recorded = _recorded(card)
    digests = {place: digest for place, digest in recorded.items() if place.startswith("pairs.")}
    found: dict[str, Bitext] = {}
    trainings = _trainings({recipe.root, home, home.parent}, roots) if digests else ()
    for training, here in _by_likeness(trainings, recorded):
        own, unlearnt = _as_recorded(training, here, recorded)
        for place, file in enumerate(training.pairs):
            digest = here.get(f"pairs.{place}")
            if digest is not None and digest in digests.values():
                path = (training.root / file.path).absolute()
                learner = f"the translation model {home.name}"
                found[digest] = Bitext(learner, path, file, own, (digest, *unlearnt))
    missing = [name for name, digest in digests.items() if digest not in found]
    return Model(home.name, tuple(found.values()), tuple(missing), names)


def _by_likeness(
    trainings: Iterable[Training], recorded: Mapping[str, str]
) -> list[tuple[Training, dict[str, str]]]:
    """Trainings with the digests of their files; the one most like the model's own is last."""
    known = set(recorded.values())
    every = [(training, _fingerprint(training)) for training in trainings]
    return sorted(every, key=lambda one: len(known.intersection(one[1].values())))


def _as_recorded(
    training: Training, here: Mapping[str, str], recorded: Mapping[str, str]
) -> tuple[Training, list[str]]:
    """The training with such held-out text as the model's own had, and the digests of that.

    What was named only later, or in another training, the model has learnt all the same.
    """
    known = set(recorded.values())
    kept = {
        name: tuple(
            one for n, one in enumerate(getattr(training, name)) if here.get(f"{name}.{n}") in known
        )
        for name in ("dev", "held_out")
    }
    places = [name for name in here if name.startswith(("dev.", "held_out."))]
    return training.model_copy(update=kept), sorted(known & {here[place] for place in places})


def _card(home: Path) -> str:
    for name in front_matter.CARDS:
        with suppress(OSError, UnicodeDecodeError):
            return (home / name).read_text("utf-8")
    return ""


def _recorded(card: str) -> dict[str, str]:
    """SHA-256 of each file that a training read, by its place, such as `pairs.0`."""
    record = _RECORD.search(card)
    with suppress(ValueError):
        settings = json.loads(record[1]) if record else {}
        if isinstance(settings, dict):
            told = {name.removesuffix("!"): str(value) for name, value in settings.items()}
            return {n: v for n, v in told.items() if _PLACE.fullmatch(n)}
    return {}


def _trainings(folders: set[Path], roots: Sequence[Path] | None) -> Iterator[Training]:
    """The recipes of translation models that lie in these folders and keep to the roots."""
    for path in sorted({path for folder in folders for path in folder.glob("*.toml")}):
        with suppress(OSError, ValueError, RecursionError, XltError):  # somebody else's file
            if "pairs" in tomllib.loads(path.read_text("utf-8")):
                training = load(path)
                if roots is not None:
                    confine(training, roots)
                yield training


def _fingerprint(training: Training) -> dict[str, str]:
    try:
        return training.fingerprint()
    except XltError:  # a file of it is not here
        return {}
