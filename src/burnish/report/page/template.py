"""Provide the template engine of the HTML pages, which escapes everything, and their style.

Not covered: the content of a page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from burnish import __version__
from burnish.report import text

FOLDER = Path(__file__).parent


def render_page(template: str, **shown: Any) -> str:
    """Render a template beside this file, which also gets ``style``, ``version`` and ``text``."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["text"] = text
    style = Markup((FOLDER / "page.css").read_text())
    return environment.get_template(template).render(version=__version__, style=style, **shown)
