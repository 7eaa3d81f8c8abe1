"""The services of docker-compose.yml as plain processes: same commands, same environment.

Names of hosts become ports of this machine, folders of containers become folders of one folder.
PostgreSQL is Debian's (apt-get install postgresql); it refuses root and then runs as `postgres`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import yaml

from tests.real_run import REPOSITORY, wait_for

LOCALHOST = "127.0.0.1"
BINARIES = Path(sys.executable).parent


@dataclass
class Compose:
    """The file with its variables filled in, and the places that containers would have."""

    folder: Path
    variables: Mapping[str, str]
    extra: Mapping[str, str] = field(default_factory=dict)
    """Environment of every service beside its own."""
    ports: dict[str, int] = field(default_factory=lambda: {n: free_port() for n in PORTS})

    @property
    def url(self) -> str:
        return f"http://{LOCALHOST}:{self.ports['server']}"

    @property
    def credentials(self) -> str:
        return self.variables["PREFECT_AUTH"]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def service(self, name: str) -> dict[str, Any]:
        text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
        return dict(yaml.safe_load(self._filled(text))["services"][name])

    def _filled(self, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            name, default = found[1], found[2] or ""
            return self.variables.get(name) or default.removeprefix(":-")

        return re.sub(r"(?<!\$)\$\{(\w+)(:[-?][^}]*)?\}", value, text).replace("$$", "$")

    def _here(self, text: str) -> str:
        """A word of the file with what is here instead of containers."""
        places = {
            "postgres:5432": f"{LOCALHOST}:{self.ports['postgres']}",
            "http://server:4200": self.url,
            f"http://{LOCALHOST}:4200": self.url,
            "/tmp/": f"{self.folder}/",  # noqa: S108 - the container's own
            "/data": str(self.data),
        }
        for there, here in places.items():
            text = text.replace(there, here)
        return text

    def environment(self, name: str) -> dict[str, str]:
        """That of this process without settings of the user's, and the service's own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "XLTPIPE_"))}
        ours = {k: self._here(str(v)) for k, v in self.service(name)["environment"].items()}
        path = f"{BINARIES}{os.pathsep}{kept.get('PATH', os.defpath)}"
        quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
        home = {"PATH": path, "PREFECT_HOME": str(self.folder / "prefect")}
        return kept | quiet | ours | home | dict(self.extra)

    def command(self, name: str) -> list[str]:
        text = str(self.service(name)["command"]).replace("0.0.0.0", LOCALHOST)  # noqa: S104
        if name == "server":
            text += f" --port {self.ports['server']}"
        return shlex.split(text)


PORTS = ("postgres", "server")


def compose(folder: Path, extra: Mapping[str, str]) -> Compose:
    """A stack in this folder, with secrets of its own as `make env` would draw them."""
    file = folder / ".env"
    make_env().write(REPOSITORY / ".env.example", file, [])
    pairs = re.findall(r"^(\w+)=(.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    (folder / "data").mkdir()
    return Compose(folder, dict(pairs), extra)


def make_env() -> ModuleType:
    """docker/make_env.py, which is no module of a package."""
    path = REPOSITORY / "docker" / "make_env.py"
    spec = importlib.util.spec_from_file_location("make_env", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def postgres_programs() -> Path | None:
    """The folder of initdb and its like: Debian keeps it out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[-3])
    there = shutil.which("initdb")
    return found[-1].parent if found else Path(there).parent if there else None


@contextmanager
def postgres(stack: Compose) -> Iterator[None]:
    """A database server with an empty database, in a folder that it alone may read."""
    programs = postgres_programs()
    if programs is None:
        raise RuntimeError("PostgreSQL must be installed, was: none; apt-get install postgresql")
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    as_owner: dict[str, Any] = (
        {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        if os.geteuid() == 0
        else {}
    )
    home = Path(tempfile.mkdtemp(prefix="xltpipe-postgres-"))
    cluster, secret = home / "cluster", home / "secret"
    try:
        secret.write_text(stack.variables["POSTGRES_PASSWORD"], encoding="utf-8")
        for path in (home, secret):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        init = [programs / "initdb", "-D", cluster, "-U", "prefect", f"--pwfile={secret}"]
        arguments = [*init, "-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync"]
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, cwd=home, **as_owner)
        with _database(stack, programs, cluster, home, as_owner):
            yield
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _database(
    stack: Compose, programs: Path, cluster: Path, home: Path, as_owner: dict[str, Any]
) -> Iterator[None]:
    port = str(stack.ports["postgres"])
    listen = ["-p", port, "-c", f"listen_addresses={LOCALHOST}"]
    with (stack.folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(
            [
                programs / "postgres",
                "-D",
                cluster,
                *listen,
                "-c",
                f"unix_socket_directories={home}",
            ],
            stdout=log,
            stderr=log,
            cwd=home,
            **as_owner,
        )
    reach = ["-h", LOCALHOST, "-p", port, "-U", "prefect"]
    env = os.environ | {"PGPASSWORD": stack.variables["POSTGRES_PASSWORD"]}
    ready = [programs / "pg_isready", "-q", *reach]
    try:
        wait_for(lambda: subprocess.run(ready, check=False).returncode == 0, 60, 0.1)
        subprocess.run([programs / "createdb", *reach, "prefect"], check=True, env=env)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # fast shutdown: sessions are ended
        process.wait(30)


@contextmanager
def server(stack: Compose, patience: float = 240) -> Iterator[psutil.Popen]:
    """The Prefect server on that database, when it answers."""
    with started(stack, "server") as process:
        wait_for(lambda: _answers(f"{stack.url}/api/health", process), patience, 0.2)
        yield process


@contextmanager
def started(stack: Compose, service: str, name: str = "", *more: str) -> Iterator[psutil.Popen]:
    """One service as a process with all its children; its words go to NAME.log."""
    name = name or service
    env = stack.environment(service)
    if "PREFECT_WORKER_WEBSERVER_PORT" in env:
        env["PREFECT_WORKER_WEBSERVER_PORT"] = str(free_port())
    with (stack.folder / f"{name}.log").open("wb") as log:
        process = psutil.Popen(
            [*stack.command(service), *more],
            cwd=REPOSITORY,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: psutil.Popen, patience: float = 30) -> None:
    """Ask a process to end, and make sure that it and its children did."""
    family = relatives(process)
    if process.is_running():
        process.terminate()
    _, alive = psutil.wait_procs([process], timeout=patience)
    left = [*alive, *(one for one in family if one.is_running())]
    for one in left:
        kill(one)
    psutil.wait_procs(left, timeout=10)


def kill_all(process: psutil.Popen) -> int:
    """End a process and its children as a power cut would; how many there were."""
    family = [process, *relatives(process)]
    for one in family:
        kill(one)
    psutil.wait_procs(family, timeout=10)
    return len(family)


def kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def relatives(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _answers(address: str, process: psutil.Popen) -> bool:
    if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
        raise RuntimeError("the server ended before it answered: see server.log")
    try:
        with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own http address
            return True
    except OSError:
        return False
