"""Page: a comparison as one HTML file without anything from outside, every text escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from xltpipe import __version__
from xltpipe.cli.page_tables import section
from xltpipe.comparison import Comparison
from xltpipe.comparison.cases import Case, Seen, cases, sample
from xltpipe.comparison.scores import kinds
from xltpipe.evaluation.projection_errors import Outcome
from xltpipe.hypertext import choice, document, legend, marked, text
from xltpipe.languages import resolve
from xltpipe.types import Example, Span


def page(found: Comparison, most: int) -> str:
    """The whole file; at most so many cases are listed, and how many are not is said."""
    listed = [case for one in found.languages for case in cases(one)]
    chosen = sample(listed, most)
    types = _types(found)
    title = f"Projections compared: {found.name}"
    body = [
        f"<header><h1>{text(title)}</h1>",
        f'<p class="soft">xltpipe {text(__version__)}</p></header>',
        "<main>",
        *(section(one) for one in found.languages),
        _listing(found, listed, chosen, types),
        "</main>",
    ]
    here = Path(__file__)
    return document(title, body, here.with_name("page.css"), here.with_name("page.js"))


def _types(found: Comparison) -> dict[str, int]:
    """Every label that occurs, with its number."""
    labels = {
        outcome.label
        for one in found.languages
        for row in one.outcomes
        for outcomes in row
        for outcome in outcomes
    }
    return {label: number for number, label in enumerate(sorted(labels))}


def _listing(
    found: Comparison, listed: Sequence[Case], chosen: Sequence[Case], types: dict[str, int]
) -> str:
    left = len(listed) - len(chosen)
    rows = sum(one.rows for one in found.languages)
    what = f"{len(listed):,} of {rows:,} rows hold an error or a disagreement. "
    what += (
        "All are listed."
        if not left
        else (
            f"{len(chosen):,} are listed, some of each method and kind; {left:,} are left out "
            "(--cases lists more)."
        )
    )
    gold = any(one.gold is not None for one in found.languages)
    underlined = " <u>Dotted underline</u>: the gold span." if gold else ""
    return "\n".join(
        [
            "<h2>Cases</h2>",
            f'<p class="soft">{what}{underlined}</p>',
            legend(types),
            _filter(found, chosen, types),
            '<div id="cases">',
            *(_case(case, types) for case in chosen),
            "</div>",
        ]
    )


def _filter(found: Comparison, listed: Sequence[Case], types: dict[str, int]) -> str:
    """Choices by kind (with the number of such outcomes), method, type and language."""
    number = Counter(o.kind for case in listed for seen in case.seen for o in seen.outcomes)
    every = dict.fromkeys(kind for one in found.languages for kind in kinds(one) if number[kind])
    methods = dict.fromkeys(f.method for one in found.languages for f in one.done)
    langs = {one.lang: resolve(one.lang).name for one in found.languages}
    choices = [
        choice("kind", "outcome", ((k, k, f"{_words(k)} ({number[k]:,})") for k in every)),
        choice("method", "method", ((m, m, m) for m in methods)),
        choice("type", "type", ((label, str(n), label) for label, n in types.items())),
    ]
    if len(langs) > 1:
        choices.append(
            choice("lang", "language", ((code, code, name) for code, name in langs.items()))
        )
    return (
        '<form id="filter" aria-label="Filter cases" hidden>'
        + "".join(choices)
        + '<button type="reset">show all</button>'
        + '<output id="count" aria-live="polite"></output></form>'
    )


def _case(case: Case, types: dict[str, int]) -> str:
    where = f"{text(resolve(case.lang).name)}, row {case.number:,}"
    lines = [
        f'<article class="case" data-lang="{text(case.lang)}">',
        f"<h3>{where} · <bdi>{text(case.source.id)}</bdi></h3>",
        _line("source", case.source, types),
    ]
    if case.gold is not None:
        lines.append(_line("gold", case.gold, types))
    lines += [_seen(case, seen, types) for seen in case.seen]
    return "\n".join([*lines, "</article>"])


def _line(who: str, example: Example, types: dict[str, int]) -> str:
    shown = _texts(example, (), types)
    return f'<div class="line"><span class="who">{who}</span><div>{shown}</div></div>'


def _seen(case: Case, seen: Seen, types: dict[str, int]) -> str:
    tokens = " ".join(f"{o.kind}:{types[o.label]}" for o in seen.outcomes)
    gold = () if case.gold is None else case.gold.spans
    chips = "".join(_chip(case.source, seen, outcome) for outcome in seen.outcomes)
    fault = "" if seen.error is None else f'<p class="fault">{text(seen.error)}</p>'
    return (
        f'<div class="line seen" data-method="{text(seen.method)}" data-outcomes="{tokens}">'
        f'<span class="who">{text(seen.method)}</span><div>{_texts(seen.target, gold, types)}'
        f'<div class="chips">{chips}</div>{fault}</div></div>'
    )


def _chip(source: Example, seen: Seen, outcome: Outcome) -> str:
    what = outcome.label if outcome.source is None else source.covered(source.spans[outcome.source])
    how = seen.how(outcome)
    why = f" ({text(how)})" if how else ""
    return (
        f'<span class="chip"><bdi>{text(what)}</bdi>: '
        f'<span class="kind {outcome.kind}">{_words(outcome.kind)}</span>{why}</span>'
    )


def _texts(example: Example, gold: Sequence[Span], types: dict[str, int]) -> str:
    lang = resolve(example.lang).short or example.lang
    return "".join(
        f'<div class="text" dir="auto" lang="{text(lang)}">'
        + marked(
            given,
            [s for s in example.spans if s.text == number],
            types,
            [s for s in gold if s.text == number],
        )
        + "</div>"
        for number, given in enumerate(example.texts)
    )


def _words(kind: str) -> str:
    return kind.replace("_", " ")
