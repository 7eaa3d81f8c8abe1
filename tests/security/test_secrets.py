"""A planted secret: looked for in every byte that a run leaves behind or says."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tests import real_run
from tests.chat_server import ChatServer, serving
from tests.toy_recipe import RULES, settings, toy_recipe, write_data
from tests.toy_run import run
from xltpipe import credentials, progress, steps
from xltpipe.catalogue import connect
from xltpipe.cli import WRONG, _main
from xltpipe.errors import RecipeError, XltError
from xltpipe.recipe import Recipe
from xltpipe.reporting.findings import findings
from xltpipe.reporting.page import page
from xltpipe.store import Store

KEY = "planted-Key-4711-XyZ"
PASSWORD = "planted-Pass-0815"  # noqa: S105 - that is the point


def holding(folder: Path, *secrets: str) -> list[str]:
    """Files below a folder whose bytes, or names, hold a secret in any of the usual encodings."""
    wanted = [form for one in secrets for form in (one.encode(), one.encode("utf-16-le"))]
    return [
        str(path)
        for path in folder.rglob("*")
        if any(form in str(path).encode() for form in wanted)
        or (path.is_file() and any(form in path.read_bytes() for form in wanted))
    ]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "key").write_text(f"{KEY}\n")
    return folder / "key"


@pytest.fixture(autouse=True)
def _nobody_asked() -> Iterator[None]:
    yield
    credentials.look_up_by(None)


def recipe(home: Path, server: ChatServer, **engine: Any) -> Recipe:
    home.mkdir(exist_ok=True)
    given = {"kind": "vllm", "url": server.url, "model": "toy", "backoff": 0.01, **engine}
    return toy_recipe(home, translation=given, rules=RULES)


def test_a_key_is_in_nothing_that_a_run_leaves(
    tmp_path: Path, key_file: Path, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    store = Store(tmp_path / "data" / "store")
    with serving() as server:
        given = recipe(tmp_path / "data" / "given", server, api_key_file=str(key_file))
        run(given, store)
        assert any(KEY in str(headers) for headers in server.headers)  # it was really sent
    with connect(store) as connection:
        report = page(findings(store, connection, given.run, 100, 0))
    (tmp_path / "data" / "report.html").write_text(report, encoding="utf-8")
    assert holding(tmp_path / "data", KEY) == []
    assert KEY not in caplog.text + "".join(capsys.readouterr())
    assert KEY not in str(progress.notes) + repr(given) + given.model_dump_json()


@pytest.mark.parametrize("status", [401, 404, 422, 500])
def test_a_server_that_repeats_the_key_is_not_repeated(
    tmp_path: Path, key_file: Path, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor in the traceback that Prefect writes into its log."""
    caplog.set_level(logging.DEBUG)
    store = Store(tmp_path / "data" / "store")
    with serving() as server:
        server.fault_rate, server.fault_kinds = 1.0, [status]
        server.fault_text = f"Incorrect key provided: {KEY}"
        given = recipe(tmp_path / "data" / "given", server, api_key_file=str(key_file), attempts=1)
        (shard, *_) = steps.parts(store, store.make(steps.read(given, given.train, "eng"))[0])
        with pytest.raises(XltError) as caught:
            store.make(steps.translate(given, store, shard, "eng", "spa"))
        logging.getLogger("x").error("as Prefect does", exc_info=caught.value)
    assert "***" in str(caught.value)
    assert KEY not in str(caught.value) + caplog.text
    assert holding(tmp_path / "data", KEY) == []


def test_a_key_by_name(tmp_path: Path) -> None:
    with serving() as server:
        given = recipe(tmp_path / "given", server, api_key_secret="my-key")  # noqa: S106
        with pytest.raises(RecipeError, match=r"Secret must be known, .*XLTPIPE_SECRET_MY_KEY"):
            given.translation.check()
        credentials.look_up_by({"my-key": f"{KEY}\n"}.get)
        given.translation.check()
        store = Store(tmp_path / "data" / "store")
        run(given, store)
        assert any(KEY in str(headers) for headers in server.headers)
    assert holding(tmp_path / "data", KEY) == []
    credentials.look_up_by({"my-key": "two words of a key"}.get)
    with pytest.raises(RecipeError, match=r"Secret must hold one key .*\(its content is not shown"):
        given.translation.check()


