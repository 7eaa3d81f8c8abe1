"""The corpus's card: what it holds, what made it, how to load and to remake it.

Says nothing that differs between two runs of one recipe: the corpus stays byte-identical.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xltpipe import __version__
from xltpipe.languages import resolve
from xltpipe.recipe import Recipe


def cover(run: str, parts: Sequence[tuple[str, str]], cards: Sequence[str]) -> str:
    """The card of a whole run: the YAML header that dataset hubs read, then each part's card.

    `parts` are (language, split): `datasets` offers a configuration per language.
    """
    configs = []
    for lang in dict.fromkeys(lang for lang, _ in parts):
        configs += [f"- config_name: {lang}", "  data_files:"]
        for split in [s for at, s in parts if at == lang]:
            path = f"lang={lang}/split={split}/*.parquet"
            configs += [f"  - split: {split}", f"    path: {path}"]
    short = dict.fromkeys(resolve(target).short or target for target, _ in parts)
    head = [
        "---",
        f"language: [{', '.join(short)}]",
        f"pretty_name: {run}",
        "task_categories: [token-classification]",
        "tags: [translated, label-projection, xltpipe]",
        "configs:",
        *configs,
        "---",
        f"# {run}",
        "",
        "```python",
        f'datasets.load_dataset("{run_folder(run)}", "{parts[0][0]}")',
        "```",
        "",
    ]
    return "\n".join([*head, *cards])


def run_folder(run: str) -> str:
    """The folder of a run's corpus, below the store."""
    return f"corpus/run={run}"


def card(
    recipe: Recipe,
    target: str,
    split: str,
    counts: Mapping[str, int],
    reasons: Mapping[str, int],
    labels: Mapping[str, int],
) -> str:
    """Markdown about one language and split."""
    language = resolve(target)
    lines = [
        f"## {language.name}, {split}",
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
        *([f"| kept, masked | {counts['masked']} |"] if counts["masked"] else []),
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
    ]
    return "\n".join(lines)


def _settings(identity: Mapping[str, object]) -> str:
    shown = [f"{k}={v}" for k, v in identity.items() if k != "kind" and not isinstance(v, dict)]
    return f"({', '.join(shown)})" if shown else ""
