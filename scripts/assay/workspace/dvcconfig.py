"""DVC's configuration files: the part of ConfigObj's grammar that DVC writes and people edit.

https://dvc.org/doc/user-guide/project-structure/configuration. `configparser` reads another one:
it takes an indented line for the continuation of the one above, and keeps comments in values.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

Settings = dict[str, dict[str, str]]

# Options that hold paths, relative to the file that says so.
PATH_OPTIONS = frozenset(
    {
        "url",
        "dir",
        "cert_path",
        "configpath",
        "credentialpath",
        "gdrive_service_account_json_file_path",
        "gdrive_user_credentials_file",
        "key_path",
        "keyfile",
    }
)

_SECTION = re.compile(r"\[\s*(?P<name>'[^']*'|\"[^\"]*\"|[^\]]*?)\s*\]\s*(?:#.*)?")
_OPTION = re.compile(
    r"(?P<key>[^=\s]+)\s*=\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[^#]*?))\s*(?:#.*)?"
)


def parse(text: str, *, file: str) -> Settings:
    """The options by section and name; a remote's section is called `remote "NAME"`.

    Raises:
        RepositoryError: A line is neither a section nor an option.
    """
    settings: Settings = {}
    section: dict[str, str] | None = None
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if match := _SECTION.fullmatch(stripped):
            section = settings.setdefault(_unquoted(match["name"]), {})
        elif section is not None and (match := _OPTION.fullmatch(stripped)):
            value = match["single"] or match["double"] or match["bare"] or ""
            section[match["key"].lower()] = value
        else:
            raise RepositoryError(
                f"DVC's configuration cannot be read: {printable(stripped)!r} is neither a "
                "[section] nor an option.",
                file=file,
                line=number,
                hint="Write options as `name = value` below a section.",
            )
    return settings


def render(settings: Mapping[str, Mapping[str, str]]) -> str:
    """The text of a configuration file that holds `settings`."""
    lines = []
    for name, section in settings.items():
        lines.append(f"['{name}']" if '"' in name else f"[{name}]")
        lines += [f"    {key} = {_quoted(value)}" for key, value in section.items()]
    return "\n".join([*lines, ""])


def resolved(option: str, value: str, folder: Path) -> str:
    """`value`, absolute if it is a relative path in a file in `folder`."""
    if option not in PATH_OPTIONS or not value or re.match(r"\w+://", value):
        return value
    return os.path.normpath(folder / Path(value).expanduser())


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'
