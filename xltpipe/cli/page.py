"""Page: a comparison as one HTML file without anything from outside, every text escaped.

The page's own policy (CSP) lets nothing run but the one script in the template, by its hash: a text
that got through unescaped could still do nothing.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from itertools import pairwise
from pathlib import Path
from string import Template

from xltpipe import __version__
from xltpipe.cli.page_tables import section
from xltpipe.cli.visible import visible
from xltpipe.comparison import Comparison
from xltpipe.comparison.cases import Case, Seen, cases, sample
from xltpipe.comparison.scores import kinds
from xltpipe.evaluation.projection_errors import Outcome
from xltpipe.languages import resolve
from xltpipe.types import Example, Span

HUES = 8
"""Colours for types in the template; with more types they repeat, and each span has its label."""


def page(found: Comparison, most: int) -> str:
    """The whole file; at most so many cases are listed, and how many are not is said."""
    listed = [case for one in found.languages for case in cases(one)]
    chosen = sample(listed, most)
    types = _types(found)
    title = f"Projections compared: {found.name}"
    body = [
        f"<header><h1>{_text(title)}</h1>",
        f'<p class="soft">xltpipe {_text(__version__)}</p></header>',
        "<main>",
        *(section(one) for one in found.languages),
        _listing(found, listed, chosen, types),
        "</main>",
    ]
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=_text(title), policy=_policy(template), body="\n".join(body)
    )


def _policy(template: str) -> str:
    hashes = {
        tag: b64encode(sha256(_inside(template, tag).encode()).digest()).decode()
        for tag in ("script", "style")
    }
    return (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; "
        f"style-src 'sha256-{hashes['style']}'; base-uri 'none'; form-action 'none'"
    )


def _inside(template: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", template, re.DOTALL)
    return found[1] if found else ""


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
    legend = "".join(
        f'<li><mark class="t{n % HUES}" dir="auto">{_text(label)}</mark></li>'
        for label, n in types.items()
    )
    return "\n".join(
        [
            "<h2>Cases</h2>",
            f'<p class="soft">{what}{underlined}</p>',
            f'<ul class="legend" aria-label="Types">{legend}</ul>',
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
        _choice("kind", "outcome", ((k, k, f"{_words(k)} ({number[k]:,})") for k in every)),
        _choice("method", "method", ((m, m, m) for m in methods)),
        _choice("type", "type", ((label, str(n), label) for label, n in types.items())),
    ]
    if len(langs) > 1:
        choices.append(
            _choice("lang", "language", ((code, code, name) for code, name in langs.items()))
        )
    return (
        '<form id="filter" aria-label="Filter cases" hidden>'
        + "".join(choices)
        + '<button type="reset">show all</button>'
        + '<output id="count" aria-live="polite"></output></form>'
    )


def _choice(name: str, shown: str, options: Iterable[tuple[str, str, str]]) -> str:
    listed = "".join(
        f'<option value="{_text(value)}" data-key="{_text(key)}">{_text(text)}</option>'
        for value, key, text in options
    )
    choices = f'<option value="">any</option>{listed}'
    return f'<label>{shown}<select name="{name}">{choices}</select></label>'


def _case(case: Case, types: dict[str, int]) -> str:
    where = f"{_text(resolve(case.lang).name)}, row {case.number:,}"
    lines = [
        f'<article class="case" data-lang="{_text(case.lang)}">',
        f"<h3>{where} · <bdi>{_text(case.source.id)}</bdi></h3>",
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
    fault = "" if seen.error is None else f'<p class="fault">{_text(seen.error)}</p>'
    return (
        f'<div class="line seen" data-method="{_text(seen.method)}" data-outcomes="{tokens}">'
        f'<span class="who">{_text(seen.method)}</span><div>{_texts(seen.target, gold, types)}'
        f'<div class="chips">{chips}</div>{fault}</div></div>'
    )


def _chip(source: Example, seen: Seen, outcome: Outcome) -> str:
    what = outcome.label if outcome.source is None else source.covered(source.spans[outcome.source])
    how = seen.how(outcome)
    why = f" ({_text(how)})" if how else ""
    return (
        f'<span class="chip"><bdi>{_text(what)}</bdi>: '
        f'<span class="kind {outcome.kind}">{_words(outcome.kind)}</span>{why}</span>'
    )


def _texts(example: Example, gold: Sequence[Span], types: dict[str, int]) -> str:
    lang = resolve(example.lang).short or example.lang
    return "".join(
        f'<div class="text" dir="auto" lang="{_text(lang)}">'
        + _marked(
            text,
            [s for s in example.spans if s.text == number],
            [s for s in gold if s.text == number],
            types,
        )
        + "</div>"
        for number, text in enumerate(example.texts)
    )


def _marked(text: str, spans: Sequence[Span], gold: Sequence[Span], types: dict[str, int]) -> str:
    """The text in pieces between all edges, each inside the marks of the spans that cover it."""
    edges = sorted({0, len(text), *(e for s in [*spans, *gold] for e in (s.start, s.end))})
    ordered = sorted(spans, key=lambda s: (s.start, -s.end, s.label))
    pieces = []
    for start, end in pairwise(edges):
        piece = _text(text[start:end])
        if any(s.start <= start and end <= s.end for s in gold):
            piece = f"<u>{piece}</u>"
        for span in reversed([s for s in ordered if s.start <= start and end <= s.end]):
            tag = ""
            if span.end == end and len(types) > 1:
                tag = f'<span class="tag">{_text(span.label)}</span>'
            piece = f'<mark class="t{types.get(span.label, 0) % HUES}">{piece}{tag}</mark>'
        pieces.append(piece)
    return "".join(pieces)


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _text(text: str) -> str:
    return escape(visible(text), quote=True)
