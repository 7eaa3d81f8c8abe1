"""The section of scores: a histogram of each, and a table of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xltpipe.hypertext import table, text
from xltpipe.quality import COLUMNS
from xltpipe.quality.column import Limits
from xltpipe.reporting import charts
from xltpipe.reporting.findings import Findings
from xltpipe.reporting.scores import Distribution
from xltpipe.reporting.sections import limited, section


def scores(found: Findings) -> str:
    """A histogram of each score; those that are the same everywhere stand in the table only."""
    limits = found.essentials.run.limits
    if not found.scores:
        return section("scores", "Scores", ['<p class="soft">No row has been scored.</p>'])
    drawn = [one for one in found.scores if one.least != one.most]
    flat = len(found.scores) - len(drawn)
    told = f" {flat} that are the same in every row stand in the table only." if flat else ""
    if found.essentials.run.recipe is None:
        told += " This version cannot read the run's recipe, so limits are not shown."
    keys = (
        '<p class="soft">Each score once per row; <span class="key kept"></span> rows that were '
        'kept, <span class="key dropped"></span> rows that were not, <span class="key limit">'
        f"</span> a limit of the recipe.{told}</p>"
    )
    body = [
        keys,
        '<div class="figures">',
        *(_figure(one, limits.get(one.name)) for one in drawn),
        "</div>",
        "<details><summary>All scores as a table</summary>",
        _numbers(found.scores, limits),
        "</details>",
    ]
    return section("scores", "Scores", body)


def _figure(one: Distribution, limits: Limits | None) -> str:
    column = COLUMNS.get(one.name)
    unit = f' <span class="unit">{text(column.unit)}</span>' if column else ""
    meaning = f"<p>{text(column.meaning)}</p>" if column else ""
    outside = f"{one.outside:,} outside ({one.outside / one.rows:.1%})"
    told = f"<b>{outside}</b>" if one.outside else outside
    rule = "no limit" if limits is None else f"{limited(limits)}: {told}"
    also = [f"{one.without:,} without"] if one.without else []
    if one.below or one.above:
        also.append(
            f"{one.below + one.above:,} beyond the picture ({one.least:.4g}…{one.most:.4g})"
        )
    return (
        f"<figure><figcaption><h3>{text(one.name)}{unit}</h3>{meaning}</figcaption>"
        f"{charts.histogram(one, limits)}"
        f'<p class="under">{"; ".join([rule, *also])}</p></figure>'
    )


def _numbers(found: Sequence[Distribution], limits: Mapping[str, Limits]) -> str:
    rows = []
    for one in found:
        column, rule = COLUMNS.get(one.name), limits.get(one.name)
        rows.append(
            [
                text(one.name),
                text(column.unit) if column else "",
                f"{one.rows:,}",
                f"{one.without:,}",
                *(f"{value:.4g}" for value in (one.least, one.median, one.most)),
                "" if rule is None else text(limited(rule)),
                "" if rule is None else f"{one.outside:,}",
                "" if rule is None else f"{one.outside / one.rows:.1%}",
                text(column.source) if column else "",
            ]
        )
    heads = ["score", "unit", "rows", "without", "least", "median", "most", "limits", "outside"]
    return table([*heads, "share", "source"], rows, {0, 1, 10})
