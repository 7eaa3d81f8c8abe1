"""A hub on this machine: the part of huggingface.co's API that pushing a data set needs.

Files are kept as they arrive. Those that end with .parquet go the way of large files, in parts of
`chunk` bytes where they are longer; all others come inside the commit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_only-for-this-test"  # noqa: S105 - nobody else takes it
CHUNK = 1 << 11


class Hub:
    """What the hub holds: by repository and branch the bytes of each file."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, dict[str, bytes]]] = {}
        self.private: dict[str, bool] = {}
        self.large: dict[str, bytes] = {}
        self.parts: dict[tuple[str, int], bytes] = {}
        self.sent: list[str] = []
        self.messages: list[str] = []
        self.chunk = CHUNK
        self.ending = ".parquet"
        """How the names of large files end."""
        self.fails: dict[str, int] = {}
        """Status to answer where the path holds this text."""
        self.spoils = ""
        """Files whose name ends so lose their last byte on the way."""
        self.url = ""

    def large_file(self, name: str) -> bool:
        return name.endswith(self.ending)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for its own header's receipt

    def log_message(self, *_: object) -> None:
        """Tests need no log."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self._chunked() if self.headers.get("Transfer-Encoding") else self.rfile.read(length)
        path = unquote(urlsplit(self.path).path)
        self.hub.sent.append(f"{self.command} {path}")
        status = next((s for part, s in self.hub.fails.items() if part in path), None)
        if status is not None:
            self._say({"error": f"this is status {status}"}, status)
        elif path.startswith("/store/"):
            self._keep(path, body)
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._say({"error": "Invalid credentials in Authorization header"}, 401)
        else:
            self._api(path, body)

    def _chunked(self) -> bytes:
        out = b""
        while size := int(self.rfile.readline(), 16):
            out += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def _say(self, answer: Any, status: int = 200, **headers: str) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _api(self, path: str, body: bytes) -> None:
        if path == "/api/whoami-v2":
            self._say({"name": "someone", "type": "user", "auth": {}})
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            self._say({"errors": [], "warnings": []})
        elif path.endswith(".git/info/lfs/objects/batch"):
            self._batch(json.loads(body))
        else:
            # /api/datasets/owner/name[/verb[/revision]]
            owner, name, verb, revision = [*path.split("/", 6)[3:], "", ""][:4]
            self._repo(f"{owner}/{name}", verb, revision, body)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization'] or 'someone'}/{asked['name']}"
        there = name in self.hub.repos
        if not there:
            self.hub.repos[name] = {"main": {".gitattributes": b"*.parquet filter=lfs\n"}}
            self.hub.private[name] = asked.get("visibility") == "private" or bool(
                asked.get("private")
            )
        self._say({"url": f"{self.hub.url}/datasets/{name}"}, 409 if there else 200)

    def _repo(self, name: str, verb: str, revision: str, body: bytes) -> None:
        branches = self.hub.repos.get(name)
        if branches is None:
            self._say({"error": "no such repository"}, 404, **{"X-Error-Code": "RepoNotFound"})
        elif verb in {"", "revision"}:
            self._say({"id": name, "private": self.hub.private[name], "sha": "0" * 40})
        elif verb == "branch":
            known = revision in branches
            branches.setdefault(revision, dict(branches["main"]))
            self._say({}, 409 if known else 201)
        elif revision not in branches:
            self._say({"error": "no such branch"}, 404, **{"X-Error-Code": "RevisionNotFound"})
        elif verb == "preupload":
            self._say(
                {
                    "files": [
                        {
                            "path": one["path"],
                            "uploadMode": "lfs" if self.hub.large_file(one["path"]) else "regular",
                            "shouldIgnore": False,
                        }
                        for one in json.loads(body)["files"]
                    ]
                }
            )
        elif verb == "commit":
            self._commit(name, branches[revision], body)
        elif verb == "tree":
            self._say(self._tree(branches[revision]))
        else:
            self._say({"error": f"unknown {verb}"}, 400)

    def _batch(self, asked: dict[str, Any]) -> None:
        self._say(
            {"transfer": "multipart", "objects": [self._object(one) for one in asked["objects"]]}
        )

    def _object(self, one: dict[str, Any]) -> dict[str, Any]:
        oid, size, hub = one["oid"], one["size"], self.hub
        if oid in hub.large:
            return {"oid": oid, "size": size}
        upload: dict[str, Any] = {"href": f"{hub.url}/store/{oid}"}
        if size > hub.chunk:
            numbers = range(1, -(-size // hub.chunk) + 1)
            parts = {f"{n:05d}": f"{hub.url}/store/{oid}/{n}" for n in numbers}
            upload["header"] = {"chunk_size": str(hub.chunk), **parts}
        return {"oid": oid, "size": size, "actions": {"upload": upload}}

    def _keep(self, path: str, body: bytes) -> None:
        _, _, oid, *number = path.split("/")
        if number:
            self.hub.parts[oid, int(number[0])] = body
        elif self.command == "POST":
            named = [part["partNumber"] for part in json.loads(body)["parts"]]
            self.hub.large[oid] = b"".join(self.hub.parts[oid, n] for n in named)
        else:
            self.hub.large[oid] = body
        self._say({}, ETag='"part"')

    def _commit(self, name: str, files: dict[str, bytes], body: bytes) -> None:
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                self.hub.messages.append(value["summary"])
            elif item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                content = self.hub.large[value["oid"]]
                assert hashlib.sha256(content).hexdigest() == value["oid"]
                files[value["path"]] = content
            elif item["key"] == "deletedFile":
                del files[value["path"]]
        for one in [n for n in files if self.hub.spoils and n.endswith(self.hub.spoils)]:
            files[one] = files[one][:-1]
        address = f"{self.hub.url}/datasets/{name}/commit/{'1' * 40}"
        self._say({"commitUrl": address, "commitOid": "1" * 40, "success": True})

    def _tree(self, files: dict[str, bytes]) -> list[dict[str, Any]]:
        out = []
        for name, content in sorted(files.items()):
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry = {"type": "file", "path": name, "size": len(content), "oid": git}
            if self.hub.large_file(name):
                sha = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": sha, "size": len(content), "pointerSize": 130}
            out.append(entry)
        return out


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers until the block ends."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
