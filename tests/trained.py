"""What a training was given, by its manifest."""

from __future__ import annotations

from xltpipe.store import Shard, Store


def judged_by(store: Store, key: str) -> list[str]:
    """The ids of the shards of development data that a training was judged by."""
    manifest = store.manifest(Shard("train", key))
    assert manifest is not None
    inputs = list(manifest["inputs"])
    return inputs[inputs.index("dev") + 1 :]
