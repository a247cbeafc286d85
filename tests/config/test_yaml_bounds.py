"""A file that grows when it is read, or that no reader can hold: one line of cause naming it, one way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.config.yaml_source import read_yaml
from burnish.errors import ConfigError

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "more than 100000 values"),
        (BOMB.replace("[", "{k: [").replace("]", "]}"), "more than 100000 values"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("a: " + "[" * 150 + "]" * 150, "nested too deeply"),
        ("a: " + "{b: " * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ("seed: " + "9" * 10_000, "a number of 10000 digits"),
        ("seed: -" + "0" * 10_000, "a number of 10001 digits"),
        ("? [" + "9" * 5000 + "]\n: 1", "key"),
    ],
    ids=["list bomb", "mapping bomb", "5000 lists", "150 lists", "5000 mappings", "number", "zeros", "key"],
)
def test_what_cannot_be_held_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert str(path) in caught.value.cause
    assert said in caught.value.cause
    assert "\n" not in caught.value.cause
    assert caught.value.way_out


def test_aliases_that_stay_small_are_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("a: &a [1, 2]\nb: [*a, *a]\n")
    assert read_yaml(path).value == {"a": [1, 2], "b": [[1, 2], [1, 2]]}
