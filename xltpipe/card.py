"""The corpus's card: what it holds, what made it, under which licences, how to remake it.

Written when a corpus is published, from its manifests' counts and the recipe: a licence that is
added later changes the card and no artefact. It says nothing that differs between two runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from xltpipe import __version__, card_tables, front_matter
from xltpipe.card_header import header
from xltpipe.languages import resolve
from xltpipe.licences import consequences, licences
from xltpipe.recipe import Recipe
from xltpipe.recipe_text import to_toml

_SPLITS = {"train": 0, "dev": 1, "test": 2}
_SETTINGS = 2000  # characters of a component's settings; the recipe below has them all
_HASH = 16  # digits of a hash: enough to tell two models apart


@dataclass(frozen=True, slots=True)
class Part:
    """One language and split: its manifest's counts and libraries, and how its aligners were
    chosen.
    """

    lang: str
    split: str
    counts: Mapping[str, int]
    libraries: Mapping[str, str]
    aligners: tuple[str, ...] = ()


def run_folder(run: str) -> str:
    """The folder of a run's corpus, below the store."""
    return f"corpus/run={run}"


def readme(recipe: Recipe, parts: Sequence[Part]) -> str:
    """The README.md of a run's corpus: the header that hubs read, then `card.md` filled in."""
    ordered = sorted(parts, key=lambda p: (p.lang, _SPLITS.get(p.split, len(_SPLITS)), p.split))
    plain = [(p.lang, p.split, p.counts) for p in ordered]
    counts = [p.counts for p in ordered]
    listed = licences(recipe)
    follow = [f"- {line[0].upper()}{line[1:]}." for line in consequences(listed)]
    recipe_text = to_toml(recipe).rstrip()
    text = Template((files("xltpipe") / "card.md").read_text("utf-8")).substitute(
        run=recipe.run,
        about=_about(recipe, ordered),
        rows="\n".join(card_tables.rows(plain)),
        rules="\n".join(card_tables.rules(recipe, counts)),
        parts="\n".join(line for one in plain for line in card_tables.part(*one)),
        outside=sum(one["spans_not_in_tags"] for one in counts),
        made="\n".join(_made(recipe, ordered)),
        licences="\n".join(card_tables.licences(listed)),
        consequences="\n".join(follow or ["- Nothing beyond what the licences say themselves."]),
        folder=run_folder(recipe.run),
        lang=ordered[0].lang,
        name=recipe.name,
        version=__version__,
        libraries=_libraries(ordered),
        recipe=recipe_text,
        fence=_fence(recipe_text),
        key=recipe.run.replace("-", "_"),
    )
    return front_matter.write(header(recipe, plain, listed)) + text


def _fence(text: str) -> str:
    """A fence that the text does not close: prompts may hold one."""
    return "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)


def _about(recipe: Recipe, parts: Sequence[Part]) -> str:
    names = list(dict.fromkeys(resolve(p.lang).name for p in parts))
    kept = sum(p.counts["rows"] for p in parts)
    return (
        f"{kept} labelled rows in {', '.join(names)}, machine-translated from "
        f"{resolve(recipe.source).name} with the labels carried over by "
        f"[xltpipe](https://pypi.org/project/xltpipe/) {__version__}."
    )


def _libraries(parts: Sequence[Part]) -> str:
    """Each version once: parts may have been made by different ones."""
    found = sorted({(name, number) for p in parts for name, number in p.libraries.items()})
    return ", ".join(f"{name} {number}" for name, number in found)


def _made(recipe: Recipe, parts: Sequence[Part]) -> list[str]:
    scored = _settings({k: v for k, v in recipe.quality.identity().items() if v})
    chosen: dict[str, list[str]] = {}
    for one in parts:
        for why in one.aligners:
            chosen.setdefault(why, []).append(f"{resolve(one.lang).name} {one.split}")
    return [
        f"- translation: `{recipe.translation.kind}` {_settings(recipe.translation.identity())}",
        f"- projection: `{recipe.projection.kind}` {_settings(recipe.projection.identity())}",
        *([f"- scores beyond the rules' own: {scored}"] if scored else []),
        *(f"- aligner of {', '.join(where)}: {why}" for why, where in chosen.items()),
        (
            f"- rows that lost a span: `{recipe.incomplete}`; rows that cannot be processed: "
            f"`{recipe.on_error}`; seed {recipe.seed}"
        ),
    ]


def _settings(identity: Mapping[str, object]) -> str:
    """All settings that decide the result, nested ones by dotted names, hashes by their start."""
    shown = []
    for name, value in _flat("", identity):
        if name.endswith("!") and len(str(value)) == 64:  # a fingerprint: sha256 in hex
            shown.append(f"{name.removesuffix('!')}=sha256:{str(value)[:_HASH]}")
        elif name != "kind" and value is not None:
            shown.append(f"{name.removesuffix('!')}={value}")
    text = ", ".join(shown)
    text = text if len(text) <= _SETTINGS else f"{text[:_SETTINGS]}…"
    return f"({card_tables.cell(text)})" if text else ""


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, Mapping):
        return [(prefix, value)]
    return [
        pair
        for key, inner in value.items()
        for pair in _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    ]
