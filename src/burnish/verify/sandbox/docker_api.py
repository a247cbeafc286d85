"""Speak the part of Docker's Engine API that the docker backend needs, over the daemon's UNIX socket.

No client program: a killed client leaves its container running, and starting one costs more than the job.

Not covered: daemons behind TCP or a docker context; registries (the image is made here).
"""

from __future__ import annotations

import http.client
import json
import os
import selectors
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from burnish.errors import MissingToolError, SandboxError

INSTALL = "apt-get install docker.io"
_API = "/v1.41"
"""Docker 20.10 and later."""
_CALL_S = 60.0
_HEADER = 8
"""Header of each part of an attached stream: one byte for the stream, three zeros, four bytes of length."""
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Output:
    """Output of an attached process until it ended or reached a limit."""

    stdout: bytes
    stderr: bytes
    exceeded: Literal["", "wall", "output"]


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """Client of one docker daemon. Calls raise OSError when it refuses or does not answer."""

    def __init__(self, path: str | None = None) -> None:
        """Raise MissingToolError without a socket, SandboxError when the daemon behind it does not answer."""
        host = path or os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        self._path = host.removeprefix("unix://")
        if not Path(self._path).is_socket():
            raise MissingToolError(
                f"no docker daemon answers at {host}.", f"Install it: {INSTALL} (and start it: dockerd)"
            )
        try:
            self.version = str(self.call("GET", "/version")["Version"])
        except (OSError, http.client.HTTPException) as error:
            raise SandboxError(
                f"the docker daemon at {host} does not answer: {error}.",
                "Start it (dockerd), and let this user use its socket (group docker).",
            ) from error

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request; ``body`` is JSON, or bytes of a tar file."""
        connection = _Connection(self._path, _CALL_S)
        try:
            raw = isinstance(body, bytes)
            headers = {"Content-Type": "application/x-tar" if raw else "application/json"} if body is not None else {}
            connection.request(method, _API + path, body if raw or body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer = response.read()
        except http.client.HTTPException as error:
            raise OSError(f"docker: {method} {path}: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:
            raise OSError(f"docker: {method} {path}: {response.status} {answer.decode(errors='replace').strip()}")
        lines = answer.strip().splitlines()
        return json.loads(lines[-1]) if lines else None

    def attach(self, container: str, command: list[str], user: str, environment: list[str]) -> tuple[str, Attached]:
        """Start a process in a container, attached; return its id and its streams."""
        options = {
            "Cmd": command,
            "User": user,
            "Env": environment,
            "WorkingDir": "/box",
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
        }
        made = str(self.call("POST", f"/containers/{container}/exec", options)["Id"])
        return made, self._attached(f"/exec/{made}/start", {"Detach": False, "Tty": False})

    def attach_life(self, container: str) -> Attached:
        """Return the standard input of a container's first process, which ends when this is closed or we die."""
        return self._attached(f"/containers/{container}/attach?stream=1&stdin=1", {})

    def _attached(self, path: str, options: dict[str, object]) -> Attached:
        body = json.dumps(options).encode()
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.settimeout(_CALL_S)
            stream.connect(self._path)
            stream.sendall(
                f"POST {_API}{path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head, rest = _read_head(stream)
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise OSError(f"docker: {path}: {head.decode(errors='replace').splitlines()[:1]}")
        except BaseException:
            stream.close()
            raise
        return Attached(stream, rest)

    def exit_code(self, process: str) -> int | None:
        """Return the exit code of an attached process; None if it still runs or was never started."""
        state = self.call("GET", f"/exec/{process}/json")
        return None if state["Running"] or not state["Pid"] else int(state["ExitCode"])


class Attached:
    """Streams of one process in a container."""

    def __init__(self, stream: socket.socket, received: bytes) -> None:
        self._stream = stream
        self._received = bytearray(received)

    def communicate(self, stdin: bytes, wall_s: float, output_bytes: int) -> Output:
        """Write and read until the streams end or a limit is reached; then close them."""
        deadline = time.monotonic() + wall_s
        held = {1: bytearray(), 2: bytearray()}
        rest = memoryview(stdin)
        with self._stream, selectors.DefaultSelector() as selector:
            self._stream.setblocking(False)
            selector.register(self._stream, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while True:
                self._split(held)
                if sum(len(part) for part in held.values()) > output_bytes:
                    return Output(bytes(held[1]), bytes(held[2]), "output")
                events = selector.select(max(0.0, deadline - time.monotonic()))
                if not events:
                    return Output(bytes(held[1]), bytes(held[2]), "wall")
                if events[0][1] & selectors.EVENT_WRITE:
                    rest = self._feed(rest)
                    if not rest:
                        selector.modify(self._stream, selectors.EVENT_READ)
                if events[0][1] & selectors.EVENT_READ and not self._receive():
                    self._split(held)
                    return Output(bytes(held[1]), bytes(held[2]), "")

    def close(self) -> None:
        """Close without waiting."""
        self._stream.close()

    def _feed(self, rest: memoryview) -> memoryview:
        try:
            rest = rest[self._stream.send(rest[:_CHUNK]) :] if rest else rest
            if not rest:
                self._stream.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return rest
        except (BrokenPipeError, OSError):  # the process has closed its input
            return rest[:0]
        return rest

    def _receive(self) -> bool:
        try:
            part = self._stream.recv(_CHUNK)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        self._received += part
        return bool(part)

    def _split(self, held: dict[int, bytearray]) -> None:
        at = 0
        while len(self._received) >= at + _HEADER:
            stream, length = struct.unpack_from(">BxxxI", self._received, at)
            if len(self._received) < at + _HEADER + length:
                break
            held[2 if stream == 2 else 1] += self._received[at + _HEADER : at + _HEADER + length]
            at += _HEADER + length
        del self._received[:at]


def _read_head(stream: socket.socket) -> tuple[bytes, bytes]:
    """Read the answer's head, and return it with the bytes behind it."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = stream.recv(4096)
        if not part:
            break
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest
