"""The template engine: safe by default in each format, and sandboxed where users have a say.

In every template each `{{ value }}` is escaped for the format of the template, whether or not
its author thought of it. What is markup already (`Markup`) is left alone. Users may override
blocks: their templates extend ours by name.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from jinja2.exceptions import TemplateNotFound, TemplateSyntaxError
from markupsafe import Markup

from assay.errors import ConfigError
from assay.report import escape
from assay.report.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Format = Literal["md", "html"]
FOLDER = Path(__file__).parent / "templates"
NAMES = ("comment.md.j2", "page.html.j2")
"""What users may override."""
MOST_BYTES = 100_000
"""Of a user's template."""

_BLANK = re.compile(r"\n{3,}")
_FINALIZERS: dict[Format, Callable[[object], Markup]] = {
    "md": escape.markdown,
    "html": escape.html,
}
_FILTERS: dict[Format, dict[str, Callable[..., Any]]] = {
    "md": {"md": escape.markdown, "message": escape.message, "code": escape.code},
    "html": {"message": escape.html_message, "lines": escape.html_lines},
}
_OURS = "Correct it, or delete it: without it Assay uses its own."


def load(folder: Path) -> dict[str, str]:
    """The user's templates in a folder, by name, for `render`.

    Raises:
        ConfigError: There is none, one has a name that means nothing here, is too large, is no
            text, leads out of the folder, or is no template.
    """
    allowed = f"allowed are {' and '.join(f'`{name}`' for name in NAMES)}"
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        message = f"The folder of templates cannot be read: {error.strerror}."
        raise ConfigError(message, file=str(folder)) from error
    for path in paths:
        if path.name not in NAMES:
            message = f"`{path.name}` is no template that Assay knows; {allowed}."
            raise ConfigError(message, hint="Rename it or move it away.", file=str(path))
    if not paths:
        raise ConfigError(f"The folder holds no template; {allowed}.", file=str(folder))
    return {path.name: _read(path, folder) for path in paths}


def _read(path: Path, folder: Path) -> str:
    """The text of a template that compiles."""
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(folder.resolve()) or not real.is_file():
            message = f"The template `{path.name}` is no file in the folder of templates."
            raise ConfigError(message, hint="Put the file itself there.", file=str(path))
        with real.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"The template `{path.name}` is no UTF-8 text."
        raise ConfigError(message, file=str(path), line=line) from error
    except (OSError, RuntimeError) as error:  # Python 3.11 and 3.12 raise the latter for a loop
        why = getattr(error, "strerror", None) or "a link that leads to itself"
        message = f"The template `{path.name}` cannot be read: {why}."
        raise ConfigError(message, file=str(path)) from error
    if len(data) > MOST_BYTES:
        message = f"The template `{path.name}` has more than {MOST_BYTES:,} bytes."
        raise ConfigError(message, file=str(path))
    environment = _environment(_format(path.name), ((path.name, text),))
    if isinstance(environment, Sandbox):
        environment.refill()  # it may be one that an earlier rendering left without a penny
    try:
        environment.get_template(path.name)
    except TemplateSyntaxError as error:
        message = f"The template `{path.name}` cannot be understood: {error.message}"
        raise ConfigError(message, hint=_OURS, file=str(path), line=error.lineno) from error
    return text


def render(name: str, overrides: Mapping[str, str] | None = None, /, **values: object) -> str:
    """Render a template of ours, or one of `overrides` that carries its name.

    Args:
        name: `comment.md.j2`; what stands before `.j2` decides the format.
        overrides: Templates by name; see `load`. An override of `comment.md.j2` finds ours as
            `assay/comment.md.j2`.
        **values: What the template may use.

    Raises:
        ConfigError: A template of `overrides` cannot be rendered. A caller that has to show
            something renders once more without `overrides`, and says so.
    """
    texts = {given: text for given, text in (overrides or {}).items() if given == name}
    environment = _environment(_format(name), tuple(texts.items()))
    if not isinstance(environment, Sandbox):
        return environment.get_template(name).render(**values)
    environment.refill()
    try:
        text = environment.get_template(name).render(**values)
    except Exception as error:  # whatever its author made of it
        raise _refused(name, error) from error
    if not text.strip():
        raise ConfigError(f"The template `{name}` shows nothing.", hint=_OURS, file=name)
    return text


def _refused(name: str, error: Exception) -> ConfigError:
    """What went wrong in a user's template, and where."""
    why = str(error) or type(error).__name__
    if isinstance(error, TemplateNotFound):
        why = f"there is no template `{error.name}` that it could use"
    elif isinstance(error, RecursionError):
        why = "it calls itself without an end"
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line(name, error)
    message = f"The template `{name}` cannot be rendered: {why.rstrip('.')}."
    return ConfigError(message, hint=_OURS, file=name, line=line)


def _line(name: str, error: Exception) -> int | None:
    """The innermost line of the user's template on the way to the error."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _format(name: str) -> Format:
    return "html" if name.endswith(".html.j2") else "md"


@functools.lru_cache(maxsize=16)
def _environment(format_: Format, overrides: tuple[tuple[str, str], ...]) -> Environment:
    kind = Sandbox if overrides else Environment  # ours alone need no watching, which costs time
    ours = FileSystemLoader(FOLDER)
    environment = kind(
        loader=ChoiceLoader([_Given(dict(overrides)), ours, _Prefixed(FOLDER)]),
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


class _Given(BaseLoader):
    """The user's templates, under the names by which errors tell of them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts

    def get_source(self, environment: Any, template: str) -> Any:  # noqa: ARG002 (Jinja's signature)
        if template not in self.texts:
            raise TemplateNotFound(template)
        return self.texts[template], template, lambda: True


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
