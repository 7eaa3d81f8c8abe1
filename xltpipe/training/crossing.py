"""Crossing: questions in one language on contexts in another, from parallel QA.

The data of generalised cross-lingual transfer (G-XLT; Lewis et al., 2020): examples with the same
id are one question and its context in several languages.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xltpipe.types import Example


@dataclass(frozen=True, slots=True)
class Crossed:
    """An example whose context, answers and `lang` are of one language, its question of another."""

    question_lang: str
    example: Example

    @property
    def crosses(self) -> bool:
        return self.question_lang != self.example.lang


def cross(examples: Sequence[Example], languages: int, seed: int) -> list[Crossed]:
    """Each context with the question in up to `languages` languages, drawn by the seed.

    Every language that has the id can be drawn, the context's own too; the order is that of the
    examples, then of the languages' codes. The same seed and examples give the same rows.
    """
    drawing = random.Random(seed)  # noqa: S311 - a sample, not a secret
    questions: dict[str, dict[str, str]] = {}
    for example in examples:
        questions.setdefault(example.id, {}).setdefault(example.lang, example.texts[0])
    rows: list[Crossed] = []
    for example in examples:
        asked = questions[example.id]
        known = sorted(asked)
        for lang in sorted(drawing.sample(known, min(languages, len(known)))):
            # of its own language an example keeps its own question, should the id be there twice
            question = example.texts[0] if lang == example.lang else asked[lang]
            texts = (question, *example.texts[1:])
            rows.append(Crossed(lang, replace(example, texts=texts)))
    return rows
