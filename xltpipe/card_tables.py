"""The tables of a corpus's card, in Markdown: rows, rules, labels, methods, licences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from xltpipe.languages import resolve
from xltpipe.licences import Licence
from xltpipe.quality import COLUMNS
from xltpipe.recipe import Recipe
from xltpipe.tally import named

Numbers = Mapping[str, int]
Row = Sequence[object]


def rows(parts: Sequence[tuple[str, str, Numbers]]) -> list[str]:
    """What became of every row: the numbers of a line add up."""
    lines = [
        (
            resolve(lang).name,
            split,
            counts["rows_in"],
            counts["rows"],
            counts["rejected"],
            counts["quarantined"],
            counts["masked"],
        )
        for lang, split, counts in parts
    ]
    return table(("language", "split", "in", "kept", "rejected", "quarantined", "masked"), lines)


def rules(recipe: Recipe, counts: Sequence[Numbers]) -> list[str]:
    """Every rule that is on, its threshold, and the rows it failed: in all, and no other did."""
    failed, alone = _sum(counts, "failed"), _sum(counts, "alone")
    lines = []
    for name, limits in recipe.verdicts.limits().items():
        column = COLUMNS[name]
        bounds = [
            f"{word} {edge:g}"
            for word, edge in (("at least", limits.min), ("at most", limits.max))
            if edge is not None
        ]
        number = failed.get(column.reason, 0), alone.get(column.reason, 0)
        lines.append((name, f"{' and '.join(bounds)} ({column.unit})", column.reason, *number))
    return table(("rule on", "must be", "reason", "rows failed", "by it alone"), lines)


def part(lang: str, split: str, counts: Numbers) -> list[str]:
    """One language and split: why rows were rejected, what became of each label."""
    lines = [
        f"### {resolve(lang).name}, {split}",
        "",
        *table(
            ("rows", "number"),
            [
                ("in", counts["rows_in"]),
                ("kept", counts["rows"]),
                *((f"rejected: {reason}", n) for reason, n in named(counts, "reason").items()),
                ("quarantined", counts["quarantined"]),
                *([("kept, masked", counts["masked"])] if counts["masked"] else []),
            ],
        ),
    ]
    kept, placed, lost = (named(counts, name) for name in ("label", "placed", "lost"))
    labels = sorted(set(kept) | set(placed) | set(lost))
    if labels:
        cells = [(x, kept.get(x, 0), placed.get(x, 0), lost.get(x, 0)) for x in labels]
        lines += table(("label", "spans in the corpus", "placed", "lost"), cells)
    for heading, name in (
        ("class", "class"),
        ("why spans were lost", "lost_by"),
        ("how spans were placed", "method"),
    ):
        if found := named(counts, name):
            lines += table((heading, "rows" if name == "class" else "spans"), found.items())
    return lines


def licences(listed: Sequence[Licence]) -> list[str]:
    lines = [(o.role, o.name, o.licence, o.origin or "") for o in listed]
    return table(("part", "name", "licence", "known from"), lines)


def table(head: Sequence[str], lines: Iterable[Row]) -> list[str]:
    """A Markdown table and a blank line after it; what would break a cell is escaped."""
    out = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    out += [f"| {' | '.join(map(cell, line))} |" for line in lines]
    return [*out, ""]


def cell(value: object) -> str:
    """Labels and file names may hold anything; a card must stay a card."""
    text = " ".join(str(value).split())
    for char in "\\|<>`*[]":
        text = text.replace(char, f"\\{char}")
    return text


def _sum(counts: Sequence[Numbers], name: str) -> dict[str, int]:
    out: dict[str, int] = {}
    for one in counts:
        for key, number in named(one, name).items():
            out[key] = out.get(key, 0) + number
    return out
