"""Find a recipe by path, or by the name of a shipped one."""

from __future__ import annotations

from pathlib import Path

from burnish.errors import ConfigError

PACKAGE = Path(__file__).parents[2]


def shipped_folder() -> Path:
    """Where the shipped recipes lie: in the installed package, or in the repository it is installed from."""
    inside = PACKAGE / "recipes"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "recipes"


def shipped_names() -> list[str]:
    """Names of the shipped recipes, without suffix; files that end in ``-grid`` are for ``burnish grid``."""
    return sorted(path.stem for path in shipped_folder().glob("*.yaml") if not path.stem.endswith("-grid"))


def find_recipe(name: str) -> Path:
    """The file that ``name`` means: a path as it stands, else a shipped recipe with or without folder and suffix."""
    path = Path(name)
    if path.exists():
        return path
    shipped = shipped_folder() / f"{path.stem}.yaml"
    if path.parent in (Path(), Path("recipes")) and path.suffix in ("", ".yaml") and shipped.is_file():
        return shipped
    names = ", ".join(shipped_names())
    raise ConfigError(f"there is no recipe {name}", f"Name a YAML file, or one that ships with burnish: {names}.")
