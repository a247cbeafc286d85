"""Read rows of Parquet files in batches, so that a file of any size takes little memory.

Not covered: choosing columns; rows hold all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from burnish.data.sources.raw import RawRow
from burnish.errors import DataError, MissingToolError

_BATCH = 1000


def parquet_rows(file: Path, skip: int = 0) -> Iterator[RawRow]:
    """Yield rows after the first ``skip``, numbered from 1. Raises DataError for a file that is not Parquet."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingToolError("reading Parquet needs pyarrow.", "pip install 'burnish[train]'") from error
    try:
        with parquet.ParquetFile(file) as opened:
            number = 0
            for group in range(opened.num_row_groups):
                rows = opened.metadata.row_group(group).num_rows
                if number + rows <= skip:  # whole row groups are skipped unread
                    number += rows
                    continue
                for batch in opened.iter_batches(batch_size=_BATCH, row_groups=[group]):
                    for row in batch.to_pylist():
                        number += 1
                        if number > skip:
                            yield RawRow(str(file), str(number), row)
    except (arrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{file} cannot be read as Parquet: {error}.", "Check the file, or its `kind`.") from error


def parquet_length(file: Path) -> int:
    """Return the number of rows of a file, from its metadata."""
    from pyarrow import parquet

    return int(parquet.read_metadata(file).num_rows)
