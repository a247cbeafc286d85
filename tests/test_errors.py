"""The exception tree: the drawing in the docstring is the tree, and every family has its exit code."""

from __future__ import annotations

import re

from burnish import errors
from burnish.errors import BurnishError


def families(root: type[BurnishError] = BurnishError) -> dict[str, type[BurnishError]]:
    """All errors that the module defines, by name."""
    found = {root.__name__: root}
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            found |= families(child)
    return found


def test_the_drawn_tree_is_the_tree() -> None:
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"[\s│├└─]*([A-Z]\w+Error)\b", line)
        if found:
            drawn.append((found.start(1), found[1]))
    assert {name for _, name in drawn} == families().keys()
    above: list[tuple[int, str]] = []
    for depth, name in drawn:
        above = [one for one in above if one[0] < depth]
        if above:
            assert families()[name].__base__ is families()[above[-1][1]], name
        above.append((depth, name))


def test_each_family_has_the_exit_code_of_the_drawing() -> None:
    codes = dict(re.findall(r"(\w+Error)\s+(\d)\b", errors.__doc__ or ""))
    assert codes == {"UserError": "2", "MissingToolError": "3", "MachineError": "4"}
    for name, error in families().items():
        family = next((parent.__name__ for parent in error.__mro__ if parent.__name__ in codes), None)
        assert error.exit_code == (int(codes[family]) if family else 1), name


def test_an_error_carries_cause_and_way_out() -> None:
    error = errors.DataError("row 3 is broken", "Mend it.")
    assert (error.cause, error.way_out, str(error)) == ("row 3 is broken", "Mend it.", "row 3 is broken Mend it.")
