"""A hub of one's own: serves FOLDER/{repository}/{file} over HTTP as huggingface.co does.

    python tests/hub.py FOLDER [PORT]
    HF_ENDPOINT=http://127.0.0.1:PORT HF_HOME=/tmp/hf sightseek ...

In tests the fixture `hub_site` is one, with switches for what servers and networks do wrong.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

LARGE = (".safetensors", ".bin", ".pt", ".pth", ".npz", "tokenizer.json")  # in LFS
RESOLVE = re.compile(r"/(?P<repository>.+?)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
COMMIT = "c0ffee" * 6 + "c0de"


@dataclass
class Faults:
    """What goes wrong; nothing, unless set."""

    status: int = 0  # of every answer
    code: str = ""  # X-Error-Code with it
    slow: float = 0.0  # seconds before headers
    hang_headers: bool = False
    hang_body_after: int | None = None  # bytes
    cut_after: int | None = None  # bytes, of each answer
    cuts: int = 1  # so many times
    corrupt: bool = False  # the bytes are not those of the digest
    digest: str = ""  # instead of the right one
    size: int | None = None  # instead of the right one
    no_ranges: bool = False
    body_status: int = 0  # of downloads alone
    same_site: bool = False  # the content is where the hub is, as with some mirrors
    no_hub: bool = False  # a page of a network that wants a login


@dataclass
class HubSite:
    """A running hub."""

    folder: Path
    url: str = ""
    faults: Faults = field(default_factory=Faults)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    moved: dict[str, str] = field(default_factory=dict)  # repositories' old names to new ones

    def put(self, repository: str, file: str, content: bytes) -> str:
        """Add a file; gives its SHA-256."""
        path = self.folder / repository / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def heads(self) -> list[str]:
        return [path for method, path, _ in self.asked if method == "HEAD"]

    def ranges(self) -> list[str | None]:
        """The Range of each download."""
        return [headers.get("Range") for _, path, headers in self.asked if path.startswith("/cdn/")]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: HubSite

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        self.close_connection = True
        site, faults = self.site, self.site.faults
        site.asked.append((self.command, self.path, dict(self.headers)))
        if faults.hang_headers:
            site.stop.wait(30)
            return
        site.stop.wait(faults.slow)
        path = unquote(self.path.partition("?")[0])
        if faults.status:
            self.refuse(faults.status, faults.code)
        elif faults.no_hub:
            self.send_headers(200, {"Content-Length": "5"})
            self.write(b"login")
        elif path.startswith("/cdn/"):
            self.send_file(site.folder / path.removeprefix("/cdn/"))
        elif path.startswith("/api/models/"):
            self.describe(path.removeprefix("/api/models/"))
        elif match := RESOLVE.fullmatch(path):
            self.resolve(match["repository"], match["file"])
        else:
            self.refuse(404, "RepoNotFound")

    def resolve(self, repository: str, file: str) -> None:
        folder = self.site.folder / repository
        if repository in self.site.moved:
            location = self.path.replace(repository, self.site.moved[repository], 1)
            self.send_headers(307, {"Location": location, "Content-Length": "0"})
            return
        if not folder.is_dir():
            self.refuse(401, "RepoNotFound")  # so that nobody learns what is private
            return
        if not (folder / file).is_file():
            self.refuse(404, "EntryNotFound")
            return
        content = (folder / file).read_bytes()
        faults = self.site.faults
        size = str(len(content) if faults.size is None else faults.size)
        if file.endswith(LARGE):
            digest = faults.digest or hashlib.sha256(content).hexdigest()
            own = self.site.url
            content_site = own if faults.same_site else own.replace("127.0.0.1", "localhost")
            self.send_headers(302, {
                "X-Repo-Commit": COMMIT,
                "X-Linked-ETag": f'"{digest}"',
                "X-Linked-Size": size,
                "Accept-Ranges": "bytes",
                "Location": f"{content_site}/cdn/{repository}/{file}",
                "Content-Length": "0",
            })  # fmt: skip
            return
        blob = b"blob %d\0" % len(content) + content
        digest = faults.digest or hashlib.sha1(blob).hexdigest()
        etag = {"X-Repo-Commit": COMMIT, "ETag": f'"{digest}"', "Content-Length": size}
        self.send_headers(200, etag)
        self.write(content)

    def send_file(self, path: Path) -> None:
        faults = self.site.faults
        if faults.body_status:
            self.refuse(faults.body_status, "")
            return
        content = path.read_bytes()
        if faults.corrupt:
            content = bytes([content[0] ^ 1]) + content[1:]
        start = 0
        asked = self.headers.get("Range")
        headers = {"Accept-Ranges": "bytes"}
        if asked and not faults.no_ranges:
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            if start >= len(content):
                self.refuse(416, "")
                return
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        status = 206 if "Content-Range" in headers else 200
        self.send_headers(status, headers | {"Content-Length": str(len(content) - start)})
        self.write(content[start:])

    def describe(self, rest: str) -> None:
        """Answer what transformers asks of a repository."""
        repository, _, _ = rest.partition("/tree/")
        repository, _, _ = repository.partition("/revision/")
        folder = self.site.folder / repository
        if not folder.is_dir():
            self.refuse(401, "RepoNotFound")
            return
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files]
        if "/tree/" in rest:
            inside = rest.partition("/tree/")[2].partition("/")[2]
            content: object = [
                {"type": "file", "path": name, "size": path.stat().st_size, "oid": "0" * 40}
                for name, path in zip(names, files, strict=True)
                if name.startswith(inside)
            ]
        else:
            siblings = [{"rfilename": name} for name in names]
            content = {"id": repository, "sha": COMMIT, "siblings": siblings, "tags": []}
        body = json.dumps(content).encode()
        facts = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self.send_headers(200, facts)
        self.write(body)

    def write(self, body: bytes) -> None:
        faults = self.site.faults
        if self.command == "HEAD":
            return
        if faults.hang_body_after is not None:
            self.wfile.write(body[: faults.hang_body_after])
            self.wfile.flush()
            self.site.stop.wait(30)
        elif faults.cut_after is not None and faults.cuts:
            faults.cuts -= 1
            self.wfile.write(body[: faults.cut_after])
        else:
            self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        headers = {"X-Error-Code": code} if code else {}
        self.send_headers(status, headers | {"Content-Length": "0"})

    def send_headers(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        if __name__ == "__main__":
            super().log_message(*args)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass  # clients leave early here: that is the point


def serve(folder: Path, port: int = 0) -> tuple[HubSite, Server]:
    """Make a hub; the caller runs and ends the server."""
    site = HubSite(folder)
    server = Server(("127.0.0.1", port), type("SiteHandler", (Handler,), {"site": site}))
    site.url = f"http://127.0.0.1:{server.server_port}"
    return site, server


if __name__ == "__main__":
    running, web_server = serve(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0)
    print(f"HF_ENDPOINT={running.url}", flush=True)
    web_server.serve_forever()
