"""The corpus: kept rows as Hive-partitioned Parquet with a card, ready for `load_dataset`."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa

from xltpipe import tables
from xltpipe.card import Part, readme, run_folder
from xltpipe.durable import digest_json, link, seal, unseal, write_table, write_whole
from xltpipe.errors import DataError
from xltpipe.machine import writing
from xltpipe.projection.aligned import words
from xltpipe.recipe import Recipe
from xltpipe.schemes import UNSPECIFIED, tags_from_spans
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.tally import tally
from xltpipe.tools import Trained, aligners
from xltpipe.types import Unit

log = logging.getLogger("xltpipe.store")

MATERIALISE = 5
KEEP = 2
STAGE = "materialise"
"""Not "corpus": that folder of the store holds the published partitions and nothing else."""

CARDS = ".cards"
"""What the card says of each part of a run; the card is written from them."""

CORPUS = pa.schema(
    [
        tables.EXAMPLES.field("id"),
        tables.EXAMPLES.field("texts"),
        tables.EXAMPLES.field("spans"),
        tables.EXAMPLES.field("label"),
        pa.field("tokens", pa.list_(pa.string()), nullable=False),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        tables.EXAMPLES.field("tokens").with_name("bounds"),
        tables.EXAMPLES.field("masked"),
        pa.field("source_texts", pa.list_(pa.string()), nullable=False),
        tables.EXAMPLES.field("spans").with_name("source_spans"),
        tables.EXAMPLES.field("links"),
        tables.EXAMPLES.field("meta"),
        tables.EXAMPLES.field("verbatim"),
    ]
)
"""`spans` hold everything; `tokens` and `tags` (IOB2) are the flat view of the first text.
A tag `_` (unspecified, as in CoNLL-U) stands at words of a masked text that bear no label.
`links` join `spans`, `meta` is the source's as it stood there, `verbatim` are the numbers of texts
that were not translated.

