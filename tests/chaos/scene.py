"""A recipe, the run that nobody disturbed, and what another store must be like to equal it."""

from __future__ import annotations

import itertools
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests import real_run
from tests.chaos.worker import execute
from xltpipe.catalogue import query
from xltpipe.datasets import Conll
from xltpipe.errors import XltError
from xltpipe.recipe_file import load
from xltpipe.store import Store

PATIENCE = 900.0


@dataclass(frozen=True)
class Said:
    """How a process ended: its exit code (negative: the signal) and its words."""

    code: int
    words: str

    @property
    def errors(self) -> list[str]:
        """The errors that it told, each by its first line."""
        begins = ("error: ", "failed: ")
        return [line for line in self.words.splitlines() if line.startswith(begins)]

    @property
    def clear(self) -> bool:
        """It told exactly one error, one that we foresaw, and exposed nothing of its inside."""
        ours = len(self.errors) == 1 and self.errors[0].startswith("error: ")
        return ours and "Traceback" not in self.words


@dataclass(frozen=True)
class Rows:
    """What became of the rows: given = kept + rejected + quarantined, and no other."""

    given: int
    kept: int
    rejected: int
    quarantined: int
    lost: int
    duplicated: int

    @property
    def whole(self) -> bool:
        out = self.kept + self.rejected + self.quarantined
        return self.given == out and not self.lost and not self.duplicated


RECIPE = """\
name = "chaos"
targets = ["spa"]
strategies = ["translate_train"]
shard_rows = {shard_rows}
on_error = "quarantine"

[train]
kind = "jsonl"
path = "chaos.jsonl"

[[tests]]
name = "sample"
lang = "spa"
data = {{ kind = "conll", path = "{samples}/ner.spa.test.conll", limit = 20 }}

[translation]
{translation}
[training]
kind = "crf"
max_iterations = 10
"""
"""Rows that fail are quarantined: what befalls the machine must not be taken for their fault."""

EMBEDDED = """\
kind = "ctranslate2"
model = "{model}"
long_texts = "fault"
"""


def write_recipe(
    folder: Path,
    rows: int,
    shard_rows: int,
    *,
    model: str = "en-es-tatoeba",
    translation: str = EMBEDDED,
) -> Path:
    """A recipe on sample sentences, of which some are rejected, and one is quarantined."""
    folder.mkdir(parents=True, exist_ok=True)
    source = Conll(path="ner.eng.train.conll").read("eng", real_run.SAMPLES)
    lines = []
    for example in itertools.islice(source, rows - 3):
        spans = [{"start": s.start, "end": s.end, "label": s.label} for s in example.spans]
        lines.append({"id": example.id, "text": example.texts[0], "spans": spans})
    lines.append({"id": "numbers", "text": "4 8 15 16 23 42 4 8 15 16 23 42", "spans": []})
    lines.append(dict(lines[0], id="again"))
    lines.append({"id": "long", "text": "Ana lives in Rome with Eva. " * 60, "spans": []})
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "chaos.jsonl").write_text(text, encoding="utf-8")
    path = folder / "chaos.toml"
    engine = translation.format(model=model)
    recipe = RECIPE.format(shard_rows=shard_rows, samples=real_run.SAMPLES, translation=engine)
    path.write_text(recipe, encoding="utf-8")
    return path


class Scene:
    """A recipe on the sample sentences; the model, the aligner and the CRF are real."""

    size: ClassVar = {"rows": 40, "shard_rows": 10}

    def __init__(self, folder: Path, *, translation: str = EMBEDDED, inside: bool = False) -> None:
        self.folder, self.inside = folder, inside
        self.recipe = write_recipe(folder, **self.size, translation=translation)
        self.undisturbed = folder / "undisturbed"
        self.settle()

    def settle(self) -> None:
        """Run the recipe undisturbed, and keep what it gives."""
        said = self.run(self.undisturbed)
        if said.code:
            raise RuntimeError(f"exit code {said.code}:\n{said.words}")
        self.ids = [e.id for e in self._examples()]
        self.wanted = real_run.contents(self.undisturbed)
        self.corpus = real_run.corpus(self.undisturbed)

    def _examples(self) -> Sequence[object]:
        recipe = load(self.recipe)
        return list(recipe.train.read(recipe.source, recipe.root))

    def start(
        self,
        data: Path,
        hurt: Mapping[str, float] | None = None,
        *,
        recipe: Path | None = None,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """A run in a process of its own; `before` is a command that starts it, as `strace` does."""
        env = real_run.environment(self.folder / "prefect", None) | dict(environment or {})
        command = [sys.executable, "-m", "tests.chaos.worker", json.dumps(dict(hurt or {}))]
        return subprocess.Popen(
            [*before, *command, "run", str(recipe or self.recipe)],
            cwd=real_run.REPOSITORY,
            env=env | {"XLTPIPE_DATA": str(data)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that a signal can go to all of it
        )

    def run(self, data: Path, **how: object) -> Said:
        """Run to the end."""
        return end(self.start(data, **how))  # type: ignore[arg-type]

    def resume(self, data: Path) -> Said:
        """Run again after a fault: as a new process, or, which is faster, in this one."""
        if not self.inside:
            return self.run(data)
        with _alone, _listening() as lines:
            try:
                execute(load(self.recipe), str(data), verbose=False)
            except XltError as error:
                return Said(2, f"error: {error}")
        return Said(0, "\n".join(lines))

    def differences(self, data: Path) -> list[str]:
        """The names of artefacts and published files that are not as in the undisturbed store."""
        made, shown = real_run.contents(data), real_run.corpus(data)
        names = sorted(self.wanted.keys() | made.keys())
        files = sorted(self.corpus.keys() | shown.keys())
        return [n for n in names if made.get(n) != self.wanted.get(n)] + [
            f for f in files if shown.get(f) != self.corpus.get(f)
        ]

    def rows(self, data: Path) -> Rows:
        """Count the training rows by their fate, and find those lost and doubled by their ids."""
        found = query(
            Store(data / "store"),
            "SELECT id, reason IS NULL AND error IS NULL AS kept, reason IS NOT NULL AS rejected, "
            "error IS NOT NULL AS quarantined FROM units",
        ).to_pylist()
        ids = [row["id"] for row in found]
        fates = (sum(row[f] for row in found) for f in ("kept", "rejected", "quarantined"))
        return Rows(
            len(self.ids),
            *fates,
            lost=len(set(self.ids) - set(ids)),
            duplicated=len(ids) - len(set(ids)),
        )


_alone = threading.Lock()


@contextmanager
def _listening() -> Iterator[list[str]]:
    """The store's warnings."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("xltpipe.store")
    log.addHandler(handler)
    try:
        yield lines
    finally:
        log.removeHandler(handler)


def end(process: subprocess.Popen[str], patience: float = PATIENCE) -> Said:
    """Wait for a process and take its words; one that does not end is ended.

    Raises:
        TimeoutError: it did not end in so many seconds.
    """
    try:
        words, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        words, _ = process.communicate()
        raise TimeoutError(f"still running after {patience} s:\n{words}") from None
    return Said(process.returncode, words)
