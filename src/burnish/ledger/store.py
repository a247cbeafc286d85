"""``runs/ledger.sqlite``: store all runs with stages, inputs, outputs and results.

The run folders decide what must run; the ledger is an index across them. Migrations are
append-only: a change of schema is a new entry, never an edit of an old one.
Not covered: curves (``metrics.jsonl``), the verdict cache.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from burnish.errors import DataError, DiskError
from burnish.fsio import disk_errors
from burnish.ledger.stage import Done

MIGRATIONS = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, path TEXT NOT NULL, recipe TEXT NOT NULL, version TEXT NOT NULL,
        state TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL
    );
    CREATE TABLE stages (
        run TEXT NOT NULL REFERENCES runs(id), name TEXT NOT NULL, kind TEXT NOT NULL, fingerprint TEXT NOT NULL,
        finished_at REAL NOT NULL, seconds REAL NOT NULL, peak_bytes INTEGER, PRIMARY KEY (run, name)
    );
    CREATE TABLE artefacts (
        run TEXT NOT NULL, stage TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
        PRIMARY KEY (run, stage, name), FOREIGN KEY (run, stage) REFERENCES stages(run, name)
    );
    CREATE INDEX artefacts_by_digest ON artefacts(digest);
    CREATE TABLE parents (
        run TEXT NOT NULL, stage TEXT NOT NULL, input TEXT NOT NULL, digest TEXT NOT NULL,
        PRIMARY KEY (run, stage, input), FOREIGN KEY (run, stage) REFERENCES stages(run, name)
    );
    CREATE TABLE metrics (
        run TEXT NOT NULL, stage TEXT NOT NULL, name TEXT NOT NULL, value REAL NOT NULL,
        PRIMARY KEY (run, stage, name), FOREIGN KEY (run, stage) REFERENCES stages(run, name)
    );
    """,
    """
    ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'run';
    ALTER TABLE runs ADD COLUMN fork_of TEXT;
    ALTER TABLE runs ADD COLUMN fork_point TEXT;
    CREATE TABLE aliases (
        run TEXT NOT NULL, stage TEXT NOT NULL, artefact TEXT NOT NULL, digest TEXT NOT NULL,
        PRIMARY KEY (run, stage, artefact, digest), FOREIGN KEY (run, stage) REFERENCES stages(run, name)
    );
    CREATE INDEX aliases_by_digest ON aliases(digest);
    """,
)
OF_STAGES = ("artefacts", "aliases", "parents", "metrics")
"""Tables whose rows belong to a stage of a run."""
RunKind = Literal["run", "evaluation"]


@dataclass(frozen=True)
class RunRow:
    """A run in the ledger."""

    run_id: str
    name: str
    path: Path
    state: str
    """``running``, ``done``, ``interrupted`` or ``failed``; a killed process leaves ``running``."""
    created_at: float
    updated_at: float
    kind: RunKind
    version: str
    """Version of burnish."""
    recipe: str
    """Digest of the resolved recipe with the digests of all inputs."""
    fork_of: str | None = None
    """Id of the run that it was forked from."""
    fork_point: str | None = None
    """Checkpoint that it was forked from."""


@dataclass(frozen=True)
class StageRow:
    """A finished stage in the ledger."""

    name: str
    kind: str
    seconds: float
    finished_at: float
    peak_bytes: int | None
    artefacts: Mapping[str, str]
    aliases: Mapping[str, tuple[str, ...]]
    """Artefact -> other digests under which it may be read, such as that of a model's own files."""
    parents: Mapping[str, str]
    metrics: Mapping[str, float]


