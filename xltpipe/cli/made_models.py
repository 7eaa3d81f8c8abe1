"""The models that a run trained: where each lies, and which strategies use it for what language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xltpipe.runs import record
from xltpipe.store import Shard, Store

_NAMED = 4
"""Languages that a line names; one model may serve very many."""


def models(store: Store, run: str) -> list[str]:
    """A line for each model, `model: FOLDER (STRATEGY, …: LANGUAGE, …)`, in the order of the run.

    One that several strategies or languages share is told once. The two that an ensemble is made
    of are those of translate_train and translate_test; `sequential` has one for each stage.
    """
    found = record(store, run)
    users: dict[Shard, dict[str, list[str]]] = {}
    for outcome in found["outcomes"] if found else ():
        for shard, who in _trained(outcome, found["recipe"] if found else {}):
            if store.manifest(shard) is not None:
                users.setdefault(shard, {}).setdefault(who, []).append(outcome["target"])
    return [f"model: {_place(store, shard)} ({_told(who)})" for shard, who in users.items()]


def _trained(outcome: Mapping[str, Any], recipe: Mapping[str, Any]) -> Iterator[tuple[Shard, str]]:
    """The models of one strategy, each with what it is called."""
    given = [Shard(**fields) for _, fields in outcome["shards"] if fields["stage"] == "train"]
    strategy = outcome["strategy"]
    if strategy != "sequential":
        yield from ((shard, strategy) for shard in dict.fromkeys(given))
        return
    order = (recipe.get("sequence") or {}).get("order") or [recipe["source"], *recipe["targets"]]
    for stage, shard in enumerate(given, start=1):
        yield shard, f"{strategy} {' > '.join(order[:stage])}"


def _told(users: Mapping[str, list[str]]) -> str:
    """Strategies with the same languages stand together."""
    alike: dict[str, list[str]] = {}
    for who, langs in users.items():
        more = len(langs) - _NAMED
        named = ", ".join(langs[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        alike.setdefault(named, []).append(who)
    return "; ".join(f"{', '.join(who)}: {named}" for named, who in alike.items())


def _place(store: Store, shard: Shard) -> str:
    if store.shared:
        place = store.place(shard).relative_to(store.root).as_posix()
        return f"{store.address}/{place}/{shard.part}"
    return str(store.path(shard))
