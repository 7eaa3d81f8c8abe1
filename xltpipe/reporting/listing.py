"""Listing: the sampled rows, source and target side by side, to search, filter and page through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from xltpipe.hypertext import HUES, choice, legend, marked, text
from xltpipe.languages import resolve
from xltpipe.quality import COLUMNS, REASONS
from xltpipe.quality.column import Limits
from xltpipe.reporting.findings import Findings
from xltpipe.reporting.reasons import kind
from xltpipe.reporting.rows import STATES, Row, Sample
from xltpipe.reporting.sections import section, where
from xltpipe.types import Example

MOST = 60
"""Labels that can be chosen; rarer ones are found by searching."""

Numbered = Mapping[str, int]


def listing(found: Findings) -> str:
    """All listed rows, and how many are not."""
    rows = found.sample.rows
    types = _types(rows)
    why = {one: n for n, one in enumerate(dict.fromkeys(r for row in rows for r in _why(row)))}
    shown = dict(list(types.items())[:MOST])
    limits = found.essentials.run.limits
    return section(
        "rows",
        "Rows",
        [
            f'<p class="soft">{_told(found.sample)}</p>',
            legend(shown),
            _filter(rows, shown, why),
            '<div id="list">',
            *(_row(n, row, types, why, limits) for n, row in enumerate(rows, start=1)),
            "</div>",
            _PAGER,
        ],
    )


def _told(sample: Sample) -> str:
    """How many rows of each state are listed and how many are not."""
    total = sum(sample.totals.values())
    left = total - len(sample.rows)
    each = ", ".join(
        f"{sample.listed(state):,} of {sample.totals[state]:,} {state}" for state in STATES
    )
    if not left:
        return f"All {total:,} rows are listed: {each}."
    return (
        f"{len(sample.rows):,} of {total:,} rows are listed: {each}; {left:,} are <b>not</b> "
        "listed. Drawn by chance, with rows of every reason (--rows lists more, --seed others)."
    )


def _types(rows: Sequence[Row]) -> dict[str, int]:
    """Labels of spans and of whole rows, the most frequent first, each with its number."""
    number: Counter[str] = Counter()
    for row in rows:
        number.update(s.label for side in (row.source, row.target) for s in side.spans)
        number.update(label for label in (row.source.label,) if label is not None)
    ordered = sorted(number, key=lambda label: (-number[label], label))
    return {label: n for n, label in enumerate(ordered)}


def _why(row: Row) -> tuple[str, ...]:
    return row.reasons if row.error is None else (*row.reasons, kind(row.error))


def _filter(rows: Sequence[Row], types: Numbered, why: Numbered) -> str:
    states = Counter(row.state for row in rows)
    reasons = Counter(reason for row in rows for reason in _why(row))
    places = {(row.lang, row.split): None for row in rows}
    choices = [
        _search(),
        choice("state", "state", ((s, s, f"{s} ({states[s]:,})") for s in STATES if states[s])),
        choice("reason", "reason", ((r, str(n), f"{r} ({reasons[r]:,})") for r, n in why.items())),
        choice("label", "label", ((label, str(n), label) for label, n in types.items())),
    ]
    if len(places) > 1:
        named = ((f"{a}-{b}", where(a, b)) for a, b in places)
        choices.append(choice("lang", "language", ((key, key, name) for key, name in named)))
    return (
        '<form id="filter" role="search" aria-label="Filter rows" hidden>'
        + "".join(choices)
        + '<button type="reset">Show all</button>'
        + '<output id="count" aria-live="polite"></output></form>'
    )


def _search() -> str:
    return (
        '<label>search<input type="search" name="q" placeholder="text, id, error …" '
        'autocomplete="off" spellcheck="false"></label>'
    )


_PAGER = (
    '<nav id="pager" aria-label="Pages of rows" hidden>'
    '<button type="button" id="previous">← Previous</button>'
    '<span id="page"></span>'
    '<button type="button" id="next">Next →</button></nav>'
)


def _row(
    number: int, row: Row, types: Numbered, why: Numbered, limits: Mapping[str, Limits]
) -> str:
    labels = dict.fromkeys(s.label for side in (row.source, row.target) for s in side.spans)
    if row.source.label is not None:
        labels[row.source.label] = None
    chips = "".join(f'<span class="chip why">{text(reason)}</span>' for reason in row.reasons)
    reasons = " ".join(str(why[one]) for one in _why(row))
    marks = " ".join(str(types[label]) for label in labels)
    head = (
        f'<article class="row {row.state}" id="r{number}" data-state="{row.state}" '
        f'data-reason="{reasons}" data-label="{marks}" '
        f'data-lang="{text(row.lang)}-{text(row.split)}">'
        f'<header><span class="state">{row.state}</span>{chips}'
        f'<span class="of"><bdi>{text(row.source.id)}</bdi> · {text(where(row.lang, row.split))} '
        f'<a href="#r{number}" aria-label="Link to row {number}">#{number}</a></span></header>'
    )
    return "\n".join(
        [
            head,
            '<div class="pair">',
            _side("source", row.source, types),
            _side("target", row.target, types),
            "</div>",
            f'<div class="foot">{_notes(row, limits)}{_details(row)}</div>',
            "</article>",
        ]
    )


def _side(who: str, example: Example, types: Numbered) -> str:
    lang = resolve(example.lang).short or example.lang
    label = ""
    if example.label is not None:
        hue = types.get(example.label, 0) % HUES
        label = f'<div><mark class="t{hue}" dir="auto">{text(example.label)}</mark></div>'
    texts = "".join(
        f'<div class="text" dir="auto" lang="{text(lang)}">'
        + marked(given, [s for s in example.spans if s.text == number], types)
        + "</div>"
        for number, given in enumerate(example.texts)
    )
    return f'<div class="side"><span class="who">{who}</span>{texts}{label}</div>'


def _notes(row: Row, limits: Mapping[str, Limits]) -> str:
    """What a person must know of this row beside its texts."""
    error = "" if row.error is None else f'<p class="error"><bdi>{text(row.error)}</bdi></p>'
    chips = [
        f'<span class="chip lost">lost <bdi>{text(label)}</bdi> “<bdi>{text(what)}</bdi>”: '
        f"{text(reason)}</span>"
        for what, label, reason in row.lost
    ]
    for name, rule in limits.items():
        value = row.scores.get(name)
        if value is not None and not rule.holds(value):
            over = rule.max is not None and value > rule.max
            edge = rule.max if over else rule.min
            chips.append(
                f'<span class="chip score">{text(name)} {value:.4g} '
                f"{'&gt;' if over else '&lt;'} {edge:.4g}</span>"
            )
    if row.truncated:
        chips.append('<span class="chip lost">met a length limit of the engine</span>')
    if row.cut or row.spans_cut:
        chips.append(
            f'<span class="chip">{row.cut:,} characters and {row.spans_cut:,} spans of this row '
            "are not shown</span>"
        )
    return error + f'<div class="chips">{"".join(chips)}</div>'


def _details(row: Row) -> str:
    if not row.scores and not row.methods:
        return ""
    known = sorted(row.scores, key=lambda name: list(COLUMNS).index(name) if name in COLUMNS else 0)
    scores = " · ".join(
        f'<span title="{text(REASONS.get(name, name))}">{text(name)}</span> {row.scores[name]:.4g}'
        for name in known
    )
    methods = f" · projected by {text(', '.join(row.methods))}" if row.methods else ""
    return f"<details><summary>scores</summary><p>{scores}{methods}</p></details>"
