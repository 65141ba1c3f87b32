"""What every page of this project stands on: a head, its colours, and how templates are filled.

A page is one file that loads nothing from anywhere: it can be sent, printed and shown in a frame.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["advice", "markdown", "render"]

_BELOW = 1  # levels: a text stands in a section of its page


def render(template: Path, **values: Any) -> str:
    """Fill a template, which may include what lies beside it and the pages' common parts.

    Args:
        template: a `.jinja` file; everything in its fields is escaped, and none may be undefined.
        values: its fields.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["advice"] = advice
    return environment.get_template(template.name).render(**values)


def advice(text: str) -> "Markup":
    """Return a text with its command-line options kept whole."""
    from markupsafe import Markup

    code = Markup("<code>{}</code>")
    pieces = re.split(r"(--[a-z-]+)", text)
    return Markup("").join(code.format(each) if each[:2] == "--" else each for each in pieces)


def markdown(text: str) -> "Markup":
    """Return a Markdown text as HTML, its headings below the page's own; HTML in it is escaped."""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    reader = MarkdownIt("js-default", {"html": False})
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + _BELOW)}"
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704