Run, language and split are the folders' names, not columns.
"""


def materialise(
    recipe: Recipe, store: Store, judged: Sequence[Shard], target: str, split: str
) -> Step:
    """Write the kept rows of all shards, and check that none vanished on the way.

    Raises (while building):
        DataError: rows in are not kept + rejected + quarantined.
    """
    identity = {"run": recipe.run, "target": target, "split": split}

    def build(home: Path) -> Counts:
        counts: Counter[str] = Counter(dict.fromkeys(_ALWAYS, 0))
        for number, shard in enumerate(judged):
            place = home / f"part-{number:05d}.parquet"
            done = store.find(keep(store, shard))
            if done is None:
                counts.update(_keep(store.read(shard), place))
            else:
                link(store.path(done), place)
                counts.update((store.manifest(done) or {})["counts"])
        _reconcile(counts, sum(s.rows for s in judged))
        plain = {name: n for name, n in counts.items() if not name.startswith("reason:")}
        reasons = sorted(counts.items() - plain.items())
        return {**plain, **dict(reasons)}

    inputs = tuple(keep(store, shard).key for shard in judged)
    return Step(STAGE, MATERIALISE, identity, inputs, build, part="")


_ALWAYS = ("rows_in", "rows", "masked", "quarantined", "rejected", "spans", "spans_not_in_tags")
"""Counts that are told also where they are nought."""


def keep(store: Store, judged: Shard) -> Step:
    """The kept rows of one shard as the corpus has them, and counts of all its rows.

    What was made beforehand, `materialise` need not make; it does where nobody did.
    """

    def build(home: Path) -> Counts:
        return _keep(store.read(judged), home / judged.part)

    return Step("keep", KEEP, {}, (judged.id,), build, judged.rows, judged.part)


def _keep(given: pa.Table, place: Path) -> Counts:
    units = tables.table_to_units(given)
    kept = [u for u in units if u.kept]
    table, dropped = _table(kept)
    write_table(table, place)
    reasons = Counter(u.reason for u in units if u.reason)
    return {
        **tally(given),
        "rows_in": len(units),
        "rows": len(kept),
        "masked": sum(bool(u.target.masked) for u in kept),
        "quarantined": sum(u.error is not None for u in units),
        "rejected": sum(bool(u.reasons) for u in units),
        "spans": sum(len(u.target.spans) for u in kept),
        "spans_not_in_tags": dropped,
        **{f"reason:{r}": n for r, n in reasons.items()},
    }


def _reconcile(counts: Counter[str], given: int) -> None:
    out = counts["rows"] + counts["rejected"] + counts["quarantined"]
    if not given == counts["rows_in"] == out:
        raise DataError(
            f"Rows in must equal kept + rejected + quarantined, was: {given} given, "
            f"{counts['rows_in']} read, {out} accounted for"
        )


def _table(units: Sequence[Unit]) -> tuple[pa.Table, int]:
    examples, tokens, tags, dropped = [], [], [], 0
    for unit in units:
        cut = words(unit.target, 0)
        flat = [s for s in unit.target.spans if s.text == 0]
        row, lost = tags_from_spans(flat, cut.bounds, "bio")
        if 0 in unit.target.masked:
            row = [UNSPECIFIED if tag == "O" else tag for tag in row]
        examples.append(replace(unit.target, tokens=cut.bounds))
        tokens.append(cut.strings)
        tags.append(row)
        dropped += lost + len(unit.target.spans) - len(flat)
    full = tables.examples_to_table(examples)
    source = tables.examples_to_table([u.source for u in units])
    columns = {
        "id": full["id"],
        "texts": full["texts"],
        "spans": full["spans"],
        "label": full["label"],
        "tokens": pa.array(tokens, CORPUS.field("tokens").type),
        "tags": pa.array(tags, CORPUS.field("tags").type),
        "bounds": full["tokens"],
        "masked": full["masked"],
        "source_texts": source["texts"],
        "source_spans": source["spans"],
        **{name: full[name] for name in ("links", "meta", "verbatim")},
    }
    return pa.Table.from_arrays(list(columns.values()), schema=CORPUS), dropped


def publish(
    store: Store,
    made: Shard,
    recipe: Recipe,
    lang: str,
    split: str,
    trained: Sequence[Trained] | None = None,
) -> Path:
    """Show a corpus under `corpus/run=…/lang=…/split=…` by hard links (copies if it must be).

    The folder is filled aside and moved in place; one that shows the same files is left alone.
    The leaf holds Parquet alone, which every reader takes; the card is the run's README.md, which
    tells of the aligners that were `trained`, or else how they are chosen.
    """
    # parts of a run share its card, and two runs of one recipe show the same corpus
    with writing(store.root), store.locked(digest_json(recipe.run)):
        home = store.root / run_folder(recipe.run)
        store.gather(f"{run_folder(recipe.run)}/{CARDS}")  # other parts may be others' work
        _show_card(home, recipe, _part(recipe, store, made, (lang, split), trained))
        store.share(home / CARDS)
        store.share(home / "README.md")
        return _publish(store, made, home / f"lang={lang}" / f"split={split}")


def _publish(store: Store, made: Shard, folder: Path) -> Path:
    files = sorted(store.folder(made).glob("*.parquet"))
    if folder.is_dir() and _shows(folder, files):
        store.share(folder, mark=made.key)
        return folder
    aside = store.aside(f"publish-{made.key}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        for file in files:
            link(file, aside / file.name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    store.share(folder, mark=made.key)
    return folder


def _part(
    recipe: Recipe,
    store: Store,
    made: Shard,
    place: tuple[str, str],
    trained: Sequence[Trained] | None,
) -> Part:
    manifest = store.manifest(made)
    if manifest is None:
        raise DataError(f"Corpus {made.name} must have a manifest, was: none; run again")
    counts = manifest["counts"]
    if trained is None:
        trained = aligners(recipe, counts["rows_in"], place[0], scored=True)
    chosen = tuple(dict.fromkeys(one.told for one in trained))
    return Part(*place, counts, manifest["libraries"], chosen)


def _show_card(home: Path, recipe: Recipe, part: Part) -> None:
    """Write the run's README.md anew from what is known of its parts, kept in a hidden folder."""
    cards = home / CARDS
    cards.mkdir(parents=True, exist_ok=True)
    write_whole(cards / f"{part.lang}.{part.split}.json", seal(asdict(part)))
    known = (_known(card) for card in sorted(cards.glob("*.json")))
    write_whole(home / "README.md", readme(recipe, [one for one in known if one is not None]))


def _known(card: Path) -> Part | None:
    """A part as its card tells it; a damaged card is written anew when its part is published."""
    fields = unseal(card.read_bytes())
    if fields is None or fields.keys() != {f.name for f in dataclasses.fields(Part)}:
        log.warning("card %s is damaged: left out until its part is published again", card.name)
        return None
    return Part(**fields)


def _shows(folder: Path, files: Sequence[Path]) -> bool:
    names = sorted(p.name for p in folder.iterdir())
    return names == [f.name for f in files] and all(
        (folder / f.name).samefile(f) or (folder / f.name).read_bytes() == f.read_bytes()
        for f in files
    )
