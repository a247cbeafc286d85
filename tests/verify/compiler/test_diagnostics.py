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


def test_what_the_rest_of_the_crate_decides_is_left_out() -> None:
    """The first place of a lint has a note why it is on, the others have not; passes decide which comes first."""
    body = "warning: unused variable: `a`\n --> candidate.rs:1:24\n  |\n1 | let a = 1;\n  |     ^\n"
    notes = [
        "  |\n  = note: `#[warn(unused_variables)]` (part of `#[warn(unused)]`) on by default\n\n",
        "  |\n  = note: requested on the command line with `--force-warn unused-variables`\n\n",
        "  |\n  = note: `-W clippy::x` implied by `-W clippy::all`\n"
        "  = help: to override `-W clippy::all` add `#[allow(clippy::x)]`\n\n",
        "\n",
    ]
    spans = [{**SPAN, "line_start": place} for place in (4, 2, 3, 1)]
    lines = [
        json.dumps({**json.loads(line("warning", f"lint_{span['line_start']}", [span])), "rendered": body + note})
        for note, span in zip(notes, spans, strict=True)
    ]
    said = read_diagnostics("\n".join(lines).encode())
    assert said.lints == ("lint_1", "lint_2", "lint_3", "lint_4")
    assert {d.rendered for d in said.kept} == {body}
    own = "note: the lint level is defined here\n --> candidate.rs:6:8\n  = note: `f` has a note of its own\n"
    kept = read_diagnostics(json.dumps({**json.loads(lines[0]), "rendered": body + own}).encode())
    assert kept.kept[0].rendered == body + own
