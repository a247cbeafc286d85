"""Lock a run's folder and check that it belongs to the same recipe.

The folder holds ``recipe.resolved.json``, ``metrics.jsonl``, ``events.jsonl``, ``logs/`` and a folder per stage.
One process at a time works in it; the lock is the system's, so it ends with the process however that ends.
Not covered: which stages must run (`ledger.stage`), folders on file systems without ``flock``.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.errors import RunFolderError
from burnish.fsio import Needs, disk_errors, write_json
from burnish.ledger.metrics import EventLog, MetricsWriter
from burnish.records.layout import ATTEMPT, DONE, EVENTS, LOGS, METRICS, RESOLVED

LOCK = ".lock"
INDIFFERENT = ("runs_dir", "verify.workers", "verify.cache", "report_to")
"""Keys of a recipe that change no result: a run continues under new values."""
LAUNCH = "launch."
"""Prefix of the keys that set the number of processes."""
REMADE = ("tasks", "corpus")
"""Kinds of stages whose results follow from the recipe, so that nothing is lost with them."""
LENGTHS = frozenset({"max_steps", "epochs"})
"""Settings of a training stage that say how long it trains."""
CONTINUABLE = ("micro_batch", "extra_steps", "extra_epochs", "save_every", "rounds")
"""Last parts of keys that may change without restarting a stage; `config.stages.optimizer.CONTINUABLE` are
the same."""


RESOLVED_RECIPE: Needs = {"run_id": str, "recipe": dict, "digests": dict}


@dataclass(frozen=True)
class RunFolder:
    """An open, locked run folder."""

    path: Path
    run_id: str
    """Unique id; runs may reuse a name."""

    @property
    def metrics(self) -> MetricsWriter:
        return MetricsWriter(self.path / METRICS)

    @property
    def events(self) -> EventLog:
        return EventLog(self.path / EVENTS)


@contextmanager
def open_run(
    path: Path, *, recipe: Mapping[str, Any], digests: Mapping[str, str], version: str, resume: bool
) -> Iterator[RunFolder]:
    """Create or continue the folder and hold its lock while the body runs.

    Args:
        path: The run's folder.
        recipe: The resolved recipe as plain data.
        digests: Code, data, base model, toolchain: whatever decides results outside the recipe.
        version: The program's version, recorded.
        resume: Continue although recipe or digests differ; the folder then belongs to the new ones.

    Raises RunFolderError when another process holds the folder, or it belongs to something else.
    """
    with _locked(path):
        before = _read_resolved(path)
        run_id = uuid.uuid4().hex if before is None else before["run_id"]
        if before is not None:
            _refuse_other(path, before, {"recipe": recipe, "digests": digests}, resume=resume)
        now = {"run_id": run_id, "burnish": version, "digests": dict(digests), "recipe": dict(recipe)}
        if before != now:
            write_json(path / RESOLVED, now)
        yield RunFolder(path, run_id)


def check_owner(path: Path, recipe: Mapping[str, Any], *, resume: bool) -> None:
    """Raise early what `open_run` will raise because of the recipe alone; takes no lock and makes nothing."""
    if path.exists() and not path.is_dir():
        raise RunFolderError(f"{path} is a file, not a folder", "Give the name of a new folder.")
    before = _read_resolved(path) if path.is_dir() else None
    if before is not None:
        _refuse_other(path, before, {"recipe": recipe, "digests": before["digests"]}, resume=resume)


def _refuse_other(path: Path, before: Mapping[str, Any], now: Mapping[str, Any], *, resume: bool) -> None:
    """Raise RunFolderError where the folder holds results of another recipe or state."""
    _refuse_other_lengths(path, before["recipe"], now["recipe"])
    differing = differences(before, now)
    if differing and not resume and _made_something(path, before["recipe"]):
        key = "name" if "stages" in now["recipe"] else "out"
        raise RunFolderError(
            f"{path} belongs to another recipe or state: {_listed(differing)}",
            f"Add --resume to rerun only what that changes, or --set {key}=OTHER for a new run, or remove {path}.",
        )


def _made_something(path: Path, recipe: Mapping[str, Any]) -> bool:
    """Return whether a folder holds more than stages that failed at once, and what is made from a recipe alone."""
    remade = {stage.get("name") for stage in recipe.get("stages", ()) if stage.get("kind") in REMADE}
    folders = [
        entry
        for entry in path.iterdir()
        if entry.is_dir() and entry.name not in (LOGS, *remade) and entry.name[0] != "."
    ]
    return any(file.is_file() and file.name != ATTEMPT for folder in folders for file in folder.rglob("*"))


def _refuse_other_lengths(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise where a finished training differs from what is wanted in its length alone: it would start at step 0.

    Its learning-rate schedule depends on its length, so a longer training is another one; a finished training can only
    continue from its end.
    """
    wanted = {stage.get("name"): stage for stage in now.get("stages", ())}
    for stage in before.get("stages", ()):
        other = wanted.get(stage.get("name"))
        if other is None or not (path / str(stage["name"]) / DONE).is_file():
            continue
        changed = {key for key in {*stage, *other} if stage.get(key) != other.get(key)} - set(CONTINUABLE)
        if changed and changed <= LENGTHS:
            key = min(changed)
            raise RunFolderError(
                f"{path}: stage {stage['name']} is finished, and stages.{stage['name']}.{key} changed from "
                f"{json.dumps(stage.get(key))} to {json.dumps(other.get(key))}: it would be trained anew from step 0.",
                "Go on from its end with --extra-steps N or --extra-epochs N, or train anew under another name with "
                "--set name=OTHER.",
            )


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """List the differences between two resolved states: ``key: old -> new`` of the recipe, names of digests."""
    old, new = flat(before["recipe"]), flat(now["recipe"])
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key) and not _indifferent(key)]
    recipe = [f"{key}: {_shown(old, key)} -> {_shown(new, key)}" for key in keys]
    names = {**before["digests"], **now["digests"]}
    digests = [name for name in names if before["digests"].get(name) != now["digests"].get(name)]
    return recipe + [f"the {name} changed" for name in digests]


