"""How errors reach the user: two lines and the family's exit code; faults of burnish keep their traceback."""

from __future__ import annotations

import errno
import os

import pytest
import typer
from click import UsageError

from burnish.cli.errors import reported, show_usage_error
from burnish.errors import BurnishError, ConfigError, DiskError, MissingToolError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a", "b"), 2),
        (MissingToolError("a", "b"), 3),
        (DiskError("a", "b"), 4),
        (BurnishError("a", "b"), 1),
    ],
)
def test_intended_errors_are_two_lines(error: BurnishError, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, reported():
        raise error
    assert caught.value.exit_code == code
    assert capsys.readouterr().err == "error: a\n  -> b\n"


def test_a_full_disk_anywhere_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, reported():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x")
    assert caught.value.exit_code == 4
    assert capsys.readouterr().err.startswith("error: no space left on the disk while writing runs/x\n  -> ")


@pytest.mark.parametrize(
    ("message", "way_out"),
    [
        ("Got unexpected extra argument (my run)", "A value with spaces needs quotes: --set 'name=my run recipe.yaml'"),
        ("No such option: --nosuch", "See: burnish --help"),
        ("Missing argument 'RECIPE'.", "See: burnish --help"),
    ],
)
def test_quotes_are_advised_where_an_argument_is_too_many(
    message: str, way_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_usage_error(UsageError(message), ["run", "--set", "name=my", "run", "recipe.yaml", "--nosuch"])
    assert capsys.readouterr().err.endswith(f"  -> {way_out}\n")


def test_an_interruption_names_the_command_that_continues(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, reported("Run it again."):
        raise KeyboardInterrupt
    assert caught.value.exit_code == 130
    assert capsys.readouterr().err == "error: interrupted\n  -> Run it again.\n"


@pytest.mark.parametrize("error", [ZeroDivisionError(), FileNotFoundError(errno.ENOENT, "x")])
def test_internal_errors_keep_their_traceback(error: Exception) -> None:
    with pytest.raises(type(error)), reported():
        raise error
