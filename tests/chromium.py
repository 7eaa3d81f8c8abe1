"""Chromium, driven over its DevTools protocol: what a page does, not what it says it would do."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
in_browser = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")


class Tab:
    """One tab; `requests` and `faults` are what it asked the world for and complained about."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self._events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: object) -> dict[str, Any]:
        """The answer to one command; what the tab tells meanwhile is kept."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv(timeout=60))
            if told.get("id") != self._number:
                self._events.append(told)
                continue
            if "error" in told:
                raise RuntimeError(f"{method}: {told['error']}")
            return dict(told["result"])

    def open(self, address: str) -> None:
        """Load a page from nothing: a change of the fragment alone would not load it."""
        self.send("Page.navigate", url="about:blank")
        self.wait("location.href === 'about:blank' && document.readyState === 'complete'")
        self._events.clear()
        self.send("Page.navigate", url=address)
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'")

    def ask(self, script: str) -> Any:
        """The value of an expression in the page."""
        done = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(f"{script}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true: the page may be moving."""
        until = time.monotonic() + 30
        while not self.ask(condition):
            if time.monotonic() > until:
                raise TimeoutError(condition)
            time.sleep(0.02)

    def type(self, selector: str, text: str) -> None:
        """Put the cursor there and type, as a person would."""
        self.ask(f"document.querySelector({json.dumps(selector)}).focus()")
        self.send("Input.insertText", text=text)

    def choose(self, name: str, value: str) -> None:
        """Choose from a list of the form."""
        self.ask(
            f"(() => {{ const list = document.querySelector('select[name={name}]');"
            f"list.value = {json.dumps(value)};"
            "list.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )

    def press(self, selector: str) -> None:
        self.ask(f"document.querySelector({json.dumps(selector)}).click()")

    def look(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """The size of the window and the colour scheme of the system."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> None:
        """What the window shows now, as PNG."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    @property
    def requests(self) -> list[str]:
        sent = [e for e in self._events if e.get("method") == "Network.requestWillBeSent"]
        return [str(e["params"]["request"]["url"]) for e in sent]

    @property
    def faults(self) -> list[str]:
        """Errors and warnings of the console, exceptions, breaches of the policy."""
        found = []
        for event in self._events:
            params = event.get("params", {})
            if event.get("method") == "Log.entryAdded":
                found.append(f"{params['entry']['level']}: {params['entry']['text']}")
            elif event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"]))
            elif event.get("method") == "Runtime.consoleAPICalled":
                found.append(f"console: {params['type']}")
        return found


@contextmanager
def chromium(home: Path) -> Iterator[Tab]:
    """A browser with one empty tab and a profile of its own; it ends with the block."""
    command = [str(PROGRAM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--remote-debugging-port=0", f"--user-data-dir={home}", "--hide-scrollbars"]
    process = subprocess.Popen(
        [*command, "--disable-background-networking", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
    )
    try:
        with connect(_tab(_port(home, process)), max_size=None, compression=None) as socket:
            yield Tab(socket)
    finally:
        process.terminate()
        process.wait(20)


def _port(home: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that the browser chose: it writes it down when it listens."""
    file = home / "DevToolsActivePort"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if file.exists() and len(lines := file.read_text().split()) == 2:
            return int(lines[0])
        if process.poll() is not None:
            raise RuntimeError(f"chromium ended with {process.returncode}")
        time.sleep(0.05)
    raise TimeoutError("chromium does not listen")


def _tab(port: int) -> str:
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as answer:
        tabs = json.load(answer)
    return str(next(t["webSocketDebuggerUrl"] for t in tabs if t["type"] == "page"))


def main(
    page: str, picture: str, fragment: str = "", width: str = "1200", height: str = "1350"
) -> None:
    """Take a picture of a page, as those in docs/images."""
    with TemporaryDirectory() as home, chromium(Path(home)) as tab:
        tab.look(int(width), int(height))
        tab.open(Path(page).absolute().as_uri() + fragment)
        time.sleep(1)  # it may be moving to the fragment
        tab.picture(Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
