"""The template engine: sandboxed, and safe by default in each format.

In every template each `{{ value }}` is escaped for the format of the template, whether or not
its author thought of it. What is markup already (`Markup`) is left alone. Users may override
blocks: their templates extend ours by name.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from assay.report import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Format = Literal["md", "html"]
FOLDER = Path(__file__).parent / "templates"

_BLANK = re.compile(r"\n{3,}")
_FINALIZERS: dict[Format, Callable[[object], Markup]] = {
    "md": escape.markdown,
    "html": escape.html,
}
_FILTERS: dict[Format, dict[str, Callable[..., Any]]] = {
    "md": {"md": escape.markdown, "message": escape.message, "code": escape.code},
    "html": {"message": escape.html_message, "lines": escape.html_lines},
}


def render(name: str, overrides: Mapping[str, str] | None = None, /, **values: object) -> str:
    """Render a template of ours, or one of `overrides` that carries its name.

    Args:
        name: `comment.md.j2`; what stands before `.j2` decides the format.
        overrides: Templates by name. An override of `comment.md.j2` finds ours as
            `assay/comment.md.j2`.
        **values: What the template may use.
    """
    format_: Format = "html" if name.endswith(".html.j2") else "md"
    environment = _environment(format_, tuple((overrides or {}).items()))
    return environment.get_template(name).render(**values)


@functools.cache
def _environment(
    format_: Format, overrides: tuple[tuple[str, str], ...]
) -> ImmutableSandboxedEnvironment:
    ours = FileSystemLoader(FOLDER)
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([DictLoader(dict(overrides)), ours, _Prefixed(FOLDER)]),
        undefined=StrictUndefined,
        # `finalize` escapes for the format and answers `Markup`, so that autoescape has nothing
        # left to do; it is on so that macros and `caller()` answer `Markup` too.
        autoescape=True,
        finalize=_FINALIZERS[format_],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters.update(_FILTERS[format_])
    environment.filters["block"] = escape.block
    environment.filters["fence"] = escape.fence
    environment.filters["picture"] = escape.picture
    environment.filters["thousands"] = "{:,}".format
    environment.filters["unbroken"] = functools.partial(_unbroken, _FINALIZERS[format_])
    environment.globals["part"] = part
    return environment


def _unbroken(escaped: Callable[[object], Markup], text: str) -> Markup:
    """Text that stands on one line: numbers that belong together."""
    return Markup("&nbsp;").join(escaped(word) for word in text.split(" "))


class _Prefixed(FileSystemLoader):
    """Our own templates as `assay/...`, so that an override can extend what it replaces."""

    def get_source(self, environment: Any, template: str) -> Any:
        return super().get_source(environment, template.removeprefix("assay/"))


def part(name: str) -> Markup:
    """Starts a part of a document that may be left out when there is no room.

    The mark cannot come from a value: escaping spells control characters out.
    """
    return Markup("\x00{}\x00").format(name)


def parts(rendered: str) -> list[tuple[str, str]]:
    """The parts of a rendered document, in order; what stands before the first has no name."""
    pieces = rendered.split("\x00")
    named = [("", pieces[0]), *zip(pieces[1::2], pieces[2::2], strict=True)]
    return [(name, _BLANK.sub("\n\n", text).strip("\n")) for name, text in named if text.strip()]
