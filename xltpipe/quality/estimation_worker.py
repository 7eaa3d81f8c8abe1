"""The other side of `estimation_process`: runs by itself, where unbabel-comet is installed.

Reads a line of JSON per request and writes one per answer; nothing of xltpipe is imported here.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> None:
    """Load the model that the first line names, say so, then score pairs until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what packages print goes to standard error
    model: Any = None
    settings: dict[str, Any] = {}
    answer: dict[str, Any]
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        try:
            if model is None:
                settings = asked
                model = load(asked["model"])
                answer = {"ready": True}
            else:
                answer = scored(model, asked["pairs"], settings)
        except Exception as error:  # noqa: BLE001 - told on the other side
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def load(name: str) -> Any:
    """A model by its checkpoint or hub name; the local cache is asked first."""
    comet = import_module("comet")
    trouble: Exception | None = None
    for local in (True, False):
        try:
            known = Path(name).is_file()
            path = name if known else comet.download_model(name, local_files_only=local)
            model = comet.load_from_checkpoint(path, local_files_only=local)
        except Exception as error:  # noqa: BLE001 - whatever it was, the hub may have the remedy
            trouble = trouble or error
        else:
            if model.requires_references():
                raise ValueError("it needs references, and there are none here")
            model.eval()
            return model
    raise ValueError(str(trouble)) from trouble


def scored(model: Any, pairs: list[list[str]], settings: dict[str, Any]) -> dict[str, Any]:
    """One score per pair, and whether the model did not read all of it."""
    torch = import_module("torch")
    gpus = int(settings["device"] == "auto" and torch.cuda.is_available())
    samples = [{"src": source, "mt": target} for source, target in pairs]
    with contextlib.redirect_stdout(sys.stderr):
        found = model.predict(
            samples, batch_size=settings["batch_size"], gpus=gpus, progress_bar=False, num_workers=0
        )
    return {"scores": [float(one) for one in found["scores"]], "cut": cut(model, pairs)}


def cut(model: Any, pairs: list[list[str]]) -> list[bool]:
    """Which pairs do not fit: each text by itself or, where a model joins them, both together."""
    room = model.encoder.max_positions - 2
    sizes = [
        [len(ids) for ids in model.encoder.tokenizer(list(side), verbose=False)["input_ids"]]
        for side in zip(*pairs)  # noqa: B905 - older Pythons have no strict
    ]
    joined = model.encoder.max_positions + 2 - model.encoder.size_separator
    together = getattr(model.hparams, "input_segments", None) is not None
    return [max(a, b) > room or (together and a + b > joined) for a, b in zip(*sizes)]  # noqa: B905


if __name__ == "__main__":
    main()
