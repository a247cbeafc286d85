"""Run jobs in docker: kept containers without network, one exec per job, killed by container name.

A container is made for settings that do not change from job to job (stage, limits, bound paths) and serves one job at a
time. Its root is an empty image of ours with the host's system folders and the toolchain bound read-only; /box is a
size-limited tmpfs. Jobs run under a uid of their own; after each, everything of that uid is killed and /box emptied,
and a container in which that fails is removed. Its first process ends when this process closes its standard
input, so nothing outlives a verifier that was killed.

Weaker than bubblewrap, as its layers show: the run stage sees a /proc and the system's programs, since docker cannot
start a process without them. Not covered: daemons on other machines (folders are bound from here); a daemon whose
control groups or seccomp are off, which the self-test refuses.
"""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
import json
import os
import shutil
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from burnish.fsio import digest_json
from burnish.protocols import Job, JobResult, Limits
from burnish.verify.sandbox import layers
from burnish.verify.sandbox.backend import Backend, exit_code, fault, limit_reached, not_started, write_files
from burnish.verify.sandbox.cgroups import blamed, machine_oom_kills
from burnish.verify.sandbox.docker_api import Attached, Engine
from burnish.verify.sandbox.seccomp import docker_profile

_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives")
_RUNTIME = "/runtime"
"""Folder of libraries that belong below a system folder which does not hold them."""
_KEEPER, _JOB = "64099:64099", "64098:64098"
_KEEP = "exec 3<&0; cat <&3 >/dev/null & wait"
"""Command of the first process: it collects orphans, and ends with its standard input."""
_OWN_PIDS = 12
"""Processes beside the job: the first one, its cat, a shell, and threads of the container's runtime, which
linger on a busy machine."""
_SWEEP_S, _SWEEP_BYTES = 20.0, 1 << 28
_NUMBERS = itertools.count()
# Threads of the container's runtime, and the dead, count against the limit for a moment longer: before a job forks, the
# control group may hold the first process, its cat and the shell that asks alone. Asking takes no process.
_ALONE = (
    "alone() { read n </sys/fs/cgroup/pids/pids.current || read n </sys/fs/cgroup/pids.current; [ $n -le 3 ]; }; "
    "tries=0; "
)
_START = (
    _ALONE + "until alone || [ $tries -gt 20000 ]; do tries=$((tries + 1)); done 2>/dev/null; "
    'cp -R /job/. /box/ && mark=$1 && kept=$2 && shift 2 && command -v "$1" >/dev/null && echo "$mark" >&2 && '
    'exec /usr/bin/env -i $kept "$@"'
)
# kill -1 reaches all of this uid but the shell itself; then files of any mode can be removed.
_SWEEP = (
    _ALONE + "until kill -9 -1; alone || [ $tries -gt 500 ]; do tries=$((tries + 1)); sleep 0.01; done 2>/dev/null; "
    "cd /sys/fs/cgroup; cat memory/memory.oom_control memory.events cpu.stat 2>/dev/null; "
    "echo usage_nsec $(cat cpuacct/cpuacct.usage 2>/dev/null || echo 0); echo end; cd /box; "
    'for name; do [ -f "$name" ] && base64 -w0 "$name"; echo; done; '
    "chmod -R u+rwX . 2>/dev/null; find /box /dev/mqueue -mindepth 1 -delete; find /box -mindepth 1 | head -c 100; "
    "[ $tries -le 500 ] || echo processes"
)


@dataclass(frozen=True)
class _Shape:
    """Settings that a container is made for."""

    stage: Literal["compile", "run"]
    limits: Limits
    binds: tuple[tuple[str, str], ...]
    libraries: bool


@dataclass(eq=False)
class _Container:
    engine: Engine
    name: str
    shape: _Shape
    folder: Path
    life: Attached
    oom_kills: int = 0
    cpu_ns: int = 0
    killed: bool = False

    def cancel(self) -> None:
        """Kill it by name, with everything inside; docker then removes it."""
        self.killed = True
        with contextlib.suppress(OSError):
            self.engine.call("POST", f"/containers/{self.name}/kill")