def test_a_key_in_two_places_is_one_too_many(tmp_path: Path, key_file: Path) -> None:
    with serving() as server:
        given = recipe(
            tmp_path / "given",
            server,
            api_key_secret="a",  # noqa: S106
            api_key_file=str(key_file),
        )
    with pytest.raises(RecipeError, match="Key must be in one place"):
        given.translation.check()


def test_secrets_come_from_the_environment_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import tasks.credentials as kept

    kept.look_up.cache_clear()
    monkeypatch.setattr(kept, "_block", {"my-key": "from a block"}.get)
    assert kept.look_up("my-key") == "from a block"
    kept.look_up.cache_clear()
    monkeypatch.setenv("XLTPIPE_SECRET_MY_KEY", "from here")
    assert kept.look_up("my-key") == "from here"
    kept.look_up.cache_clear()


@pytest.mark.parametrize(
    "engine",
    [
        {"kind": "vllm", "url": f"http://user:{PASSWORD}@localhost/v1", "model": "m"},
        {"kind": "vllm", "url": "http://localhost/v1", "model": "m", "api_key": PASSWORD},
        {"kind": "vllm", "url": f"http://localhost/v1?key={PASSWORD}", "model": "m"},
        [f"http://user:{PASSWORD}@localhost/v1"],
        f"http://user:{PASSWORD}@localhost/v1",
    ],
)
def test_a_secret_in_a_recipe_is_refused_and_not_repeated(
    tmp_path: Path, engine: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write_data(tmp_path)
    path = tmp_path / "toy.toml"
    path.write_text(tomli_w.dumps(settings(translation=engine)))
    assert _main(["plan", str(path), "--store", str(tmp_path / "data")]) == WRONG
    said = "".join(capsys.readouterr())
    assert "Recipe must be valid" in said
    assert PASSWORD not in said
    assert holding(tmp_path / "data", PASSWORD) == []


def test_errors_are_veiled_at_the_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: object) -> None:
        raise ValueError(f"no way to http://user:{PASSWORD}@proxy:3128")

    monkeypatch.setattr("xltpipe.recipe_file.load", fails)
    _main(["plan", "x.toml", "--store", str(tmp_path)])
    assert "http://***@proxy:3128" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.prefect
def test_a_whole_run_on_a_real_prefect_server(tmp_path: Path) -> None:
    """The verb itself: store, Prefect's database, logs and all that is printed, searched."""
    home = tmp_path / "prefect"
    environment = os.environ | {
        "PREFECT_HOME": str(home),
        "XLTPIPE_SECRET_MY_KEY": KEY,
        "HTTPS_PROXY": f"http://user:{PASSWORD}@localhost:1",
        "no_proxy": "127.0.0.1,localhost",
        "PREFECT_LOGGING_LEVEL": "DEBUG",
    }
    with serving() as server:
        server.fault_rate, server.fault_kinds = 0.3, [500]
        server.fault_text = f"try {KEY} again"
        folder = tmp_path / "given"
        folder.mkdir()
        write_data(folder)
        engine = {
            "kind": "vllm", "url": server.url, "model": "toy", "backoff": 0.01,
            "api_key_secret": "my-key",
        }  # fmt: skip
        path = folder / "toy.toml"
        path.write_text(tomli_w.dumps(settings(translation=engine, rules=RULES)))
        said = b""
        for faulty in (True, False):
            server.fault_kinds = [401 if faulty else 500]
            server.fault_rate = 1.0 if faulty else 0.3
            done = subprocess.run(
                [sys.executable, "-c", "from xltpipe.cli import main; main()", "run", str(path), "--verbose", "--store", str(tmp_path / "data")],
                env=environment, cwd=real_run.REPOSITORY, capture_output=True, check=False, timeout=280,
            )  # fmt: skip
            assert (done.returncode == 0) is not faulty, done.stderr[-3000:].decode()
            said += done.stdout + done.stderr
        assert any(KEY in str(headers) for headers in server.headers)
    assert KEY.encode() not in said
    assert PASSWORD.encode() not in said
    assert holding(tmp_path / "data", KEY, PASSWORD) == []
    assert holding(home, KEY, PASSWORD) == []
    with connect(Store(tmp_path / "data" / "store")) as connection:
        assert connection.execute("SELECT state FROM runs").fetchall() == [("completed",)]
