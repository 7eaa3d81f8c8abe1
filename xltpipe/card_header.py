"""The header of a corpus's card: what the Hugging Face hub lists, filters and loads it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xltpipe.datasets import Hub
from xltpipe.datasets.files import FileSource
from xltpipe.languages import resolve
from xltpipe.licences import Licence, hub_ids
from xltpipe.recipe import Recipe
from xltpipe.tally import named

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
)


def header(
    recipe: Recipe, parts: Sequence[tuple[str, str, Mapping[str, int]]], listed: Sequence[Licence]
) -> dict[str, object]:
    """The fields in order; `parts` are (language, split, counts). One configuration a language."""
    languages = list(dict.fromkeys(lang for lang, _, _ in parts))
    ids, other = hub_ids(listed)
    rows = sum(counts["rows"] for _, _, counts in parts)
    return {
        "language": [resolve(lang).opus for lang in languages],
        "license": ids[0] if len(ids) == 1 else ids,
        **({"license_name": _slug(other)} if other else {}),
        "pretty_name": recipe.run,
        "multilinguality": ["monolingual" if len(languages) == 1 else "multilingual"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "source_datasets": _origins(recipe),
        "task_categories": tasks([counts for _, _, counts in parts]),
        "size_categories": [_size(rows)],
        "tags": ["translated", "label-projection", "xltpipe"],
        "configs": [
            {
                "config_name": lang,
                "data_files": [
                    {"split": split, "path": f"lang={lang}/split={split}/*.parquet"}
                    for at, split, _ in parts
                    if at == lang
                ],
            }
            for lang in languages
        ],
    }


def tasks(counts: Sequence[Mapping[str, int]]) -> list[str]:
    """The hub's names for what the labels are: on words, on whole rows, or answers."""
    labels = {name.lower() for one in counts for name in named(one, "label")}
    found = []
    if labels and labels <= {"answer", "answers"}:
        found.append("question-answering")
    elif labels:
        found.append("token-classification")
    if any(named(one, "class") for one in counts):
        found.append("text-classification")
    return found or ["token-classification"]


def _origins(recipe: Recipe) -> list[str]:
    """`extended|name` of a dataset on the hub; of a file nobody there knows more than that."""
    sources = [recipe.train, *([recipe.dev] if recipe.dev else [])]
    found = []
    for source in sources:
        on_hub = isinstance(source, Hub) and not (
            source.data_files or source.name.startswith((".", "/"))
        )
        if isinstance(source, Hub) and on_hub:
            found.append(f"extended|{source.name}")
        elif isinstance(source, FileSource):
            found.append(f"extended|other-{_slug(source.title)}")
        else:
            found.append("extended|other")
    return list(dict.fromkeys(found))


def _size(rows: int) -> str:
    return next((name for below, name in _SIZES if rows < below), "100M<n<1B")


def _slug(text: str) -> str:
    """As the hub wants names: lower case, digits, dots and dashes."""
    kept = "".join(c if c.isalnum() or c in ".-" else "-" for c in text.lower())
    return "-".join(part for part in kept.split("-") if part)