class DockerSandbox(Backend):
    """`protocols.Sandbox` on a docker daemon; safe to call from several threads.

    Raises MissingToolError when there is no daemon, SandboxError when it does not answer.
    """

    def __init__(self, socket: str | None = None) -> None:
        super().__init__()
        self._engine = Engine(socket)
        self._root = Path(tempfile.mkdtemp(prefix="burnish-docker-"))
        self._image = _image(self._engine)
        self._idle: list[_Container] = []

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the backend with version, then every active layer."""
        absent = (layers.HIDDEN_PROC, layers.OWN_COMPILE_SANDBOX)
        return layers.claimed(f"docker {self._engine.version}", root=True, cgroup="docker", without=absent)

    def close(self) -> None:
        """Kill running jobs and remove the containers and their folders."""
        self.stop()
        with self._lock:
            idle, self._idle = self._idle, []
        for container in idle:
            self._discard(container)
        shutil.rmtree(self._root, ignore_errors=True)

    def _run(self, job: Job) -> JobResult:
        machine_before = machine_oom_kills()
        container = self._take(_shape(job))
        try:
            with self._known(container):
                return blamed(self._run_in(container, job), machine_before)
        except OSError:
            cancelled = container.killed
            container.killed = True  # its state is unknown
            if cancelled:
                return fault("cancelled")
            raise
        finally:
            self._give_back(container)

    def _take(self, shape: _Shape) -> _Container:
        with self._lock:
            idle = next((c for c in self._idle if c.shape == shape), None)
            if idle is not None:
                self._idle.remove(idle)
        return idle or self._make(shape)

    def _give_back(self, container: _Container) -> None:
        if container.killed:
            self._discard(container)
            return
        with self._lock:
            self._idle.append(container)

    def _make(self, shape: _Shape) -> _Container:
        name = f"burnish-{os.getpid()}-{next(_NUMBERS)}"
        folder = Path(tempfile.mkdtemp(dir=self._root))
        folder.chmod(0o755)
        life = None
        try:
            self._engine.call("POST", f"/containers/create?name={name}", _container(self._image, shape, folder))
            life = self._engine.attach_life(name)
            self._engine.call("POST", f"/containers/{name}/start")
        except BaseException:
            if life is not None:
                life.close()
            with contextlib.suppress(OSError):
                self._engine.call("DELETE", f"/containers/{name}?force=true")
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return _Container(self._engine, name, shape, folder, life)

    def _discard(self, container: _Container) -> None:
        container.cancel()
        container.life.close()
        shutil.rmtree(container.folder, ignore_errors=True)

    def _run_in(self, container: _Container, job: Job) -> JobResult:
        if container.killed:
            return fault("cancelled")
        began = time.monotonic()
        for old in container.folder.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        write_files(container.folder, job)
        mark = os.urandom(8).hex()
        kept = "LD_LIBRARY_PATH=" + _RUNTIME if container.shape.libraries else ""
        if job.stage == "compile":
            kept += " PATH=/usr/bin:/bin TMPDIR=/box"
        command = ["/bin/sh", "-c", _START, "sh", mark, kept, *job.argv]
        process, attached = self._engine.attach(container.name, command, _JOB, [])
        output = attached.communicate(job.stdin, job.limits.wall_s, job.limits.output_bytes + len(mark) + 1)
        wall_ms = (time.monotonic() - began) * 1000
        started, _, stderr = output.stderr.partition(f"{mark}\n".encode())
        if container.killed:
            return fault("cancelled")
        if output.exceeded:
            cpu_ms = self._cpu_ms_now(container)
            container.cancel()
            return JobResult(-9, output.stdout, stderr, cpu_ms, wall_ms, exceeded=output.exceeded)
        code = self._engine.exit_code(process)
        oom, cpu_ms, files = self._sweep(container, job)
        if code is None or not output.stderr.startswith(f"{mark}\n".encode()):
            return not_started(started, f"exit code {code}")
        code = exit_code(code)
        exceeded = limit_reached(code, cpu_ms, job.limits, out_of_memory=oom, counted=False)
        return JobResult(code, output.stdout, stderr, cpu_ms, wall_ms, files, exceeded)

    def _sweep(self, container: _Container, job: Job) -> tuple[bool, float, dict[str, bytes]]:
        """Kill the rest of a job, read its files, and empty /box.

        Returns whether memory ran out, the CPU milliseconds, and the files.
        """
        command = ["/bin/sh", "-c", _SWEEP, "sh", *job.collect]
        attached = self._engine.attach(container.name, command, _JOB, [])[1]
        output = attached.communicate(b"", _SWEEP_S, _SWEEP_BYTES)
        counters, _, rest = output.stdout.partition(b"end\n")
        lines = rest.split(b"\n")
        files = {name: base64.b64decode(line) for name, line in zip(job.collect, lines, strict=False)}
        left = b"".join(lines[len(job.collect) :]).strip()
        if output.exceeded or left or len(lines) <= len(job.collect):
            container.cancel()
        words = [line.split() for line in counters.decode().splitlines()]
        counted = {line[0]: int(line[1]) for line in words if len(line) == 2}
        kills = counted.get("oom_kill", 0)
        used = counted.get("usage_usec", 0) * 1000 or counted.get("usage_nsec", 0)
        oom, cpu_ms = kills > container.oom_kills, (used - container.cpu_ns) / 1e6
        container.oom_kills, container.cpu_ns = kills, used
        return oom, cpu_ms, files

    def _cpu_ms_now(self, container: _Container) -> float:
        """Return the CPU milliseconds since the last job, asked from outside; the daemon may take a second."""
        stats = self._engine.call("GET", f"/containers/{container.name}/stats?stream=false&one-shot=true")
        return (int(stats["cpu_stats"]["cpu_usage"]["total_usage"]) - container.cpu_ns) / 1e6


def _shape(job: Job) -> _Shape:
    binds = {}
    libraries = False
    for inside, outside in job.read_only.items():
        if not any(Path(inside).is_relative_to(system) for system in _SYSTEM):
            binds[inside] = str(outside)
        elif not (Path(inside).exists() and Path(inside).samefile(outside)):
            libraries = True
            binds[f"{_RUNTIME}/{Path(inside).name}"] = str(outside)
    return _Shape(job.stage, job.limits, tuple(sorted(binds.items())), libraries)


def _container(image: str, shape: _Shape, folder: Path) -> dict[str, object]:
    limits = shape.limits
    binds = [f"{name}:{name}:ro" for name in _SYSTEM if Path(name).exists() and not Path(name).is_symlink()]
    binds += [f"{outside}:{inside}:ro" for inside, outside in shape.binds]
    binds.append(f"{folder}:/job:ro")
    security = ["no-new-privileges"]
    if shape.stage == "run":
        security.append(f"seccomp={json.dumps(docker_profile())}")
    ulimits = {"cpu": max(1, round(limits.cpu_s)), "fsize": limits.work_bytes, "nofile": 256, "core": 0}
    return {
        "Image": image,
        "Cmd": ["/bin/sh", "-c", _KEEP],
        "User": _KEEPER,
        "Hostname": "sandbox",
        "OpenStdin": True,
        "StdinOnce": True,
        "NetworkDisabled": True,
        "HostConfig": {
            "AutoRemove": True,
            "NetworkMode": "none",
            "IpcMode": "none",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": security,
            "Binds": binds,
            "Tmpfs": {"/box": f"size={limits.work_bytes},mode=1777,exec,nosuid,nodev"},
            "Memory": limits.memory_bytes,
            "MemorySwap": limits.memory_bytes,
            "PidsLimit": limits.pids + _OWN_PIDS,
            "NanoCpus": 1_000_000_000,
            "Ulimits": [{"Name": name, "Soft": value, "Hard": value} for name, value in ulimits.items()],
        },
    }


def _image(engine: Engine) -> str:
    """Return an image of empty folders and the host's links between system folders; made once per layout."""
    links = {name: str(Path(name).readlink()) for name in _SYSTEM if Path(name).is_symlink()}
    folders = [name for name in _SYSTEM if name not in links and Path(name).exists()]
    folders += ["/etc", "/box", "/job", "/toolchain", _RUNTIME, "/proc", "/sys", "/dev"]
    tag = digest_json([links, folders])[:16]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in sorted(folders):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "/box" else 0o755
            tar.addfile(entry)
        for name, target in {**links, "/tmp": "box"}.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    engine.call("POST", f"/images/create?fromSrc=-&repo=burnish-sandbox&tag={tag}", content.getvalue())
    return f"burnish-sandbox:{tag}"
