"""Hypertext: pages in one file without anything from outside, every text escaped.

A page's own policy (CSP) lets nothing run but its one script, by its hash: a text that got through
unescaped could still do nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from string import Template

from xltpipe.types import Span
from xltpipe.visible import visible

HUES = 8
"""Colours for types in base.css; with more types they repeat, and each span has its label."""


def text(given: str) -> str:
    """A text as HTML, also inside an attribute; control characters are shown, not obeyed."""
    return escape(visible(given), quote=True)


def document(title: str, body: Sequence[str], style: Path, script: Path | None = None) -> str:
    """A whole page: page.html with a style beside base.css, and a script that may run."""
    shared = files("xltpipe.hypertext")
    css = f"\n{(shared / 'base.css').read_text('utf-8')}{style.read_text('utf-8')}"
    code = "" if script is None else f"\n{script.read_text('utf-8')}"
    return Template((shared / "page.html").read_text("utf-8")).substitute(
        title=text(title),
        policy=_policy(css, code),
        style=css,
        body="\n".join(body),
        script=f"<script>{code}</script>\n" if code else "",
    )


def _policy(style: str, script: str) -> str:
    css, code = (b64encode(sha256(one.encode()).digest()).decode() for one in (style, script))
    return (
        f"default-src 'none'; script-src 'sha256-{code}'; style-src 'sha256-{css}'; "
        "base-uri 'none'; form-action 'none'"
    )


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], words: set[int], caption: str = ""
) -> str:
    """Cells are HTML already; columns in `words` are set left; a short row's last cell is wide."""

    def css(n: int, row: Sequence[str] = ()) -> str:
        wide = f' colspan="{len(heads) - n}"' if row and n + 1 == len(row) < len(heads) else ""
        return (' class="word"' if n in words or wide else "") + wide

    head = "".join(f'<th scope="col"{css(n)}>{escape(h)}</th>' for n, h in enumerate(heads))
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row"{css(n)}>{cell}</th>' if n == 0 else f"<td{css(n, row)}>{cell}</td>"
            for n, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    whole = f"<table>{named}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{whole}</div>'


def choice(name: str, shown: str, options: Iterable[tuple[str, str, str]]) -> str:
    """A list to choose from: each option by its value, the key that rows bear, and its words."""
    listed = "".join(
        f'<option value="{text(value)}" data-key="{text(key)}">{text(words)}</option>'
        for value, key, words in options
    )
    choices = f'<option value="">any</option>{listed}'
    return f'<label>{shown}<select name="{name}">{choices}</select></label>'


def legend(types: Mapping[str, int]) -> str:
    """The types in their colours."""
    listed = "".join(
        f'<li><mark class="t{n % HUES}" dir="auto">{text(label)}</mark></li>'
        for label, n in types.items()
    )
    return f'<ul class="legend" aria-label="Types">{listed}</ul>'


def marked(
    given: str, spans: Sequence[Span], types: Mapping[str, int], gold: Sequence[Span] = ()
) -> str:
    """The text in pieces between all edges, each inside the marks of the spans that cover it."""
    edges = sorted({0, len(given), *(e for s in [*spans, *gold] for e in (s.start, s.end))})
    ordered = sorted(spans, key=lambda s: (s.start, -s.end, s.label))
    pieces = []
    for start, end in pairwise(edges):
        piece = text(given[start:end])
        if any(s.start <= start and end <= s.end for s in gold):
            piece = f"<u>{piece}</u>"
        for span in reversed([s for s in ordered if s.start <= start and end <= s.end]):
            tag = ""
            if span.end == end and len(types) > 1:
                tag = f'<span class="tag">{text(span.label)}</span>'
            piece = f'<mark class="t{types.get(span.label, 0) % HUES}">{piece}{tag}</mark>'
        pieces.append(piece)
    return "".join(pieces)
