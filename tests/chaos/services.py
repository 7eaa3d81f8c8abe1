"""Prefect's server and its PostgreSQL as processes that can be killed and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import real_run

LOCALHOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """A Prefect server on one port; `database` is PostgreSQL's address, else SQLite is used."""

    def __init__(self, home: Path, database: str | None = None) -> None:
        self.port = free_port()
        more = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database} if database else {}
        self._environment = real_run.environment(home, None) | more

    @property
    def url(self) -> str:
        return f"http://{LOCALHOST}:{self.port}/api"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tasks.server", str(self.port), str(os.getpid())],
            cwd=real_run.REPOSITORY,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        real_run.wait_for(self.answers, 300, 0.1)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2):  # noqa: S310
                return True
        except OSError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def server(home: Path, database: str | None = None) -> Iterator[Server]:
    one = Server(home, database)
    one.start()
    try:
        yield one
    finally:
        one.kill()


def no_postgres() -> str:
    """Why PostgreSQL cannot be started here; empty if it can."""
    return "" if _programs() else "PostgreSQL is not installed (apt-get install postgresql)"


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    there = shutil.which("initdb")
    return found[-1].parent if found else Path(there).parent if there else None


class Postgres:
    """A database server with an empty database, for this machine alone; it refuses to be root."""

    def __init__(self, home: Path) -> None:
        self.port, self._cluster = free_port(), home / "cluster"
        programs = _programs()
        assert programs is not None
        self._programs = programs
        self._as: Mapping[str, Any] = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(home, owner.pw_uid, owner.pw_gid)
        self._home = home
        options = ["-D", self._cluster, "-U", "prefect", "-E", "UTF8", "--locale=C"]
        self._call("initdb", *options, "--auth=trust")
        self.start()
        self._call("createdb", *self._reach, "prefect")

    @property
    def address(self) -> str:
        return f"postgresql+asyncpg://prefect@{LOCALHOST}:{self.port}/prefect"

    @property
    def _reach(self) -> tuple[str, ...]:
        return ("-h", LOCALHOST, "-p", str(self.port), "-U", "prefect")

    def _call(self, program: str, *options: object) -> bool:
        command = [str(self._programs / program), *map(str, options)]
        done = subprocess.run(
            command, cwd=self._home, check=False, stdout=subprocess.DEVNULL, **self._as
        )
        return not done.returncode

    def start(self) -> None:
        listen = [
            "-c",
            f"listen_addresses={LOCALHOST}",
            "-c",
            f"unix_socket_directories={self._home}",
        ]
        self.process = subprocess.Popen(
            [
                str(self._programs / "postgres"),
                "-D",
                str(self._cluster),
                "-p",
                str(self.port),
                *listen,
            ],
            cwd=self._home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )
        real_run.wait_for(lambda: self._call("pg_isready", "-q", *self._reach), 120, 0.1)

    def kill(self) -> None:
        """As a power cut would: the sessions notice that the first process is gone, and end."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@contextmanager
def postgres() -> Iterator[Postgres]:
    home = Path(tempfile.mkdtemp(prefix="xltpipe-postgres-"))
    try:
        one = Postgres(home)
        try:
            yield one
        finally:
            one.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
