"""Faults of engines: one that hangs, breaks off or talks nonsense, and a model whose files are damaged."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.chaos.damage import WAYS
from tests.chaos.processes import send, wait
from tests.chaos.scene import Scene, end, write_recipe
from tests.chaos.trial import Fault, Told
from tests.chat_server import ChatServer, Json, said, sent_text, serving, turned
from xltpipe.catalogue import query
from xltpipe.checksums import write_checksums
from xltpipe.store import Store
from xltpipe.translation.models import find_model

SERVED = """\
kind = "vllm"
model = "toy"
url = "{url}"
concurrency = 4
attempts = 2
timeout = 3.0
deadline = 8.0
backoff = 0.05
"""


class ServedScene(Scene):
    """The same rows by a language model's server, which knows that model's translations."""

    def __init__(self, folder: Path, known: Scene, server: ChatServer) -> None:
        self.server = server
        rows = query(Store(known.undisturbed / "store"), "SELECT sent, received FROM translations")
        table = {row["sent"]: row["received"] for row in rows.to_pylist()}

        def answer(body: Json) -> str:
            text = sent_text(body)
            return said(body, table.get(text) or turned(text))

        server.rule = answer
        engine = SERVED.format(url=server.url)
        super().__init__(folder, translation=engine, inside=known.inside)
        self.paid = server.answered.copy()
        """Answers by text in the undisturbed run: one that fails a check is asked for again."""
        server.answered.clear()


@contextmanager
def served(folder: Path, known: Scene) -> Iterator[ServedScene]:
    with serving() as server:
        yield ServedScene(folder, known, server)


def failing(kind: str | int) -> Fault:
    """From a random request on, a server fails so, for good or a few times."""

    @contextmanager
    def fault(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
        assert isinstance(scene, ServedScene)
        server, rule = scene.server, scene.server.rule
        left, few = chance.randrange(len(scene.ids)), chance.random() < 0.3

        def counting(body: Json) -> str | Json:
            nonlocal left
            left -= 1
            if left == 0:
                if few:
                    server.faults.extend([kind] * chance.randrange(1, 3))
                else:
                    server.fault_rate, server.fault_kinds = 1.0, [kind]
            return rule(body)

        server.rule, at = counting, left
        try:
            ended = scene.run(data)
        finally:
            server.rule, server.fault_rate = rule, 0.0
            server.faults.clear()
        where = f"request {at}, {'a few' if few else 'all later'}"
        yield Told(where, ended, after=lambda: _paid_twice(scene))

    return fault


def _paid_twice(scene: ServedScene) -> list[str]:
    again = scene.server.answered - scene.paid
    scene.server.answered.clear()
    return [f"asked, and paid for, again: {text}" for text in again]


@contextmanager
def damaged_model(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """A run is killed, then a file of its model (a copy) is damaged; later the model is whole."""
    home = scene.folder / f"{data.name}-model"
    model = Path(shutil.copytree(find_model("en-es-tatoeba"), home / "model"))
    write_checksums(model)
    recipe = write_recipe(home, **scene.size, model=str(model))
    process = scene.start(data, recipe=recipe)
    wait(scene, process, data, chance)
    send(process, signal.SIGKILL)
    end(process)
    path = chance.choice(sorted(p for p in model.iterdir() if p.suffix != ".md"))
    way = chance.choice(sorted(WAYS))
    was = path.read_bytes()
    WAYS[way](path, chance)
    ended = scene.run(data, recipe=recipe)
    harmless = path.name == "SHA256SUMS" and way == "delete"
    if ended.code == 0 and not harmless and (not path.exists() or path.read_bytes() != was):
        ended = type(ended)(1, f"a damaged model was used: {path.name} {way}")
    shutil.rmtree(home)
    yield Told(f"{path.name}, {way}", ended)
