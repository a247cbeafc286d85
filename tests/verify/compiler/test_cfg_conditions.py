from __future__ import annotations

import pytest

from burnish.verify.compiler.cfg_conditions import holds


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("test", True),
        ('feature = "io"', False),
        ('not(feature = "io")', True),
        ('all(test, target_os = "linux")', True),
        ('any(windows, feature = "x")', False),
        ("all()", True),
        ("any()", False),
        ("", False),
    ],
)
def test_cfg_conditions_hold_as_in_a_test_build(condition: str, value: bool) -> None:
    assert holds(condition) is value
