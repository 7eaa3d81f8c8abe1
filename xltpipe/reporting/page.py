"""Page: the report as one HTML file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from xltpipe import __version__
from xltpipe.hypertext import document, table, text
from xltpipe.languages import resolve
from xltpipe.licences import consequences, licences
from xltpipe.recipe_text import to_toml
from xltpipe.reporting import (
    section_labels,
    section_results,
    section_scores,
    sections,
)
from xltpipe.reporting.findings import Essentials, Findings
from xltpipe.reporting.listing import listing
from xltpipe.reporting.run import Run

SECTIONS = {
    "funnel": "Funnel",
    "reasons": "Reasons",
    "scores": "Scores",
    "labels": "Labels",
    "projection": "Projection",
    "results": "Results",
    "timing": "Time",
    "provenance": "Provenance",
    "rows": "Rows",
}


def page(found: Findings) -> str:
    """The whole file."""
    first = found.essentials
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title in SECTIONS.items())
    body = [
        '<a class="skip" href="#rows">Skip to the rows</a>',
        _header(first),
        f'<nav id="contents" aria-label="Contents"><div>{links}</div></nav>',
        "<main>",
        sections.funnel(first),
        sections.reasons(first),
        section_scores.scores(found),
        section_labels.labels(found),
        section_labels.projection(found),
        section_results.results(first),
        section_results.timing(found),
        _provenance(found),
        listing(found),
        "</main>",
        f"<footer>Written by xltpipe {text(__version__)}</footer>",
    ]
    title, here = f"{first.run.id}: report", Path(__file__)
    return document(title, body, here.with_name("report.css"), here.with_name("report.js"))


def _header(found: Essentials) -> str:
    run = found.run
    error = f'<p class="error" role="alert"><bdi>{text(run.error)}</bdi></p>' if run.error else ""
    return (
        f'<header id="top"><p class="kicker">Run report</p><h1>{text(run.name)}'
        f'<span class="digest">{text(run.id.removeprefix(run.name))}</span></h1>'
        f'<p class="facts"><span class="pill {text(run.state)}">{text(run.state)}</span> '
        f"{_languages(run)} · {_when(run)}</p>{error}{_figures(found)}</header>"
    )


def _languages(run: Run) -> str:
    source = str(run.settings.get("source", ""))
    targets = ", ".join(resolve(t).name for t in run.settings.get("targets", []))
    return f"{text(resolve(source).name)} → {text(targets)}"


def _when(run: Run) -> str:
    if run.ended is None:
        return f"started {text(run.started)}"
    apart = datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.started)
    minutes, seconds = divmod(round(apart.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    took = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    if hours:
        took = f"{hours} h {minutes} min"
    return f'<time datetime="{text(run.started)}">{text(_readable(run.started))}</time>, {took}'


def _readable(time: str) -> str:
    return time.replace("T", " ").replace("Z", " UTC")


def _figures(found: Essentials) -> str:
    """The numbers that everybody asks for first."""
    rows = sum(part.read for part in found.parts)
    kept = sum(part.kept for part in found.parts)
    numbers = [(f"{rows:,}", "rows read", "")]
    share = f" ({kept / rows:.1%})" if rows else ""
    numbers.append((f"{kept:,}", f"kept{share}", "kept"))
    for what in ("rejected", "quarantined"):
        number = sum(getattr(part, what) for part in found.parts)
        numbers.append((f"{number:,}", what, what if number else "none"))
    if found.results:
        best = max(found.results, key=lambda row: float(row["value"]))
        told = f"best {best['metric']} ({best['strategy']}, {best['test']})"
        numbers.append((f"{best['value']:.3f}", told, ""))
    if not found.sound and found.run.state == "completed":
        numbers.append(("✗", "rows not accounted for", "wrong"))
    items = "".join(
        f'<div class="{kind}"><dd>{number}</dd><dt>{text(told)}</dt></div>'
        for number, told, kind in numbers
    )
    return f'<dl class="numbers">{items}</dl>'


def _provenance(found: Findings) -> str:
    """What made the run, under which licences, and how to make it again."""
    run = found.essentials.run
    body = [f'<ul class="signatures"><li>{text(run.signature)}</li></ul>']
    body += ["<h3>Licences</h3>", *_licences(run)]
    rows = [
        [text(name), ", ".join(f"{text(v)} ({n:,})" for v, n in sorted(versions.items()))]
        for name, versions in found.libraries.items()
    ]
    if rows:
        told = ["library", "version (artefacts made with it)"]
        body += ["<h3>Libraries</h3>", table(told, rows, {0, 1})]
    if run.recipe is not None:
        body.append("<h3>Recipe</h3>")
        body.append(
            "<details><summary>The whole recipe, defaults included; <code>xltpipe run</code> takes "
            f'it</summary><pre tabindex="0">{text(to_toml(run.recipe))}</pre></details>'
        )
    return sections.section("provenance", "Provenance", body)


def _licences(run: Run) -> list[str]:
    if run.recipe is None:
        return ['<p class="soft">This version cannot read the run\'s recipe.</p>']
    found = licences(run.recipe)
    rows = [
        [
            text(one.role),
            f"<bdi>{text(one.name)}</bdi>",
            f'<span class="{"" if one.stated else "unknown"}">{text(one.licence)}</span>',
            text(one.origin),
        ]
        for one in found
    ]
    told = "".join(f"<li>{text(one)}</li>" for one in consequences(found))
    return [
        table(["part", "name", "licence", "known from"], rows, {0, 1, 2, 3}),
        f'<ul class="follows">{told}</ul>' if told else "",
    ]
