from __future__ import annotations

import pytest

from burnish.verify.grader.protocol import read_report

N = "n" * 32


@pytest.mark.parametrize(
    ("text", "complete", "broken"),
    [
        (f"{N} 0 ok\n{N} 1 ok\n{N} end\n", True, False),
        (f"noise\n{N} 0 ok\nnoise{N} 9\n{N} 1 ok\n{N} end", True, False),
        (f"{N} 0 ok\n{N} end\n", False, False),
        (f"{N} 0 ok\n{N} 1 ok\n", False, False),
        (f"{N} 0 ok\n{N} 0 ok\n{N} end\n", False, True),
        (f"{N} 1 ok\n{N} 0 ok\n{N} end\n", False, True),
        (f"{N} 0 ok\n{N} 1 ok\n{N} 2 ok\n{N} end\n", False, True),
        (f"{N} 0 ok\n{N} 1 ok\n{N} end\n{N} end\n", False, True),
        (f"{N} 0 ok\n{N} 1 ok\n{N} end\n{N} 0 ok\n", False, True),
        (f"{N} 0\n{N} end\n", False, True),
        ("x" * 32 + " 0 ok\n", False, False),
        ("", False, False),
    ],
)
def test_a_report_is_complete_only_when_every_index_came_once_and_the_end_last(
    text: str, complete: bool, broken: bool
) -> None:
    report = read_report(text.encode(), N, expected=2)
    assert (report.complete, report.broken) == (complete, broken)
