"""Artefacts: everything that a run made or used, with what their manifests say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xltpipe.runs import behind, records
from xltpipe.store import Shard, Store


@dataclass(frozen=True, slots=True)
class Artefact:
    """One artefact in its part of the run; several strategies and languages may share one."""

    strategy: str
    lang: str
    split: str
    stage: str
    key: str
    manifest: Mapping[str, Any]


def record(store: Store, run: str) -> Mapping[str, Any]:
    """The run's record; an empty one if it is gone since the catalogue was written."""
    return next((r for r in records(store) if r["run"] == run), {})


def artefacts(store: Store, record: Mapping[str, Any]) -> list[Artefact]:
    """Each artefact once per strategy, language and split, however many files it has."""
    found: dict[tuple[str, ...], Artefact] = {}
    for strategy, lang, split, shard in _recorded(record):
        todo = [shard]
        while todo:
            one = todo.pop()
            at = (strategy, lang, split, one.stage, one.key)
            if at in found:
                continue
            manifest = store.manifest(one)
            if manifest is None:  # gone or damaged: the funnel shows what that means
                continue
            found[at] = Artefact(*at, manifest)
            todo += behind(store, manifest)
    return list(found.values())


def _recorded(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Shard]]:
    for outcome in record.get("outcomes", []):
        here = (outcome["strategy"], outcome["target"])
        for split, fields in outcome["shards"]:
            yield *here, split, Shard(**fields)
        for fields in outcome["scores"]:
            yield *here, "test", Shard(**fields)


def libraries(found: Sequence[Artefact]) -> dict[str, Counter[str]]:
    """Versions of each library, with the number of the run's artefacts made under it."""
    out: dict[str, Counter[str]] = {}
    manifests = {(one.stage, one.key): one.manifest for one in found}
    for manifest in manifests.values():
        for name, version in manifest.get("libraries", {}).items():
            out.setdefault(name, Counter())[version] += 1
    return dict(sorted(out.items()))
