"""Pivot: translate through a third language, for pairs that no engine has (Utiyama et al., 2007).

English to Galician, say, by a model that knows English and Spanish and rules that know Spanish and
Galician.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BeforeValidator

from xltpipe import progress
from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.protocols import Translator
from xltpipe.spec import Spec
from xltpipe.translation.counting import Counts, counted
from xltpipe.translation.single import SingleTranslatorSpec
from xltpipe.types import Leg, Translation, one_each


def _canonical(code: object) -> str:
    """One spelling for one language and script: `en` and `eng_Latn` must not be two results."""
    try:
        language = resolve(str(code))
    except RecipeError as error:
        raise ValueError(str(error)) from error
    usual = resolve(language.id).script == language.script
    return language.id if usual else f"{language.id}_{language.script}"


class Pivot(Spec):
    """Settings. `first` translates into the language `through`, `second` out of it."""

    kind: Literal["pivot"] = "pivot"
    through: Annotated[str, BeforeValidator(_canonical)]
    first: SingleTranslatorSpec
    second: SingleTranslatorSpec

    def build(self, source: str, target: str) -> Translator:
        """A translator for this pair.

        Raises:
            RecipeError: `through` is a language of the pair, or a leg does not know its pair.
        """
        for code in (source, target):
            if _canonical_or_raise(code) == self.through:
                raise RecipeError(
                    f"Pivot must go through a third language, was: {self.through} between "
                    f"{source} and {target}; translate this pair directly, or through another"
                )
        return PivotTranslator(
            self.first.build(source, self.through), self.second.build(self.through, target), self
        )

    def check(self) -> None:
        self.first.check()
        self.second.check()

    def native_markers(self) -> bool:
        """A model of one of the legs was trained to carry letters; to others they are text."""
        return self.first.native_markers() or self.second.native_markers()

    def native_tags(self) -> bool:
        """Tags go on from the one leg to the other if both carry them."""
        return self.first.native_tags() and self.second.native_tags()

    def aligning_model(self) -> None:
        """No single model reads the source and writes the target."""


def _canonical_or_raise(code: str) -> str:
    resolve(code)  # an unknown code is told as by any other engine
    return _canonical(code)


class PivotTranslator:
    """Asks one engine, and the other with what came back.

    `score` is the mean log-probability per target token over the legs that give one, each weighed
    by its tokens; tokens are summed. A text that met a limit on either leg is truncated (`via`
    tells whether it was the first), and one that a leg could not translate has a fault that names
    the leg.
    """

    def __init__(self, first: Translator, second: Translator, spec: Pivot) -> None:
        self._first, self._second, self._through = first, second, spec.through

    @property
    def counts(self) -> Counts:
        """What both legs met on the way, together."""
        return counted((self._first, self._second))

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """One translation per text, same order; what the first leg gave is its `via`."""
        if not texts:
            return []
        progress.expect("translate", len(texts))  # each leg tells of its own
        between = self._first.translate(texts, source, self._through)
        one_each("First leg of a pivot", len(texts), between)
        whole = [place for place, one in enumerate(between) if one.fault is None]
        progress.tick("translate", len(texts) - len(whole))
        sent = [between[place].text for place in whole]
        done = self._second.translate(sent, self._through, target) if sent else []
        one_each("Second leg of a pivot", len(whole), done)
        joined = dict(zip(whole, done, strict=True))
        return [
            self._joined(one, joined[place], target)
            if place in joined
            else replace(one, fault=f"first_leg: {source}-{self._through}: {one.fault}")
            for place, one in enumerate(between)
        ]

    def _joined(self, first: Translation, second: Translation, target: str) -> Translation:
        fault = second.fault
        if fault is not None:
            fault = f"second_leg: {self._through}-{target}: {fault}"
        return Translation(
            text=second.text,
            score=_mean(first, second),
            tokens_in=first.tokens_in + second.tokens_in,
            tokens_out=first.tokens_out + second.tokens_out,
            truncated=first.truncated or second.truncated,
            fault=fault,
            via=Leg(
                self._through,
                first.text,
                first.score,
                first.tokens_in,
                first.tokens_out,
                first.truncated,
            ),
        )

    def round_trip(self, text: str, source: str, target: str) -> str:
        """What is left of the text when both engines' tokenisers have had it."""
        kept = self._first.round_trip(text, source, self._through)
        return self._second.round_trip(kept, self._through, target)


def _mean(first: Translation, second: Translation) -> float | None:
    told = [(leg.score, leg.tokens_out) for leg in (first, second) if leg.score is not None]
    tokens = sum(number for _, number in told)
    return sum(score * number for score, number in told) / tokens if tokens else None
