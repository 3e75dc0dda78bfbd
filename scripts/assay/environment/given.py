"""An interpreter that the user built: used as it is, after a look at what is in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

from assay.environment.build import Environment
from assay.environment.overlay import conflicts, our_requirements
from assay.errors import ProjectEnvironmentError
from assay.process import FORGE_SECRETS, RUNNER_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOOK = """
import importlib.metadata, json, re, sys
seen = {}
for found in importlib.metadata.distributions():
    seen[re.sub(r"[-_.]+", "-", found.metadata["Name"] or "").lower()] = found.version
print(json.dumps({"python": list(sys.version_info[:2]), "packages": seen}))
"""


def check(given: str, root: Path, environ: Mapping[str, str], extra: str) -> Environment:
    """The environment of the interpreter that the user gave.

    Args:
        given: `ASSAY_PYTHON`: a path, or a name on `PATH`.
        root: The checkout of Assay.
        environ: What we were started with.
        extra: What Assay is to do there: `check`, `package` or `serve`.

    Raises:
        ProjectEnvironmentError: It is no Python, or Assay is not installed there with what the
            stages need.
    """
    python = shutil.which(given, path=environ.get("PATH"))
    if python is None:
        raise ProjectEnvironmentError(
            f"`python` is {given!r}, which is no program here.",
            hint="Give the path of a Python interpreter, or leave it empty.",
        )
    try:
        done = subprocess.run(
            [python, "-I", "-c", _LOOK],
            capture_output=True,
            check=True,
            # Its packages run code of their own when it starts.
            env={k: v for k, v in environ.items() if k not in FORGE_SECRETS | RUNNER_FILES},
            text=True,
            timeout=60,
        )
        seen = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ProjectEnvironmentError(
            f"`python` is {given!r}, which does not answer like Python 3.8 or newer: {error}",
        ) from error
    version, packages = ".".join(map(str, seen["python"])), seen["packages"]
    if seen["python"] < [3, 11]:
        message = f"`python` is {given!r}, which is Python {version}; Assay needs 3.11 or newer."
        raise ProjectEnvironmentError(message)
    requirements = our_requirements(root, extra)
    missing = [r.text for r in requirements if r.name not in packages]
    missing += ["assay"] if "assay" not in packages else []
    clashes = [f"{r.name}=={packages[r.name]}" for r in conflicts(requirements, packages)]
    if missing or clashes:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has {', '.join(clashes)}, which Assay cannot use"] if clashes else []
        raise ProjectEnvironmentError(
            f"`python` is {given!r}, which {' and '.join(parts)}.",
            hint=f"Install it there (`{python} -m pip install 'assay[{extra}] @ {root.as_uri()}'`),"
            " or leave `python` empty and let Assay build an environment.",
        )
    return Environment("project", python, f"python: {given}", cached=True)
