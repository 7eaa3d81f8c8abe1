"""Strategies: how a model for a language is come by, and what each learns from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Strategy = Literal[
    "corpus",
    "translate_train",
    "translate_train_source",
    "translate_train_all",
    "code_switched",
    "control",
    "translate_test",
    "round_trip",
    "ensemble",
    "fused",
    "zero_shot",
    "few_shot",
    "supervised",
    "sequential",
]
Part = Literal["translated", "every_translated", "source", "kept_source", "switched", "gold", "few"]
"""`translated`: the corpus in the target language; `every_translated`: those of all targets.
`source`: the source's training data as they are; `kept_source`: of them, the rows that the corpus
kept. `switched`: kept rows with some words translated. `gold`: training data of the target
language; `few`: the first `gold_rows` of them.
"""

LEARNT: Mapping[Strategy, tuple[Part, ...]] = MappingProxyType(
    {
        "translate_train": ("translated",),
        "translate_train_source": ("translated", "source"),
        "translate_train_all": ("every_translated", "source"),
        "code_switched": ("switched",),
        "control": ("kept_source",),
        "zero_shot": ("source",),
        "few_shot": ("few",),
        "supervised": ("gold",),
    }
)
"""What a model learns from that is used on the target language as it is. The others: `corpus`
learns nothing; `translate_test` and `round_trip` learn the source language and translate the test;
`ensemble` puts the predictions of `translate_train` and `translate_test` together; `fused` learns
both sides of the corpus together, and reads the test beside its translation (Fang et al., 2021);
`sequential` learns one language after another and is tested on all of them after each (Niyongabo
et al., 2020).

`control` (Liu et al., 2023, who found untranslated English to beat translated): as many rows as
`translate_train` has, and the same, in the source language. What it scores is not due to
translation. `translate_train_all` is one model for all targets (Conneau et al., 2020).
`code_switched` follows Qin et al. (2020), with the run's own word alignments for a dictionary.
`round_trip` learns the source language as engines write it, which is how they will write the test
(Artetxe et al., 2020).
"""

LABELLING = frozenset(
    {
        "corpus",
        "translate_train",
        "translate_train_source",
        "translate_train_all",
        "code_switched",
        "control",
        "round_trip",
        "ensemble",
        "fused",
        "sequential",
    }
)
"""Strategies that translate and label the training data; of `sequential`, unless it learns gold."""

TESTING = frozenset({"translate_test", "round_trip", "ensemble", "fused"})
"""Strategies that translate the test data into the source language."""

OF_EVERY = frozenset({"translate_train_all", "sequential"})
"""Strategies whose model is one for all of the recipe's targets."""

TRANSLATED_DEV = frozenset(
    {"translate_train", "translate_train_source", "translate_train_all", "fused"}
)
"""Strategies that are judged while they train on development data labelled by projection; the
others, but `supervised` and `few_shot`, on those of the source language as they are.
"""

LABELS_NEEDED = frozenset({"code_switched", "ensemble", "fused"})
"""Strategies for tasks with labels: a written text that is half switched teaches a mixture, and two
of them cannot be put together.
"""


def learnt(strategy: Strategy, gold_rows: int | None) -> tuple[Part, ...]:
    """The parts of the training data; a few rows of gold are added to all but `supervised`."""
    parts = LEARNT[strategy]
    few = gold_rows is not None and not {"gold", "few"} & set(parts)
    return (*parts, "few") if few else parts
