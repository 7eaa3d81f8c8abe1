"""Fallback: texts that one engine cannot do well go to the next, and the reason stays with them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from xltpipe import progress
from xltpipe.errors import MissingExtraError, RecipeError
from xltpipe.protocols import Translator
from xltpipe.spec import Spec
from xltpipe.translation.fallback_chain import FallbackTranslator, Link
from xltpipe.translation.pivot import Pivot
from xltpipe.translation.single import SingleTranslatorSpec

ChainedSpec = Annotated[SingleTranslatorSpec | Pivot, Field(discriminator="kind")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._#-]*$")]


class Fallback(Spec):
    """Settings. Every text goes to the first of `engines`; those that come back faulty, empty, in
    a loop, truncated, without their markers or below `min_score` go to the next.

    Scores of different models are not comparable, so `min_score` (a mean log-probability per
    token, 0 at best) is best chosen for the first; engines that give none pass it. If no answer is
    without such a reason, the one with the least grave is kept (`defects.GRAVITY`), of equals the
    earliest.

    `names` are how results name the engines, one each; without them an engine goes by its kind, or
    `kind#place` where the kind is there twice. Engines named in `optional` may be missing on this
    machine: results made without them have keys of their own. An engine that is away
    (TransientError, after its own retries) is passed over for the batch, told after the run and
    counted; under `when_away = "fail"` the run stops instead, and is taken up again later.
    """

    kind: Literal["fallback"] = "fallback"
    engines: Annotated[tuple[ChainedSpec, ...], Field(min_length=2)]
    names: tuple[Name, ...] = ()
    optional: tuple[str, ...] = ()
    min_score: float | None = Field(default=None, le=0)
    when_away: Literal["next", "fail"] = "next"

    @model_validator(mode="after")
    def _named(self) -> Fallback:
        if self.names and len(set(self.names)) != len(self.engines):
            raise ValueError(
                f"names must be one for each of the {len(self.engines)} engines, all different, "
                f"was: {', '.join(self.names)}"
            )
        strange = [name for name in self.optional if name not in self.called]
        if strange:
            raise ValueError(
                f"optional must be names of engines ({', '.join(self.called)}), was: "
                f"{', '.join(strange)}"
            )
        if len(set(self.optional)) == len(self.engines):
            raise ValueError("optional must leave one engine that has to be there, was: all")
        return self

    @property
    def called(self) -> tuple[str, ...]:
        """The engines' names, one each."""
        kinds = Counter(engine.kind for engine in self.engines)
        return self.names or tuple(
            engine.kind if kinds[engine.kind] == 1 else f"{engine.kind}#{place}"
            for place, engine in enumerate(self.engines, start=1)
        )

    def build(self, source: str, target: str) -> Translator:
        """A translator for this pair; an optional engine that cannot be had is left out, and told.

        Raises:
            RecipeError, MissingExtraError: as building an engine that is not optional does.
        """
        links = []
        for name, engine in zip(self.called, self.engines, strict=True):
            try:
                engine.check()
                links.append(Link(name, engine.build(source, target), name in self.optional))
            except (RecipeError, MissingExtraError) as error:
                if name not in self.optional:
                    raise
                progress.note(f"engine {name} is not in the chain {source}→{target}: {error}")
        return FallbackTranslator(links, self.min_score, pass_away=self.when_away == "next")

    def check(self) -> None:
        for name, engine in zip(self.called, self.engines, strict=True):
            if name not in self.optional:
                engine.check()

    def identity(self) -> dict[str, Any]:
        """As of any settings, but engines that are not there do not decide the result."""
        missing = {name for name in self.optional if not self._there(name)}
        links = zip(self.called, self.engines, strict=True)
        here = [(name, engine) for name, engine in links if name not in missing]
        whole = self.model_copy(
            update={"engines": tuple(e for _, e in here), "names": tuple(n for n, _ in here)}
        )
        return Spec.identity(whole) | ({"missing!": ", ".join(sorted(missing))} if missing else {})

    def _there(self, name: str) -> bool:
        engine = self.engines[self.called.index(name)]
        try:
            engine.check()
            engine.identity()  # reads its model's files
        except (RecipeError, MissingExtraError):
            return False
        return True

    def native_markers(self) -> bool:
        """As the first engine, which gets every text: the others get what suits it."""
        return self._first().native_markers()

    def aligning_model(self) -> Path | None:
        """The first engine's that has one: it aligns any two texts, whoever translated them."""
        found = (self.engines[self.called.index(name)].aligning_model() for name in self._present())
        return next((model for model in found if model is not None), None)

    def _first(self) -> ChainedSpec:
        return self.engines[self.called.index(self._present()[0])]

    def _present(self) -> list[str]:
        return [n for n in self.called if n not in self.optional or self._there(n)]
