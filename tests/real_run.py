"""Real runs in processes of their own: start them, end them, look at what they leave behind."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLES = REPOSITORY / "data" / "samples"

RECIPE = """\
name = "{name}"
targets = ["spa"]
strategies = {strategies}
shard_rows = {shard_rows}

[train]
{train}

[[tests]]
name = "sample"
lang = "spa"
data = {{ kind = "conll", path = "{samples}/ner.spa.test.conll", limit = {test_rows} }}

[translation]
kind = "ctranslate2"
model = "en-es-tatoeba"

[training]
kind = "crf"
max_iterations = 10
"""
"""The quickstart, cut down; the smallest model that ships, the stored
aligner and the CRF are the real ones."""

ALL = ("zero_shot", "translate_test", "translate_train")


def write_recipe(path: Path, *, rows: int, shard_rows: int = 10, test_rows: int = 20) -> Path:
    """A recipe of all strategies on the first sentences of the samples."""
    train = f'kind = "conll"\npath = "{SAMPLES}/ner.eng.train.conll"\nlimit = {rows}'
    return _write(path, ALL, train, shard_rows, test_rows)


def write_long_recipe(
    path: Path, *, rows: int, shard_rows: int, strategies: Sequence[str] = ("translate_train",)
) -> Path:
    """A recipe on so many rows that translating them takes a while."""
    from xltpipe.datasets import Conll

    source = Conll(path="ner.eng.train.conll").read("eng", SAMPLES)
    texts = [example.texts[0] for example in source]
    spans = [[{"start": 0, "end": len(text.split()[0]), "label": "PER"}] for text in texts]
    data = path.with_suffix(".jsonl")
    with data.open("w", encoding="utf-8") as file:
        for number in range(rows):
            k = number % len(texts)
            row = {"id": f"row-{number}", "text": f"{texts[k]} {number}", "spans": spans[k]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return _write(path, strategies, f'kind = "jsonl"\npath = "{data}"', shard_rows, test_rows=20)


def _write(
    path: Path, strategies: Sequence[str], train: str, shard_rows: int, test_rows: int
) -> Path:
    text = RECIPE.format(
        name=path.stem,
        strategies=list(strategies),
        shard_rows=shard_rows,
        train=train,
        samples=SAMPLES,
        test_rows=test_rows,
    )
    path.write_text(text, encoding="utf-8")
    return path


def environment(home: Path, server: str | None) -> dict[str, str]:
    """That of this process, with a Prefect of its own: no profile of the user plays a part."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "XLTPIPE_"))}
    ours = {"PREFECT_HOME": str(home), "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
    ours |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "HF_HUB_OFFLINE": "1"}
    return kept | ours | ({"PREFECT_API_URL": server} if server else {})


