"""Sections: what became of the rows, as figures and tables."""

from __future__ import annotations

from collections.abc import Iterable

from xltpipe.hypertext import table, text
from xltpipe.languages import resolve
from xltpipe.quality.column import Column, Limits
from xltpipe.reporting import charts
from xltpipe.reporting.findings import Essentials
from xltpipe.reporting.funnel import Part
from xltpipe.reporting.reasons import EXAMPLES


def where(lang: str, split: str) -> str:
    """The language in words, and the split."""
    return f"{resolve(lang).name}, {split}"


def section(name: str, title: str, body: Iterable[str]) -> str:
    return f'<section id="{name}"><h2>{title}</h2>' + "\n".join(body) + "</section>"


def funnel(found: Essentials) -> str:
    """Each language and split: the drawing, the sum, and what else is to be said of it."""
    if not found.parts:
        return section("funnel", "Funnel", ['<p class="soft">This run labelled no rows.</p>'])
    body = []
    for part in found.parts:
        body.append(f"<h3>{text(where(part.lang, part.split))}</h3>")
        sums = equation(part, done=found.run.state == "completed")
        also = [
            (part.truncated, "met a length limit of the engine"),
            (part.masked, "kept, though masked where a span was lost"),
            (part.repeated, "are in blocks equal to an earlier one, and are counted once"),
        ]
        told = "; ".join(f"{n:,} {words}" for n, words in also if n)
        if told:
            sums += f'<p class="soft">Of these rows {told}.</p>'
        body.append(beside(charts.funnel(part), sums))
    return section("funnel", "Funnel", body)


def equation(part: Part, *, done: bool) -> str:
    """The sum that must hold: in = kept + rejected + quarantined; if it does not, that is red."""
    terms = f"{part.kept:,} kept + {part.rejected:,} rejected + {part.quarantined:,} quarantined"
    if not part.missing and not part.astray:
        return f'<p class="sum right"><b>✓</b> {part.read:,} read = {terms}</p>'
    if part.missing > 0 and not done:
        return (
            f'<p class="sum open"><b>…</b> {part.read:,} read = {terms} + {part.missing:,} not '
            "reached yet</p>"
        )
    faults = []
    if part.missing:
        side = "not accounted for" if part.missing > 0 else "more than were read"
        faults.append(f"{abs(part.missing):,} rows {side}")
    if part.astray:
        faults.append(f"{abs(part.astray):,} rows differ between kept and the corpus")
    return (
        f'<p class="sum wrong" role="alert"><b>✗</b> {part.read:,} read ≠ {terms}: '
        f"{'; '.join(faults)}. Run the recipe again: damaged files are made anew.</p>"
    )


def beside(drawing: str, words: str) -> str:
    """A drawing with words at its side, or below it where there is no room."""
    return f'<div class="beside"><div>{drawing}</div><div>{words}</div></div>'


_ABOUT_REASONS = (
    '<p class="soft">A row counts for every rule that it fails. <i>First</i>: it was the gravest '
    "of them. <i>Alone</i>: no other rule failed the row, so that without this one it would be "
    "kept.</p>"
)


def reasons(found: Essentials) -> str:
    """Which rules failed how many rows, and what went wrong with those in quarantine."""
    body = []
    rules, total = found.run.rules, sum(part.rows for part in found.parts) or 1
    if found.reasons:
        left = len({one.name for one in found.reasons}) - charts.BARS
        more = f'<p class="soft">{left} further reasons are in the table.</p>' if left > 0 else ""
        body.append(beside(charts.reasons(found.reasons), _ABOUT_REASONS + more))
        rows = [
            [
                text(one.name),
                *(_rule(*rules[one.name]) if one.name in rules else ("", "")),
                text(where(one.lang, one.split)),
                f"{one.rows:,}",
                f"{one.rows / total:.1%}",
                f"{one.first:,}",
                f"{one.alone:,}",
            ]
            for one in found.reasons
        ]
        heads = ["reason", "fails unless", "score", "where", "rows", "of all", "first", "alone"]
        body.append(table(heads, rows, {0, 1, 2, 3}))
    else:
        body.append('<p class="soft">No rule rejected a row.</p>')
    return section("reasons", "Reasons", [*body, *_faults(found)])


def _rule(column: Column, limits: Limits) -> tuple[str, str]:
    told = f'<span title="{text(column.meaning)}">{text(column.name)}</span>'
    return text(limited(limits)), told


def limited(limits: Limits) -> str:
    """A rule in signs."""
    if limits.min is not None and limits.max is not None:
        return f"{limits.min:.4g} … {limits.max:.4g}"
    return f"≥ {limits.min:.4g}" if limits.min is not None else f"≤ {limits.max:.4g}"


def _faults(found: Essentials) -> list[str]:
    if not found.faults:
        return ['<p class="soft">No row is in quarantine.</p>']
    rows = [
        [
            f"<bdi>{text(fault.kind)}</bdi>",
            text(where(fault.lang, fault.split)),
            f"{fault.rows:,}",
            "<br>".join(f'<bdi class="error">{text(one)}</bdi>' for one in fault.texts)
            + (" <br>…" if fault.rows > len(fault.texts) == EXAMPLES else ""),
        ]
        for fault in found.faults
    ]
    return ["<h3>Quarantine</h3>", table(["error", "where", "rows", "texts"], rows, {0, 1, 3})]
