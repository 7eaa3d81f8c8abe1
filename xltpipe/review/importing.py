"""Importing: a reviewed file against its run, all checked before anything is written."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError

from xltpipe import corpus, tables
from xltpipe.card import run_folder
from xltpipe.catalogue import refresh
from xltpipe.datasets.label_studio_reader import Reviews, read_reviews
from xltpipe.durable import digest_file, seal, write_table, write_whole
from xltpipe.errors import RecipeError
from xltpipe.machine import writing
from xltpipe.recipe import Recipe
from xltpipe.review.checking import Checked, Place, check
from xltpipe.review.rows import JUDGED, Part, Record, parts, rows
from xltpipe.runs import folder, records
from xltpipe.store import Counts, Shard, Step, Store

REVIEW = 1
"""Version: raise by one when what a review does to a row changes its meaning."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The new run, what the reviews changed in it, and what was met while reading them."""

    run: str
    parent: str
    counts: Mapping[str, int]
    met: Mapping[str, int]
    by_place: Mapping[Place, Mapping[str, int]]


def import_review(store: Store, record: Record, path: Path) -> Imported:
    """Make a run of the parent's rows with the reviewed ones in their place.

    Shards without a reviewed row are the parent's own. The same file gives the same run.

    Raises:
        DataError, RecipeError: the file does not belong to this run, or a review cannot be
            applied; nothing has been written then.
    """
    reviews = read_reviews(path)
    checked = check(store, record, reviews, path)
    digest = digest_file(path)
    run = f"{record['run']}-review-{digest[:8]}"
    recipe = _recipe(record, run)
    about = _about(record, reviews, path, digest)
    shards = {part: _shard(store, part, checked, digest) for part in parts(record)}
    corpora = _corpora(store, recipe, shards, checked, about, _earlier(store, record))
    counts = sum((Counter(c) for c in checked.by_place.values()), Counter[str]())
    _write_record(store, record, run, shards, corpora, {**about, **counts, **reviews.counts})
    refresh(store)
    return Imported(run, str(record["run"]), counts, reviews.counts, checked.by_place)


class _Reviewed(Recipe):
    """The parent's recipe under the name of the reviewed run; its data need not be there."""

    _run: str = PrivateAttr("")

    @property
    def run(self) -> str:
        return self._run


def _recipe(record: Record, run: str) -> Recipe:
    try:
        recipe = _Reviewed.model_validate(record["recipe"])
    except ValidationError as error:
        raise RecipeError(
            f"Run must have been made by a version whose recipes this one reads, was: "
            f"{record['run']} ({error.errors()[0]['msg']}); run the recipe again"
        ) from error
    recipe._run = run  # noqa: SLF001 - its own class
    return recipe


def _about(record: Record, reviews: Reviews, path: Path, digest: str) -> dict[str, str | int]:
    """Where the reviews come from; nothing in it depends on when or where they are imported."""
    made = [r.decision for r in reviews.tasks if r.decision is not None]
    moments = sorted(d.made for d in made if d.made)
    return {
        "parent": str(record["run"]),
        "file": path.name,
        "sha256": digest,
        "tasks": len(reviews.tasks),
        "annotators": len({d.annotator for d in made}),
        "first": moments[0] if moments else "",
        "last": moments[-1] if moments else "",
    }


def _earlier(store: Store, record: Record) -> str:
    """The commands that made a reviewed parent of its own parent, the first one first."""
    known = {str(r["run"]): r for r in records(store)}
    lines: list[str] = []
    run: Record | None = record
    while run is not None and "review" in run:
        review = run["review"]
        lines.insert(0, f"xltpipe import-review {review['parent']} {review['file']}\n")
        run = known.get(str(review["parent"]))
    return "".join(lines)


def _shard(store: Store, part: Part, checked: Checked, digest: str) -> Shard:
    """The judged shard with the reviewed rows in place; the parent's own if there are none."""
    place = (part.lang, part.split)
    ids = [id for lang, split, id in checked.units if (lang, split) == place]
    if not any(True for _ in rows(store, [part], ids)):
        return part.shard
    table = store.read(part.shard)
    units = tables.table_to_units(table)
    done = [checked.units.get((*place, unit.source.id), unit) for unit in units]

    def build(home: Path) -> Counts:
        new, columns = tables.units_to_table(done), table
        for name in new.column_names:
            columns = columns.set_column(columns.column_names.index(name), name, new.column(name))
        write_table(columns, home / part.shard.part)
        return {
            "rows": len(done),
            "kept": sum(u.kept for u in done),
            "rejected": sum(bool(u.reasons) for u in done),
            "quarantined": sum(u.error is not None for u in done),
        }

    identity = {
        "review": digest,
        "lang": part.lang,
        "split": part.split,
        "part": part.shard.part,
    }
    step = Step(JUDGED, REVIEW, identity, (part.shard.id,), build, part.shard.rows, part.shard.part)
    return store.make(step)[0]


