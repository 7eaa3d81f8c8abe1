"""Counts: what steps repaired, left out or cut, and how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xltpipe.reporting.artefacts import Artefact

COUNTED = {
    "repairs": "invalid tags repaired when reading",
    "spans_of_other_labels": "spans left out because of their label",
    "faults": "texts that the engine could not translate",
    "truncated": "texts that met a length limit of the engine",
    "unknown_words": "words that no dictionary of the engine knew",
    "requests": "requests answered by a language model",
    "answers_reused": "answers that were paid for before",
    "answers_without_usage": "answers whose tokens the server did not tell",
    "prompt_tokens": "tokens of prompts",
    "completion_tokens": "tokens of answers",
    "kept_truncated": "texts kept though every answer met the limit of tokens",
    "kept_without_markers": "texts kept though every answer lost markers",
    "shorter_limits": "requests whose answer had less room than asked for",
    "texts_with_broken_tokens": "texts that held tokens of a chat template",
    "texts_without_auxiliary": "texts without a counterpart in the third language",
    "truncated_on_the_way": "of these, texts that met it on the way to the language between",
    "split": "texts translated sentence by sentence, for their length",
    "by_lines": "texts of several lines, translated line by line",
    "smaller_batches": "times that memory did not suffice and batches were made smaller",
    "too_long": "pairs too long to train the aligner on",
    "thinned": "pairs not needed to train the aligner",
    "dropped_spans": "overlapping spans that the tagger's flat tags cannot hold",
    "label_conflicts": "rows whose text stands elsewhere with other labels",
    "spans_not_in_tags": "spans that overlap or lie in a further text: not in the corpus's tags",
}
"""Counts of steps that a person should see, in words; further ones are in `shards.counts`."""

STAGES = (
    *("read", "translate", "align", "project", "score", "marks", "duplicates", "choose", "judge"),
    *("keep", "materialise", "train", "predict", "evaluate"),
)
"""Stages in the order in which a run comes to them."""

LOST = "lost:"
"""Of the project stage: spans lost, by the reason behind it."""

PRICE = "price_"
"""Before a currency: what a language model's tokens cost."""

_BY = {
    ("project", LOST): "spans lost: {}",
    ("translate", "engine:"): "texts translated by {}",
    ("translate", "passed_over:"): "texts passed over by {}",
    ("translate", "retried:"): "answers asked for again: {}",
    ("translate", "fault:"): "texts without a translation: {}",
    ("translate", "mended:"): "answers mended: {}",
    ("translate", "server:"): "requests sent again: {}",
}
"""Counts that a stage keeps by reason or engine, named behind the colon, in words."""


def in_words(stage: str, what: str) -> str | None:
    """A count as a person should see it; None where nobody needs to."""
    for (of, prefix), words in _BY.items():
        if stage == of and what.startswith(prefix):
            return words.format(what.removeprefix(prefix))
    if stage == "choose":  # judge counts the same rows, shard by shard
        return None
    return COUNTED.get(what)


_ELSEWHERE = {"rows", "rows_in", "spans", "placed", "kept", "rejected", "quarantined", "value"}
"""Counts that the report shows in its other sections."""

_SIZES = {
    "examples",
    "sentences",
    "words",
    "texts",
    "tokens_in",
    "tokens_out",
    "pairs",
    "features",
    "used",
}
"""Counts that tell how much was done, not that something was met on the way."""


_GROUPED = {"duplicates", "choose"}
"""Stages whose rows are only those that have duplicates."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Something that steps of one strategy met in one language and split."""

    strategy: str
    lang: str
    split: str
    stage: str
    what: str
    number: int

    @property
    def words(self) -> str:
        return in_words(self.stage, self.what) or self.what.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Took:
    """The work of one stage for one language: `made` of its artefacts in this run, `reused` not."""

    lang: str
    stage: str
    made: int
    reused: int
    rows: int
    seconds: float
    bytes: int

    @property
    def rate(self) -> float | None:
        """Rows per second; None where the rows of the artefact are not those it looked at."""
        if self.stage in _GROUPED or not self.seconds or self.rows <= 0:
            return None
        return self.rows / self.seconds


def counted(artefacts: Sequence[Artefact]) -> list[Counted]:
    """All that steps counted and that is not nought."""
    found: Counter[tuple[str, str, str, str, str]] = Counter()
    for one in artefacts:
        for what, number in one.manifest.get("counts", {}).items():
            if _told(one.stage, what, number):
                found[one.strategy, one.lang, one.split, one.stage, what] += int(number)
    return [Counted(*where, number) for where, number in sorted(found.items())]


def _told(stage: str, what: str, number: object) -> bool:
    if not isinstance(number, int) or not number or what in _ELSEWHERE | _SIZES:
        return False
    if stage == "choose":  # its rows pass `judge`, which counts them as well
        return False
    if ":" in what:  # rows by reason and spans by label: other sections count these themselves
        return in_words(stage, what) is not None
    return not what.endswith("seconds")


def took(artefacts: Sequence[Artefact], started: str) -> list[Took]:
    """Time by language and stage; an artefact that several strategies share counts once."""
    found: dict[tuple[str, str], dict[str, Artefact]] = {}
    for one in artefacts:
        found.setdefault((one.lang, one.stage), {})[one.key] = one
    out = []
    for (lang, stage), each in found.items():
        manifests = [one.manifest for one in each.values()]
        made = sum(m["made"] >= started for m in manifests)
        out.append(
            Took(
                lang,
                stage,
                made,
                len(manifests) - made,
                sum(max(0, m["rows"]) for m in manifests),
                sum(m["seconds"] for m in manifests),
                sum(f["bytes"] for m in manifests for f in m["files"]),
            )
        )
    return sorted(out, key=lambda t: (t.lang, _place(t.stage), t.stage))


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else len(STAGES)
