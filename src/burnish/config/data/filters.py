"""Configure the filters of training rows; the ``kind`` of a filter is the recorded reason.

Not covered: the filters themselves (`data.filters`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from burnish.config.base import BY_KIND, LISTED, Config
from burnish.records import Edition


class VendorPath(Config):
    """Leave out vendored code and build output, by path."""

    kind: Literal["vendor_path"] = "vendor_path"


class TestFile(Config):
    """Leave out files of tests: by path, or because every item is a test."""

    __test__: ClassVar[bool] = False  # not a pytest class
    kind: Literal["test_file"] = "test_file"


class ExampleFile(Config):
    """Leave out files in ``example`` or ``examples`` folders."""

    kind: Literal["example_file"] = "example_file"


class BenchFile(Config):
    """Leave out benchmarks: by path, or because every item is one."""

    kind: Literal["bench_file"] = "bench_file"


class TooShort(Config):
    """Leave out short rows."""

    kind: Literal["too_short"] = "too_short"
    characters: int = Field(64, ge=1)
    """Shortest row that is kept, in characters."""


class TooLong(Config):
    """Leave out long rows."""

    kind: Literal["too_long"] = "too_long"
    characters: int = Field(200_000, ge=1)
    """Longest row that is kept, in characters."""


class NotIdiomatic(Config):
    """Leave out Rust with too few signs of idiom per sign of low quality."""

    kind: Literal["not_idiomatic"] = "not_idiomatic"
    ratio: float = Field(2.0, gt=0)
    """Families of idiom required per family of low quality; at least one is always required."""


class NoDocumentation(Config):
    """Leave out Rust without any doc comment."""

    kind: Literal["no_documentation"] = "no_documentation"


class LowQuality(Config):
    """Leave out Rust with signs of low quality."""

    kind: Literal["low_quality"] = "low_quality"
    most: int = Field(0, ge=0, le=3)
    """Families of low quality that are allowed, of four."""


class DoesNotParse(Config):
    """Leave out rows that the Rust grammar cannot parse."""

    kind: Literal["does_not_parse"] = "does_not_parse"


class DoesNotCompile(Config):
    """Leave out rows that do not compile in the sandbox."""

    kind: Literal["does_not_compile"] = "does_not_compile"
    edition: Edition = "2021"


class HasLints(Config):
    """Leave out rows with a lint, and rows that do not compile."""

    kind: Literal["has_lints"] = "has_lints"
    edition: Edition = "2021"


class Licence(Config):
    """Leave out rows whose licence does not allow the use."""

    kind: Literal["licence"] = "licence"
    allow: Annotated[tuple[str, ...], LISTED] = Field(
        ("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unlicense", "CC0-1.0"),
        min_length=1,
    )
    """SPDX identifiers, or pairs as in ``GPL-2.0-only WITH Classpath-exception-2.0``."""
    unknown: Literal["drop", "keep"] = "drop"
    """How rows with an unknown licence are treated."""


class NearDuplicate(Config):
    """Leave out rows that are nearly the same as an earlier one."""

    kind: Literal["near_duplicate"] = "near_duplicate"
    threshold: float = Field(0.8, gt=0, le=1)
    """Rows count as the same from this Jaccard similarity of their token n-grams."""
    run: int = Field(5, ge=1)
    """Tokens per n-gram."""
    permutations: int = Field(128, ge=16)
    """Hash functions of the signature: more give fewer false candidates but take longer to compute."""


class Contaminated(Config):
    """Leave out rows that contain an evaluation task."""

    kind: Literal["contaminated"] = "contaminated"
    tasks: Annotated[tuple[Path, ...], LISTED] = Field(min_length=1)
    """Task files: Task records, HumanEvalPack or HumanEval rows."""
    run: int = Field(13, ge=2)
    """Tokens per n-gram."""
    share: float = Field(0.5, gt=0, le=1)
    """Leave a row out if it contains this share of the n-grams of a task's prompt, reference or tests."""


FilterConfig = Annotated[
    VendorPath
    | TestFile
    | ExampleFile
    | BenchFile
    | TooShort
    | TooLong
    | NotIdiomatic
    | NoDocumentation
    | LowQuality
    | DoesNotParse
    | DoesNotCompile
    | HasLints
    | Licence
    | NearDuplicate
    | Contaminated,
    Field(discriminator="kind"),
    BY_KIND,
]
