"""Checking: what a reviewed file would make of its run's rows, or why it cannot be applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xltpipe.datasets.label_studio import ACCEPT, text_name
from xltpipe.datasets.label_studio_reader import Decision, Review, Reviews
from xltpipe.errors import DataError
from xltpipe.review.correction import corrected
from xltpipe.review.labels import Labels, known_labels
from xltpipe.review.rows import Record, Row, parts, rows, state
from xltpipe.review.spans import CHANGES, changes
from xltpipe.store import Store
from xltpipe.types import Unit

Place = tuple[str, str]
"""Language and split."""
Key = tuple[str, str, str]
"""Language, split and id: one row of a run."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The reviewed rows as they will be, and what the reviews do, by language and split."""

    units: Mapping[Key, Unit]
    by_place: Mapping[Place, Counter[str]]


def check(store: Store, record: Record, reviews: Reviews, path: Path) -> Checked:
    """Every review against its row.

    Raises:
        DataError: a review is of another run or of no row, of another text, or with a label that
            the run does not know; the message names file, task and field, and the remedy.
    """
    wanted = _wanted(record, reviews, path)
    known = known_labels(store, record)
    by_place = {(p.lang, p.split): Counter[str]() for p in parts(record)}
    units: dict[Key, Unit] = {}
    for review in reviews.tasks:
        if review.decision is not None:
            _check_labels(review, review.decision, known)
    missing = dict(wanted)
    for row in rows(store, parts(record), [id for _, _, id in wanted]):
        key = (row.lang, row.split, row.unit.source.id)
        if key not in missing:
            continue
        review = missing.pop(key)
        _check_texts(review, row.unit)
        counts = by_place[row.lang, row.split]
        if review.decision is None:
            counts["not_reviewed"] += 1
            continue
        units[key] = corrected(row.unit, review.decision)
        _check_accepted(review, review.decision, row.unit)
        counts.update(_counted(row, units[key], review.decision))
    for (_, _, id), review in missing.items():
        raise DataError(
            f"Row must be one of {record['run']}, was: {id!r}, which is not ({review.place}); "
            "the fields data.row, data.lang and data.split must stay as they were exported"
        )
    return Checked(units, by_place)


def _wanted(record: Record, reviews: Reviews, path: Path) -> dict[Key, Review]:
    """The review of each row; a row twice in the file counts once, if at most one is decided."""
    places = {(p.lang, p.split) for p in parts(record)}
    wanted: dict[Key, Review] = {}
    for review in reviews.tasks:
        if review.run != record["run"]:
            raise DataError(
                f"Review must be of run {record['run']}, was: of {review.run} ({review.place}); "
                f"xltpipe import-review {review.run} {path}"
            )
        if (review.lang, review.split) not in places:
            listed = ", ".join(f"{lang}/{split}" for lang, split in sorted(places))
            raise DataError(
                f"data.lang and data.split must be one of {listed}, was: "
                f"{review.lang}/{review.split} ({review.place})"
            )
        key = (review.lang, review.split, review.row)
        other = wanted.get(key)
        if other is not None and other.decision is not None and review.decision is not None:
            raise DataError(
                f"Row must be reviewed in one task, was: in two ({other.place}; {review.place}); "
                "delete one of them in Label Studio, and export again"
            )
        if other is None or other.decision is None:
            wanted[key] = review
    return wanted


def _check_labels(review: Review, decision: Decision, known: Labels) -> None:
    for what, given, allowed in (
        ("Label", {s.label for s in decision.spans}, known.spans),
        ("Class", {decision.label} - {None}, known.classes),
    ):
        for label in sorted(map(str, given - allowed)):
            raise DataError(
                f"{what} must be one of the run's, {', '.join(sorted(allowed)) or 'none'}, was: "
                f"{label!r} ({review.place}); rename it in Label Studio, or name it under labels "
                "in the recipe and run that again"
            )


def _check_texts(review: Review, unit: Unit) -> None:
    texts = unit.target.texts
    if len(review.texts) != len(texts):
        raise DataError(
            f"Task must have {len(texts)} texts, as the row has, was: {len(review.texts)} "
            f"({review.place})"
        )
    for number, (got, text) in enumerate(zip(review.texts, texts, strict=True)):
        if got != text:
            at = next((i for i, (a, b) in enumerate(zip(got, text, strict=False)) if a != b), None)
            at = min(len(got), len(text)) if at is None else at
            raise DataError(
                f"data.{text_name(number)} must be the run's text, was: {got[at : at + 40]!r} for "
                f"{text[at : at + 40]!r} at character {at} ({review.place}); labels can be "
                "corrected, texts cannot: reject the row instead"
            )


def _check_accepted(review: Review, decision: Decision, unit: Unit) -> None:
    if decision.verdict != ACCEPT:
        return
    pairs = zip(unit.source.texts, unit.target.texts, strict=True)
    if any(source.strip() and not target.strip() for source, target in pairs):
        raise DataError(
            f"Row must have a translation to be accepted, was: an empty text ({review.place}); "
            "reject it, or leave it without a verdict"
        )


def _counted(row: Row, after: Unit, decision: Decision) -> Counter[str]:
    """What the review did to this row."""
    before = row.unit
    found = Counter(c.kind for c in changes(before.target.spans, after.target.spans))
    counts = Counter({f"spans_{kind}": found[kind] for kind in CHANGES})
    counts["reviewed"] = 1
    counts["rejected_by_review"] = int(row.state != "rejected" and state(after) == "rejected")
    counts["accepted_by_review"] = int(row.state != "kept" and state(after) == "kept")
    counts["without_verdict"] = int(row.state != "kept" and decision.verdict is None)
    counts["label_changed"] = int(before.target.label != after.target.label)
    same = set(found) <= {"same"} and row.state == state(after) and not counts["label_changed"]
    counts["unchanged"] = int(same)
    return counts