def _corpora(
    store: Store,
    recipe: Recipe,
    shards: Mapping[Part, Shard],
    checked: Checked,
    about: Mapping[str, str | int],
    earlier: str,
) -> dict[Place, Shard]:
    """The kept rows of each language and split, published with a card that tells of the review."""
    made: dict[Place, Shard] = {}
    for place in dict.fromkeys((part.lang, part.split) for part in shards):
        judged = [s for part, s in shards.items() if (part.lang, part.split) == place]
        made[place] = store.make(corpus.materialise(recipe, store, judged, *place))[0]
    for place, shard in made.items():
        corpus.publish(store, shard, recipe, *place)
    # publishing writes the card anew, so that what is added here never stands in it twice
    card = store.root / run_folder(recipe.run) / "README.md"
    text = card.read_text(encoding="utf-8")
    write_whole(card, _told(text, recipe, about, checked, earlier) + _note(about, checked))
    store.share(card)
    return made


def _told(
    text: str, recipe: Recipe, about: Mapping[str, str | int], checked: Checked, earlier: str
) -> str:
    """The card of an unreviewed run, corrected where a review makes it untrue."""
    again = f"xltpipe run {recipe.name}.toml\n"
    review = f"xltpipe import-review {about['parent']} {about['file']}\n"
    nobody = "No person has checked the rows."
    somebody = f"A person has checked {len(checked.units)} of the rows."
    text = text.replace(nobody, somebody) if checked.units else text
    return text.replace(again, again + earlier + review)


def _note(about: Mapping[str, str | int], checked: Checked) -> str:
    """The card's section on the review."""
    when = "" if not about["last"] else f", made from {about['first']} to {about['last']}"
    lines = [
        "",
        "## Reviewed by hand",
        "",
        (
            f"{len(checked.units)} of these rows were reviewed by hand; the others are as run "
            f"`{about['parent']}` made them. Scores are those of the labels before review."
        ),
        "",
        (
            f"Reviews: `{about['file']}`, sha256 `{about['sha256']}`; annotators: "
            f"{about['annotators']}{when}."
        ),
        "",
        "| language | split | review | number |",
        "|---|---|---|---|",
        *(
            f"| {lang} | {split} | {name.replace('_', ' ')} | {number} |"
            for (lang, split), counts in checked.by_place.items()
            for name, number in sorted(counts.items())
            if number
        ),
        "",
    ]
    return "\n".join(lines)


def _write_record(
    store: Store,
    record: Record,
    run: str,
    shards: Mapping[Part, Shard],
    corpora: Mapping[Place, Shard],
    review: Mapping[str, Any],
) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    before = next((r["started"] for r in records(store) if r["run"] == run), now)
    outcomes = [
        {
            "strategy": outcome["strategy"],
            "target": outcome["target"],
            "shards": _listed(outcome, shards, corpora),
            "scores": [],  # no tagger was trained on these rows yet
        }
        for outcome in record["outcomes"]
    ]
    part = None  # what is missing in the parent is missing here, too
    if record["state"] != "completed":
        part = f"its parent {record['run']} is {record['state']}; run the recipe again"
    whole = {
        "run": run,
        "name": record["name"],
        "state": "failed" if part else "completed",
        "started": before,
        "ended": now,
        "error": part,
        "recipe": record["recipe"],
        "parent": record["run"],
        "review": dict(review),
        "outcomes": [o for o in outcomes if o["shards"]],
    }
    path = folder(store) / f"{run}.json"
    with writing(store.root):
        write_whole(path, seal(whole))
    store.share(path)


def _listed(
    outcome: Mapping[str, Any], shards: Mapping[Part, Shard], corpora: Mapping[Place, Shard]
) -> Sequence[tuple[str, dict[str, Any]]]:
    lang = outcome["target"]
    own = {Part(lang, split, Shard(**f)) for split, f in outcome["shards"] if f["stage"] == JUDGED}
    places = {(part.lang, part.split) for part in own}
    judged = [(part.split, _fields(s)) for part, s in shards.items() if part in own]
    return [*judged, *((at[1], _fields(s)) for at, s in corpora.items() if at in places)]


def _fields(shard: Shard) -> dict[str, Any]:
    return {name: getattr(shard, name) for name in Shard.__slots__}
