"""A small docker daemon for machines without one: the same HTTP over a real UNIX socket, containers by bubblewrap.

Folders, links, the work folder, limits and the first process's standard input are as the request says; so files,
statuses, limits and the end of a container can be tested. Isolation cannot: that is for a real daemon.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import socket
import socketserver
import struct
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

_COUNTERS = "cpu.stat", "memory.events", "pids.current"


@dataclass
class Container:
    """One that was asked for, and what runs in it."""

    options: dict[str, Any]
    box: Path
    counters: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def kill(self) -> None:
        self.ended.set()
        for one in self.running:
            one.kill()


@dataclass
class Process:
    """One that was asked for in a container."""

    container: Container
    options: dict[str, Any]
    code: int | None = None


class SmallDaemon:
    """Listens on ``path`` while it is open."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "docker.sock"
        self.host = f"unix://{self.path}"
        self.folder = folder
        self.links: dict[str, str] = {}
        self.containers: dict[str, Container] = {}
        self.processes: dict[str, Process] = {}
        self.asked: list[str] = []
        """Method and path of every request."""
        self.refused: dict[str, int] = {}
        """Requests to refuse: a pattern of method and path -> status. 0 hangs up without an answer."""
        self.counted: dict[str, str] = {
            "cpu.stat": "usage_usec 5000\n",
            "memory.events": "oom_kill 0\n",
            "pids.current": "3\n",
        }
        """What the files of a container's control group say."""
        daemon = self

        class Bound(_Handler):
            daemon_ = daemon

        self._server = _Server(str(self.path), Bound)
        self._lane = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._lane.start()
        return self

    def __exit__(self, *_: object) -> None:
        for container in list(self.containers.values()):
            container.kill()
        self._server.shutdown()
        self._server.server_close()
        self._lane.join()

    def alive(self) -> list[str]:
        """Containers that were not removed."""
        return sorted(self.containers)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    daemon_: SmallDaemon
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = f"{self.command} {self.path.removeprefix('/v1.41')}"
        daemon = self.daemon_
        daemon.asked.append(asked)
        status = next((code for pattern, code in daemon.refused.items() if re.search(pattern, asked)), None)
        if status == 0:
            self.close_connection = True
            return
        if status is not None:
            self._answer(status, {"message": "refused"})
            return
        for pattern, serve in _ROUTES.items():
            if found := re.fullmatch(pattern, asked):
                serve(self, body, *found.groups())
                return
        self._answer(404, {"message": f"no such request: {asked}"})

    def _answer(self, status: int, content: object = None) -> None:
        text = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _version(self, _: bytes) -> None:
        self._answer(200, {"Version": "0.small"})

    def _image(self, body: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            self.daemon_.links = {f"/{entry.name}": entry.linkname for entry in tar if entry.issym()}
        self._answer(200, {"status": "sha256:0"})

    def _create(self, body: bytes, name: str) -> None:
        box, counters = (Path(tempfile.mkdtemp(dir=self.daemon_.folder)) for _ in range(2))
        self.daemon_.containers[name] = Container(json.loads(body), box, counters)
        self._answer(201, {"Id": name})

    def _start(self, _: bytes, name: str) -> None:
        self._answer(204 if name in self.daemon_.containers else 404)

    def _end(self, _: bytes, name: str) -> None:
        container = self.daemon_.containers.pop(name, None)
        if container is not None:
            container.kill()
        self._answer(204 if container is not None else 404)

    def _statistics(self, _: bytes, name: str) -> None:
        self._answer(200, {"cpu_stats": {"cpu_usage": {"total_usage": 7_000_000}}, "name": name})

    def _life(self, _: bytes, name: str) -> None:
        """The first process ends with its standard input, and the container with it."""
        self._upgrade()
        while self.connection.recv(4096):
            pass
        container = self.daemon_.containers.pop(name, None)
        if container is not None:
            container.kill()
        self.close_connection = True

    def _execute(self, body: bytes, name: str) -> None:
        container = self.daemon_.containers.get(name)
        if container is None:
            self._answer(404, {"message": f"no such container: {name}"})
            return
        number = str(len(self.daemon_.processes))
        self.daemon_.processes[number] = Process(container, json.loads(body))
        self._answer(201, {"Id": number})

    def _state(self, _: bytes, number: str) -> None:
        code = self.daemon_.processes[number].code
        self._answer(200, {"Running": code is None, "Pid": 1, "ExitCode": code})

    def _run(self, _: bytes, number: str) -> None:
        process = self.daemon_.processes[number]
        container = process.container
        if container.ended.is_set():
            self._answer(409, {"message": "the container is not running"})
            return
        for name in _COUNTERS:
            (container.counters / name).write_text(self.daemon_.counted[name])
        pipe = subprocess.PIPE
        command = _contained(container, self.daemon_.links, process.options)
        running = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        container.running.append(running)
        if container.ended.is_set():
            running.kill()
        self._upgrade()
        writing = threading.Lock()
        lanes = [threading.Thread(target=self._feed, args=(running,), daemon=True)]
        for which, source in ((1, running.stdout), (2, running.stderr)):
            lanes.append(threading.Thread(target=self._copy, args=(which, source, writing), daemon=True))
        for lane in lanes:
            lane.start()
        code = running.wait()
        for lane in lanes[1:]:
            lane.join()
        process.code = 128 - code if code < 0 else code
        self.close_connection = True
        with contextlib.suppress(OSError):  # the caller may have hung up
            self.connection.shutdown(socket.SHUT_RDWR)

    def _upgrade(self) -> None:
        self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")

    def _feed(self, running: subprocess.Popen[bytes]) -> None:
        assert running.stdin is not None
        try:
            while part := self.connection.recv(4096):
                running.stdin.write(part)
                running.stdin.flush()
            running.stdin.close()
        except (OSError, ValueError):  # it reads no more, or has ended
            return

    def _copy(self, which: int, source: Any, writing: threading.Lock) -> None:
        try:
            while part := source.read1(1 << 16):
                with writing:
                    self.connection.sendall(struct.pack(">BxxxI", which, len(part)) + part)
        except OSError:  # the caller has hung up
            return


_ROUTES: dict[str, Callable[..., None]] = {
    r"GET /version": _Handler._version,
    r"POST /images/create\?.*": _Handler._image,
    r"POST /containers/create\?name=(.*)": _Handler._create,
    r"POST /containers/([^/]+)/start": _Handler._start,
    r"POST /containers/([^/]+)/kill": _Handler._end,
    r"DELETE /containers/([^/?]+)\?force=true": _Handler._end,
    r"GET /containers/([^/]+)/stats\?.*": _Handler._statistics,
    r"POST /containers/([^/]+)/attach\?.*": _Handler._life,
    r"POST /containers/([^/]+)/exec": _Handler._execute,
    r"POST /exec/([^/]+)/start": _Handler._run,
    r"GET /exec/([^/]+)/json": _Handler._state,
}


def _contained(container: Container, links: dict[str, str], options: dict[str, Any]) -> list[str]:
    """A process in its container, by bubblewrap."""
    host = container.options["HostConfig"]
    limits = {one["Name"]: one["Hard"] for one in host["Ulimits"]}
    words = [str(shutil.which("prlimit")), *(f"--{name}={value}:{value}" for name, value in limits.items())]
    words += ["bwrap", "--unshare-all", "--unshare-user", "--uid", "64098", "--gid", "64098", "--die-with-parent"]
    words += ["--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--proc", "/proc", "--dev", "/dev"]
    words += ["--dir", "/dev/mqueue", "--bind", str(container.counters), "/sys/fs/cgroup"]
    for name, target in links.items():
        words += ["--symlink", target, name]
    for bind in host["Binds"]:
        outside, inside, _ = bind.split(":")
        words += ["--ro-bind", outside, inside]
    for inside in host["Tmpfs"]:
        words += ["--bind", str(container.box), inside] if inside == "/box" else ["--tmpfs", inside]
    return [*words, "--remount-ro", "/", "--chdir", options["WorkingDir"], "--", *options["Cmd"]]
