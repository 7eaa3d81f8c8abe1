"""The page of a matrix: one HTML file without anything from outside and without a script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xltpipe import __version__
from xltpipe.cli.matrix_tables import APART, MEAN, grid, notes, p_value, signatures, undone
from xltpipe.compared.comparison import Comparison
from xltpipe.compared.summary import Row
from xltpipe.compared.transfer import Transfer, caption
from xltpipe.compared.transfer import grid as transfer_grid
from xltpipe.hypertext import document, table, text
from xltpipe.languages import resolve

SURE = 0.05
"""Adjusted p below which a difference is set in colour."""


def page(found: Comparison, rows: Sequence[Row]) -> str:
    """The whole file."""
    title = f"Comparison {found.id}"
    about = f"xltpipe {__version__}, {len(found.cells)} cells, {found.started}"
    langs = dict.fromkeys(row.lang for row in rows)
    body = [
        f"<header><h1>{text(title)}</h1>",
        f'<p class="soft">{text(about)}</p></header>',
        "<main>",
        *(_language(found, lang, [row for row in rows if row.lang == lang]) for lang in langs),
        *map(_transfer, found.transfers),
        "".join(f'<p class="soft">{text(line)}</p>' for line in notes(found, rows)),
        _leaks(found),
        _undone(found),
        _signatures(rows),
        "</main>",
    ]
    return document(title, body, Path(__file__).with_name("matrix.css"))


def _language(found: Comparison, lang: str, rows: Sequence[Row]) -> str:
    names, told = grid(rows)
    top = max((score for row in rows for score in row.scores.values()), default=0.0) or 1.0
    at = names.index(MEAN)
    lines = []
    for row, values in zip(rows, told, strict=True):
        cells = [text(value) for value in values]
        cells[at] = f"{_bar(row, top)} {cells[at]}"
        if APART in names:
            cells[at + 1] = _coloured(row, cells[at + 1])
        lines.append(cells[1:])
    names_of = dict.fromkeys(resolve(code).name for code in (found.recipe.source, lang))
    heading = f"<h2>{text(' → '.join(names_of))}</h2>"
    return heading + table(names[1:], lines, set(range(at - 2)))


def _transfer(found: Transfer) -> str:
    """R[stage, test] of languages that were learnt one after another."""
    names, lines = transfer_grid(found)
    shown = [[text(value) for value in line] for line in lines]
    heading = f"<h2>Learnt one after another: {text(caption(found))}</h2>"
    return heading + table(names, shown, {0})


def _bar(row: Row, top: float) -> str:
    """The mean as a bar, the scores of the seeds as marks on it."""
    marks = "".join(
        f'<rect class="seed" x="{100 * value / top - 0.4:.2f}" width="0.8" height="1">'
        f"<title>seed {seed}: {value:.4f}</title></rect>"
        for seed, value in row.scores.items()
    )
    return (
        '<svg class="bar" viewBox="0 0 101 1" preserveAspectRatio="none" role="img" '
        f'aria-label="{row.mean:.4f}"><rect class="mean" width="{100 * row.mean / top:.2f}" '
        f'height="1"></rect>{marks}</svg>'
    )


def _coloured(row: Row, told: str) -> str:
    apart = row.difference
    if apart is None:
        return f'<span class="soft">{told}</span>'
    kind = "unsure" if apart.holm >= SURE else "better" if apart.value > 0 else "worse"
    why = f"p {p_value(apart.p)}, {p_value(apart.holm)} after Holm"
    return f'<span class="{kind}" title="{text(why)}">{told}</span>'


def _undone(found: Comparison) -> str:
    lines = "".join(f"<li>{text(line)}</li>" for line in undone(found))
    return f"<h2>Not run</h2><ul>{lines}</ul>" if lines else ""


def _leaks(found: Comparison) -> str:
    lines = "".join(f"<li>{text(str(leak))}</li>" for leak in found.leaks)
    return f"<h2>Seen before</h2><ul>{lines}</ul>" if lines else ""


def _signatures(rows: Sequence[Row]) -> str:
    lines = "".join(f"<li>{text(line)}</li>" for line in signatures(rows))
    return f'<details><summary>Signatures</summary><ul class="signatures">{lines}</ul></details>'
