from __future__ import annotations

import json
from typing import Any

from burnish.verify.compiler.diagnostics import read_diagnostics


def line(level: str, code: str | None, spans: list[dict[str, Any]], message: str = "m") -> bytes:
    content = {
        "level": level,
        "code": None if code is None else {"code": code},
        "spans": spans,
        "message": message,
        "rendered": message,
    }
    return json.dumps(content).encode()


SPAN = {"is_primary": True, "line_start": 3, "column_start": 5}


def test_summaries_are_not_counted() -> None:
    said = read_diagnostics(
        b"\n".join(
            [
                line("error", "E0308", [SPAN]),
                line("error", None, [], "aborting due to 1 previous error"),
                line("failure-note", None, [], "For more information"),
            ]
        )
    )
    assert (said.errors, said.codes) == (1, frozenset({"E0308"}))
    assert [(d.line, d.column) for d in said.kept] == [(3, 5)]


def test_a_lone_error_without_place_is_kept() -> None:
    said = read_diagnostics(line("error", None, [], "linking with `cc` failed"))
    assert said.errors == 1
    assert said.kept[0].line is None


def test_lints_are_named_and_errors_come_first() -> None:
    said = read_diagnostics(
        b"\n".join(
            [
                line("warning", "clippy::needless_return", [SPAN]),
                line("warning", "unused_variables", [SPAN]),
                line("error", "unconditional_panic", [SPAN]),
                b"thread 'rustc' panicked at nothing",
                b'{"level": "error", "cut off',
            ]
        )
    )
    assert said.lints == ("clippy::needless_return", "unused_variables", "unconditional_panic")
    assert said.kept[0].level == "error"


def test_a_flood_is_counted_but_not_kept() -> None:
    said = read_diagnostics(b"\n".join(line("error", None, [SPAN], "x" * 9000) for _ in range(300)))
    assert said.errors == 300
    assert sum(len(d.to_json() if hasattr(d, "to_json") else d.model_dump_json()) for d in said.kept) < 100_000
