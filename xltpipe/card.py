"""The corpus's card: what it holds, what made it, how to load and to remake it.

Says nothing that differs between two runs of one recipe: the corpus stays byte-identical.
"""

from __future__ import annotations

from collections.abc import Mapping

from xltpipe import __version__
from xltpipe.languages import resolve
from xltpipe.recipe import Recipe


def card(
    recipe: Recipe,
    target: str,
    split: str,
    counts: Mapping[str, int],
    reasons: Mapping[str, int],
    labels: Mapping[str, int],
) -> str:
    """Markdown with the YAML header that dataset hubs read."""
    language = resolve(target)
    lines = [
        "---",
        f"language: [{language.short or target}]",
        f"pretty_name: {recipe.name} ({language.name}, {split})",
        "task_categories: [token-classification]",
        "tags: [translated, label-projection, xltpipe]",
        "---",
        f"# {recipe.name}: {language.name}, {split}",
        "",
        (
            f"Machine-translated from {resolve(recipe.source).name} with labels carried over by "
            f"xltpipe {__version__}, run `{recipe.run}`."
        ),
        "",
        "| rows | number |",
        "|---|---|",
        f"| in | {counts['rows_in']} |",
        f"| kept | {counts['rows']} |",
        *(f"| rejected: {name} | {n} |" for name, n in sorted(reasons.items())),
        f"| quarantined | {counts['quarantined']} |",
        "",
        "| label | spans |",
        "|---|---|",
        *(f"| {name} | {n} |" for name, n in sorted(labels.items())),
        "",
        f"- translation: `{recipe.translation.kind}` {_settings(recipe.translation.identity())}",
        f"- projection: `{recipe.projection.kind}` {_settings(recipe.projection.identity())}",
        (
            "- spans that `tags` cannot hold (overlapping or nested): "
            f"{counts['spans_not_in_tags']}; `spans` holds all"
        ),
        (
            "- licence: that of the source data and of the translation model; check both before "
            "you publish"
        ),
        "",
        "```python",
        'datasets.load_dataset("parquet", data_files="*.parquet")',
        "```",
        "",
    ]
    return "\n".join(lines)


def _settings(identity: Mapping[str, object]) -> str:
    shown = [f"{k}={v}" for k, v in identity.items() if k != "kind" and not isinstance(v, dict)]
    return f"({', '.join(shown)})" if shown else ""