class Ledger:
    """The open ledger, a context manager.

    Raises DataError for a file that is not a ledger or was written by a newer version."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._errors():
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def open_run(self, run_id: str, *, name: str, path: Path, recipe: str, version: str, kind: RunKind = "run") -> None:
        """Record that a run starts or continues; ``recipe`` is the digest of its resolved form."""
        now = time.time()
        with self._transaction() as db:
            db.execute(
                "INSERT INTO runs (id, name, path, recipe, version, state, created_at, updated_at, kind) "
                "VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "path = excluded.path, recipe = excluded.recipe, version = excluded.version, state = 'running', "
                "updated_at = excluded.updated_at",
                (run_id, name, str(path.resolve()), recipe, version, now, now, kind),
            )

    def note_fork(self, run_id: str, *, source: str, point: str) -> None:
        """Record the run and checkpoint that a run was forked from."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET fork_of = ?, fork_point = ? WHERE id = ?", (source, point, run_id))

    def remove_run(self, run_id: str) -> None:
        """Delete a run with its stages, outputs and results; keep the folder."""
        with self._transaction() as db:
            for table in (*OF_STAGES, "stages"):
                db.execute(f"DELETE FROM {table} WHERE run = ?", (run_id,))
            db.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def close_run(self, run_id: str, state: str) -> None:
        """Record that a run ended as ``done``, ``interrupted`` or ``failed``."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET state = ?, updated_at = ? WHERE id = ?", (state, time.time(), run_id))

    def has_stage(self, run_id: str, name: str, done: Done) -> bool:
        """Return whether exactly this completion of the stage is recorded."""
        query = "SELECT 1 FROM stages WHERE run = ? AND name = ? AND fingerprint = ? AND finished_at = ?"
        with self._errors():
            return self._db.execute(query, (run_id, name, done.fingerprint, done.finished_at)).fetchone() is not None

    def record_stage(
        self,
        run_id: str,
        *,
        name: str,
        kind: str,
        done: Done,
        inputs: Mapping[str, str],
        aliases: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Record a finished stage, replacing earlier records under its name."""
        with self._transaction() as db:
            for table in OF_STAGES:
                db.execute(f"DELETE FROM {table} WHERE run = ? AND stage = ?", (run_id, name))
            db.execute(
                "INSERT OR REPLACE INTO stages VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run_id, name, kind, done.fingerprint, done.finished_at, done.seconds, done.peak_bytes),
            )
            for table, rows in (("artefacts", done.outputs), ("parents", inputs), ("metrics", done.metrics)):
                db.executemany(
                    f"INSERT INTO {table} VALUES (?, ?, ?, ?)",
                    [(run_id, name, key, value) for key, value in rows.items()],
                )
            db.executemany(
                "INSERT OR IGNORE INTO aliases VALUES (?, ?, ?, ?)",
                [(run_id, name, key, digest) for key, digests in (aliases or {}).items() for digest in digests],
            )

    def runs(self) -> list[RunRow]:
        """Return all runs, latest first."""
        query = (
            "SELECT id, name, path, state, created_at, updated_at, kind, version, recipe, fork_of, fork_point "
            "FROM runs ORDER BY updated_at DESC"
        )
        with self._errors():
            return [RunRow(row[0], row[1], Path(row[2]), *row[3:]) for row in self._db.execute(query)]

    def stages(self, run_id: str) -> list[StageRow]:
        """Return the finished stages of a run in the order they finished."""
        query = (
            "SELECT name, kind, seconds, finished_at, peak_bytes FROM stages WHERE run = ? ORDER BY finished_at, rowid"
        )
        with self._errors():
            rows = self._db.execute(query, (run_id,)).fetchall()
            return [
                StageRow(
                    name=name,
                    kind=kind,
                    seconds=seconds,
                    finished_at=finished_at,
                    peak_bytes=peak_bytes,
                    artefacts=self._pairs("name, digest", "artefacts", run_id, name),
                    aliases=self._aliases(run_id, name),
                    parents=self._pairs("input, digest", "parents", run_id, name),
                    metrics=self._pairs("name, value", "metrics", run_id, name),
                )
                for name, kind, seconds, finished_at, peak_bytes in rows
            ]

    def _pairs(self, columns: str, table: str, run_id: str, stage: str) -> dict[str, Any]:
        query = f"SELECT {columns} FROM {table} WHERE run = ? AND stage = ?"
        return dict(self._db.execute(query, (run_id, stage)).fetchall())

    def _aliases(self, run_id: str, stage: str) -> dict[str, tuple[str, ...]]:
        query = "SELECT artefact, digest FROM aliases WHERE run = ? AND stage = ? ORDER BY artefact, digest"
        aliases: dict[str, tuple[str, ...]] = {}
        for artefact, digest in self._db.execute(query, (run_id, stage)):
            aliases[artefact] = (*aliases.get(artefact, ()), digest)
        return aliases

    def _migrate(self) -> None:
        with self._transaction() as db:  # two programs that start together must not both create the tables
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                way_out = "Update burnish, or use another runs_dir."
                raise DataError(f"{self.path} was written by a newer burnish", way_out)
            for script in MIGRATIONS[version:]:
                for statement in script.split(";"):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                way_out = "Free some space or give write permission, then run the same command again."
                raise DiskError(f"cannot write the ledger {self.path}: {error}", way_out) from error
            raise
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # a bug in this module
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"{self.path} is not a ledger: {error}",
                "Move the file away; the run folders hold the same information.",
            ) from error
