"""Find a recipe by path, or by the name of a shipped recipe."""

from __future__ import annotations

from pathlib import Path

from burnish.errors import ConfigError

PACKAGE = Path(__file__).parents[1]


def shipped_folder() -> Path:
    """Return the folder of the shipped recipes: in the package, or in its repository."""
    inside = PACKAGE / "recipes"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "recipes"


def shipped_names() -> list[str]:
    """Return the names of the shipped recipes, without suffix and without ``-grid`` files."""
    return sorted(path.stem for path in shipped_folder().glob("*.yaml") if not path.stem.endswith("-grid"))


def find_recipe(name: str) -> Path:
    """Find a recipe file: ``name`` as a path, otherwise as a shipped recipe.

    A shipped recipe may be named with or without folder and suffix."""
    path = Path(name)
    if path.exists():
        return path
    shipped = shipped_folder() / f"{path.stem}.yaml"
    if path.parent in (Path(), Path("recipes")) and path.suffix in ("", ".yaml") and shipped.is_file():
        return shipped
    names = ", ".join(shipped_names())
    raise ConfigError(f"recipe {name} does not exist", f"Give a YAML file, or a shipped recipe: {names}.")