def _indifferent(key: str) -> bool:
    return key in INDIFFERENT or key.startswith(LAUNCH) or key.rpartition(".")[2] in CONTINUABLE


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten nested settings to ``a.b`` -> value; named list items, such as stages, by name."""
    if isinstance(value, dict) and value:
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        items = [(item["name"], item) for item in value]
    else:
        return {prefix: value}
    return {
        key: leaf for name, item in items for key, leaf in flat(item, f"{prefix}.{name}" if prefix else name).items()
    }


def _shown(flat: Mapping[str, Any], key: str) -> str:
    return json.dumps(flat[key], ensure_ascii=False) if key in flat else "absent"


def _listed(differing: list[str]) -> str:
    more = f"; and {len(differing) - 4} more" if len(differing) > 4 else ""
    return "; ".join(differing[:4]) + more


def _read_resolved(path: Path) -> dict[str, Any] | None:
    try:
        before = json.loads((path / RESOLVED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        strangers = sorted(
            entry.name for entry in path.iterdir() if not entry.name.startswith(".") and entry.name != LOGS
        )
        if strangers:
            raise RunFolderError(
                f"{path} is not empty and is not a run folder: it holds {strangers[0]}",
                f"Give the run another name with --set name=OTHER, or remove {path}.",
            ) from None
        return None
    except ValueError as error:
        raise RunFolderError(
            f"{path / RESOLVED} is broken: {error}", f"Remove {path} and run the same command again."
        ) from error
    if not isinstance(before, dict) or not {"run_id", "recipe", "digests"} <= before.keys():
        raise RunFolderError(
            f"{path / RESOLVED} is not a resolved recipe", f"Remove {path} and run the same command again."
        )
    return before


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            raise RunFolderError(
                f"{path} is in use by process {holder or 'unknown'}",
                "Wait until it ends, or give this run another name with --set name=OTHER.",
            ) from None
        with disk_errors(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
