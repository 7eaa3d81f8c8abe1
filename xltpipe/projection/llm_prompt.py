"""Prompts: a template filled for one span of one unit."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xltpipe.projection.llm_cells import plain
from xltpipe.types import Span, Unit

PROMPT = """\
Here is a text in {source_language} and its translation into {target_language}.

{source_language}: {source}

{target_language}: {target}

In the {source_language} text, this part is marked as {label}: {span}{occurrence}

Which part of the {target_language} text is its translation? Copy that part exactly as it stands \
there, and write nothing else."""
"""The instruction of CLaP in our own words: translate the label in the translation's context."""

FIELDS = (
    *("source_language", "target_language", "source", "target"),
    *("span", "label", "occurrence"),
)
_FIELD = re.compile(r"\{(\w+)\}")


def fault(template: str) -> str | None:
    """What is wrong with a template, None if nothing is."""
    named = set(_FIELD.findall(template))
    unknown = sorted(named - set(FIELDS))
    if unknown:
        return f"must use fields out of {', '.join(FIELDS)}, was: {{{unknown[0]}}}"
    if not {"span", "target"} <= named:
        return f"must hold {{span}} and {{target}}, was: {template!r}"
    return None


def fill(
    template: str, unit: Unit, span: Span, languages: tuple[str, str], labels: Mapping[str, str]
) -> str:
    """The template with every field replaced once: what a text holds in braces stays as it is.

    Args:
        languages: names of the source's and the target's language.
        labels: what to call a label; one that is missing is called by its name.
    """
    source, target = unit.source.texts[span.text], unit.target.texts[span.text]
    values = {
        "source_language": languages[0],
        "target_language": languages[1],
        "source": plain(source),
        "target": plain(target),
        "span": plain(source[span.start : span.end]),
        "label": labels.get(span.label, span.label),
        "occurrence": _occurrence(source, span),
    }
    return _FIELD.sub(lambda field: values[field[1]], template)


def _occurrence(text: str, span: Span) -> str:
    """Which of several occurrences is meant; nothing where there is one."""
    part = text[span.start : span.end]
    places = [k for k in range(len(text)) if text.startswith(part, k)]
    if len(places) == 1:
        return ""
    return f" (occurrence {places.index(span.start) + 1} of {len(places)})"
