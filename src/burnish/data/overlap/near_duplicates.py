"""Find near-duplicates: rows whose runs of tokens are nearly the set of an earlier row.

A row is a duplicate when the Jaccard similarity of its runs with those of an earlier, kept row is at least the
threshold: |A n B| / |A u B|. Candidates come from MinHash signatures cut into bands (Leskovec, Rajaraman, Ullman:
Mining of Massive Datasets, chapter 3): rows that agree in a whole band are compared exactly, so nothing below the
threshold is ever dropped, and at the threshold itself at least `RECALL` of the duplicates are found, more above it.

Bands and runs are in SQLite: memory does not grow with the rows; the file does, by some 4 bytes per run and 60 per
band of a kept row. A duplicate is not stored, so that chains of ever less similar rows do not form.

Not covered: rows that contain another row whole (`data.overlap.contamination` asks that of task sets).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from datasketch import MinHash

from burnish.data.overlap.shingles import mixed, shingles
from burnish.errors import DataError, DiskError
from burnish.fsio import disk_errors

RECALL = 0.99
"""Least recall of duplicates whose similarity equals the threshold."""
_COMMIT_ROWS = 2000
_SEED = 1
_SCHEME = "affine32"
_BASE = np.uint64(0x9E3779B97F4A7C15)
_SCHEMA = """
CREATE TABLE rows (number INTEGER PRIMARY KEY, id TEXT NOT NULL, size INTEGER NOT NULL, runs BLOB NOT NULL);
CREATE TABLE bands (hash INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (hash, row)) WITHOUT ROWID;
CREATE TABLE options (threshold REAL NOT NULL, run INTEGER NOT NULL, permutations INTEGER NOT NULL);
"""

Runs = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Duplicate:
    """The kept row that another one nearly repeats."""

    of: str
    """Id of the kept row."""
    similarity: float
    """Jaccard similarity of the runs, exact."""

    def __str__(self) -> str:
        return f"{self.similarity:.2f} like {self.of}"


@dataclass(frozen=True)
class Sketch:
    """Data of a row for the index; any process can compute it."""

    runs: Runs
    bands: tuple[int, ...]


def band_rows(threshold: float, permutations: int) -> int:
    """Return the signature values per band: the most that `RECALL` at the threshold allows, for few false
    candidates."""
    # A pair of similarity s shares a band with probability 1 - (1 - s^rows)^bands, bands = permutations // rows.
    fitting = [
        rows for rows in range(1, permutations + 1) if 1 - (1 - threshold**rows) ** (permutations // rows) >= RECALL
    ]
    return max(fitting, default=1)


class Sketcher:
    """Compute sketches; equal tokens give equal sketches on every machine."""

    def __init__(self, *, threshold: float = 0.8, run: int = 5, permutations: int = 128) -> None:
        """Set ``run``, the tokens per run, and ``permutations``, the length of the signature."""
        if not 0 < threshold <= 1 or run < 1 or permutations < 1:
            raise ValueError("the threshold is in 0..1, run and permutations are at least 1")
        self.threshold, self.run, self.permutations = threshold, run, permutations
        self._rows = band_rows(threshold, permutations)
        self._minhash = MinHash(permutations, seed=_SEED, scheme=_SCHEME, hashfunc=int)

    def sketch(self, tokens: Sequence[str]) -> Sketch:
        """Compute a sketch; a text shorter than a run is one run."""
        # 32 bits per run halve the stored size; a collision changes the similarity by at most one run.
        runs = np.unique(shingles(tokens, min(self.run, max(1, len(tokens)))).astype(np.uint32))
        self._minhash.clear()
        self._minhash.update_batch(runs.tolist())
        count = self.permutations // self._rows
        values = self._minhash.hashvalues[: count * self._rows].reshape(count, self._rows).astype(np.uint64)
        # One 64-bit number per band, starting from the band's index so that equal values of two bands stay apart.
        numbers = np.arange(count, dtype=np.uint64)
        for column in range(self._rows):
            numbers = numbers * _BASE + values[:, column]
        return Sketch(runs, tuple(mixed(numbers).view(np.int64).tolist()))


class NearDuplicates:
    """Index of the rows kept so far, in a file. One process writes it; closing loses nothing."""

    def __init__(self, path: Path, sketcher: Sketcher, *, state: Mapping[str, Any] | None = None) -> None:
        """Begin anew, or continue from ``state``; rows kept later are forgotten.

        Raises DataError when the file does not belong to that state, DiskError when it cannot be used.
        """
        self._path = path
        self._sketcher = sketcher
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if state is None:
                for old in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
                    old.unlink(missing_ok=True)
        if state is not None and not path.is_file():
            raise DataError(f"the index of near-duplicates {path} is gone.", "Prepare the data again from the start.")
        with self._sqlite_errors():
            self._connection = sqlite3.connect(path, isolation_level=None)
            # A crash loses at most the rows since the last commit; `state` commits, so a resumed run finds its rows.
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            if state is None:
                self._connection.executescript(_SCHEMA)
                self._connection.execute("INSERT INTO options VALUES (?, ?, ?)", self._options())
            self._kept = 0 if state is None else self._go_back_to(int(state["kept"]))
            self._connection.execute("BEGIN")

    def find_or_keep(self, row_id: str, tokens: Sequence[str]) -> Duplicate | None:
        """Return the kept row that this one repeats; otherwise keep it and return None. Rows without tokens are kept
        and never found."""
        return self.find_or_keep_sketch(row_id, self._sketcher.sketch(tokens))

    def find_or_keep_sketch(self, row_id: str, sketch: Sketch) -> Duplicate | None:
        """Do the same for a sketch made elsewhere."""
        if not sketch.runs.size:
            return None
        with self._sqlite_errors():
            # Bands only propose candidates; the exact similarity decides.
            for number in self._candidates(sketch):
                kept_id, blob = self._connection.execute(
                    "SELECT id, runs FROM rows WHERE number = ?", number
                ).fetchone()
                similarity = _jaccard(sketch.runs, np.frombuffer(blob, dtype=np.uint32))
                if similarity >= self._sketcher.threshold:
                    return Duplicate(kept_id, similarity)
            self._keep(row_id, sketch)
        return None

    def state(self) -> dict[str, int]:
        """Return the state to continue from; everything kept so far is then on disk."""
        with self._sqlite_errors():
            self._commit()
        return {"kept": self._kept}

    def close(self) -> None:
        """Write pending rows and close the file."""
        with self._sqlite_errors():
            self._connection.execute("COMMIT")
            self._connection.close()

    def _candidates(self, sketch: Sketch) -> list[tuple[int]]:
        """Yield rows that share a band and have a possible size, those with most shared bands first."""
        marks = ",".join("?" * len(sketch.bands))
        size, threshold = sketch.runs.size, self._sketcher.threshold
        return self._connection.execute(
            f"SELECT row FROM bands JOIN rows ON number = row WHERE hash IN ({marks}) AND size BETWEEN ? AND ? "
            "GROUP BY row ORDER BY count(*) DESC, row",
            # Jaccard >= t implies t <= |A| / |B| <= 1 / t: other sizes cannot qualify. 1e-6 covers rounding.
            (*sketch.bands, size * threshold - 1e-6, size / threshold + 1e-6),
        ).fetchall()

    def _keep(self, row_id: str, sketch: Sketch) -> None:
        number = self._kept
        self._connection.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?)", (number, row_id, sketch.runs.size, sketch.runs.tobytes())
        )
        self._connection.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(h, number) for h in sketch.bands])
        self._kept += 1
        if self._kept % _COMMIT_ROWS == 0:
            self._commit()

    def _commit(self) -> None:
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")

    def _options(self) -> tuple[float, int, int]:
        return self._sketcher.threshold, self._sketcher.run, self._sketcher.permutations

    def _go_back_to(self, kept: int) -> int:
        stored = self._connection.execute("SELECT threshold, run, permutations FROM options").fetchone()
        rows = self._connection.execute("SELECT count(*) FROM rows").fetchone()[0]
        if stored != self._options() or rows < kept:
            raise DataError(
                f"the index of near-duplicates {self._path} is of another run.",
                "Prepare the data again from the start.",
            )
        # Rows kept after the state will be read again; left in, they would be their own duplicates.
        self._connection.execute("DELETE FROM bands WHERE row >= ?", (kept,))
        self._connection.execute("DELETE FROM rows WHERE number >= ?", (kept,))
        return kept

    @contextmanager
    def _sqlite_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise DiskError(
                f"the index of near-duplicates {self._path} cannot be used: {error}.",
                "Free some space or delete that file, and prepare the data again.",
            ) from error


def _jaccard(a: Runs, b: Runs) -> float:
    both = np.intersect1d(a, b, assume_unique=True).size
    return both / (a.size + b.size - both)
