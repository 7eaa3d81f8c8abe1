"""A run of sixty sentences, some of which its rules reject, to decide about."""

from __future__ import annotations

from pathlib import Path

from tests.toy_recipe import RULES, toy_recipe
from tests.toy_run import run
from xltpipe.recipe import Recipe
from xltpipe.store import Store

NAMES = ("Ana", "Bob", "Eva", "Max", "Omar", "Zoe")
PLACES = ("Rome", "Oslo", "Quito", "Lima", "Delhi")
TAILS = (
    "saw 12 ships near the old harbour",
    "never sold the 7 houses by the river",
    "said that the long winter would not end",
    "bought 30 books for the small school",
)

LEAST = 10


def sentences(rows: int = 60) -> str:
    """CoNLL: every sixth row has no name at all, the others two."""
    blocks = []
    for n in range(rows):
        tail = TAILS[n % len(TAILS)].split()
        if n % 6 == 5:
            words = [(w, "O") for w in (f"Nobody{n}", *tail)]
        else:
            name, place = NAMES[n % len(NAMES)], PLACES[n % len(PLACES)]
            words = [(name, "B-PER"), *((w, "O") for w in tail), ("in", "O"), (place, "B-LOC")]
            words += [("on", "O"), ("day", "O"), (str(n), "O")]
        blocks.append("\n".join(f"{word} {tag}" for word, tag in words))
    return "\n\n".join(blocks) + "\n"


def decided(home: Path, **changes: object) -> tuple[Recipe, Store]:
    """The run, done; rows without names have fewer words, and are rejected for it."""
    (home / "train.conll").write_text(sentences(), encoding="utf-8")
    (home / "test.conll").write_text(sentences(6), encoding="utf-8")
    settings = {
        "shard_rows": 16,
        "rules": {**RULES, "near_duplicate": False, "target_words": {"min": LEAST}},
    }
    recipe = toy_recipe(home, **{**settings, **changes})
    store = Store(home / "store")
    run(recipe, store)
    return recipe, store