def start(
    recipe: Path, data: Path | str, env: dict[str, str], verb: Sequence[str] = ("run",)
) -> subprocess.Popen[str]:
    """`xltpipe run` (or another verb) as a process; its words go to a pipe, both streams in one.

    `data` is a folder or an address.
    """
    return subprocess.Popen(
        [sys.executable, "-c", "from xltpipe.cli import main; main()", *verb, str(recipe)],
        cwd=REPOSITORY,
        env=env | {"XLTPIPE_DATA": str(data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(
    recipe: Path,
    data: Path | str,
    env: dict[str, str],
    patience: float = 240,
    verb: Sequence[str] = ("run",),
) -> str:
    """Run to the end and give its words.

    Raises:
        RuntimeError: it failed.
    """
    process = start(recipe, data, env, verb)
    words, _ = process.communicate(timeout=patience)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}:\n{words}")
    return words


@contextmanager
def server(home: Path) -> Iterator[str]:
    """A Prefect server, by the URL of its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    process = subprocess.Popen(
        [sys.executable, "-m", "tasks.server", str(port), str(os.getpid())],
        cwd=REPOSITORY,
        env=environment(home, None),
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: answers(f"{url}/health"), 120)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own http address
            return True
    except OSError:
        return False


def ask(url: str, path: str, body: dict[str, Any], method: str = "POST") -> Any:
    """What the API of a Prefect server answers; None if that is nothing."""
    given = json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - our own http address
        f"{url}/{path}", given, {"Content-Type": "application/json"}, method=method
    )
    for left in reversed(range(5)):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            # a server whose SQLite is busy says so, and that nothing was done; its clients ask again
            if error.code != 503 or not left:
                raise
            time.sleep(1)
    raise AssertionError


def fetch(address: str) -> Any:
    """What a server answers to a GET."""
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own address
        return json.load(answer)


def wait_for(true: Callable[[], object], patience: float = 30, pause: float = 0.02) -> float:
    """Wait until a condition holds; the seconds it took.

    Raises:
        TimeoutError: it does not within `patience` seconds.
    """
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > patience:
            raise TimeoutError(f"still not after {patience} s")
        time.sleep(pause)
    return time.monotonic() - began


def kill(process: subprocess.Popen[str]) -> str:
    """End a process as a power cut would, and give the words it had said."""
    process.send_signal(signal.SIGKILL)
    return process.communicate()[0]


def servers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The servers that a run started."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def manifests(data: Path, stage: str = "*") -> list[Path]:
    """The manifests of all artefacts in a store, true or not."""
    return sorted((data / "store").glob(f"{stage}/??/*/manifest.json"))


def wait_for_artefacts(
    process: subprocess.Popen[str], data: Path, count: int, stage: str = "*"
) -> None:
    """Wait until a run has so many artefacts on the shelf.

    Raises:
        RuntimeError: it ended before.
    """

    def there() -> bool:
        if len(manifests(data, stage)) >= count:
            return True
        if process.poll() is not None:
            raise RuntimeError(f"ended too early:\n{process.communicate()[0]}")
        return False

    wait_for(there, 120)


State = dict[str, list[tuple[str, int, int, str]]]


def complete(data: Path) -> State:
    """The artefacts whose manifest is true, each with the identity of its files on the disk."""
    return {
        f"{manifest.parts[-4]}/{manifest.parent.name}": _files(manifest.parent)
        for manifest in manifests(data)
        if _true(manifest)
    }


def _true(manifest: Path) -> bool:
    try:
        files = json.loads(manifest.read_bytes())["files"]
        return all(_digest(manifest.parent / f["name"]) == f["sha256"] for f in files)
    except (OSError, ValueError):
        return False


def _files(folder: Path) -> list[tuple[str, int, int, str]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        (
            path.relative_to(folder).as_posix(),
            path.stat().st_ino,
            path.stat().st_mtime_ns,
            _digest(path),
        )
        for path in files
    ]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def built_again(before: State, after: State) -> list[str]:
    """Artefacts that were complete before and are other files now."""
    return [name for name, files in before.items() if after.get(name) != files]


def corpus(data: Path) -> dict[str, str]:
    """The published files of all runs: their path and the SHA-256 of their bytes."""
    root = data / "store" / "corpus"
    paths = sorted(p for run in root.glob("run=*") for p in run.rglob("*") if p.is_file())
    return {path.relative_to(root).as_posix(): _digest(path) for path in paths}


def contents(data: Path) -> dict[str, list[tuple[str, str]]]:
    """The artefacts whose manifest is true, each with its files' bytes but for the manifest's."""
    return {
        name: [(file, digest) for file, _, _, digest in files if file != "manifest.json"]
        for name, files in complete(data).items()
    }


def moments(seed: int, artefacts: int, count: int) -> list[tuple[int, float]]:
    """When to kill: so many artefacts made, ascending, and so many seconds more."""
    chance = random.Random(seed)
    marks = sorted(chance.sample(range(1, artefacts), count))
    return [(mark, chance.uniform(0, 0.15)) for mark in marks]
