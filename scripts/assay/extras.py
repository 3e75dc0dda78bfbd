"""What Assay's extras bring: whether it is there, and the command that installs it."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import ProjectEnvironmentError

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHECKOUT = Path(__file__).resolve().parents[2]


def require(modules: Iterable[str], *, extra: str, what: str) -> None:
    """Look for modules without importing them.

    Args:
        modules: Their names.
        extra: Which of Assay's has them.
        what: Needs them, with its verb: `Signatures need`.

    Raises:
        ProjectEnvironmentError: One is not installed.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ProjectEnvironmentError(
            f"{what} {' and '.join(missing)}, not installed here.", hint=hint(extra)
        )


def hint(extra: str) -> str:
    """How to install an extra."""
    return f"Install it: `{sys.executable} -m pip install '{_requirement(extra)}'`."


def _requirement(extra: str) -> str:
    origin = _origin()
    return f"assay[{extra}] @ {origin}" if origin else f"assay[{extra}]"


def _origin() -> str | None:
    """Where this Assay was installed from, as PEP 610 notes it; else its checkout."""
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT.as_uri()
    from importlib import metadata  # which nobody else has loaded when a command starts

    try:
        noted = json.loads(metadata.distribution("assay").read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        return None
    source = noted.get("vcs_info")
    if source is None:
        url: str | None = noted.get("url")
        return url
    revision = source.get("requested_revision") or source["commit_id"]
    return f"{source['vcs']}+{noted['url']}@{revision}"
