"""Publishing by an installed CML, for who has one: `publisher: cml`.

It updates the last comment with its watermark, whoever wrote it, so it finds one that we posted;
and we find its comment when we post ourselves again. https://cml.dev/doc/ref/comment
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import ForgeError
from assay.forge import Posted
from assay.forge.comment import encodable, key_of, written
from assay.forge.watermark import title
from assay.process import FORGE_SECRETS, RUNNER_FILES, capture

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from assay.forge.comment import Report

PROGRAM = "cml"
VARIABLE = "REPO_TOKEN"
"""Where CML looks for its token first."""


def publish(
    report: Report,
    *,
    server_url: str,
    repository: str,
    pull_request: int,
    token: str,
    environ: Mapping[str, str],
) -> Posted:
    """Show a report in CML's comment: the last one, or a new one.

    The token stands in the environment alone: everybody on the machine can read a command line.

    Args:
        report: What to show. CML knows no runs, so the last one to come wins.
        server_url: `https://github.com`, or that of an Enterprise server.
        repository: `owner/name`.
        pull_request: Its number.
        token: What CML posts with.
        environ: The environment of this step. Other tokens in it are not passed on.

    Raises:
        ForgeError: CML is not installed, or fails.
    """
    found = shutil.which(PROGRAM, path=environ.get("PATH"))
    if found is None:
        raise ForgeError(
            "`publisher: cml` needs the program `cml`, which is not on PATH",
            hint="Add a step before this one: `uses: iterative/setup-cml@v2`, or "
            "`npm install --global @dvcorg/cml`. Without CML, leave `publisher:` out.",
        )
    name = title(key_of(report.marker))
    if name is None:
        raise ForgeError(
            f"CML cannot tell a report by the key {key_of(report.marker)!r}",
            hint="Give the report a key of ASCII letters, digits, `_`, `-`, `.`, `/` and spaces.",
        )
    with tempfile.TemporaryDirectory(prefix="assay-cml-") as folder:
        path = Path(folder, "report.md")
        path.write_text(encodable(written(report, head=None)), encoding="utf-8")
        argv = arguments(path, repository_url=f"{server_url}/{repository}", title=name)
        argv = [found, *argv, f"--target=pr/{pull_request}"]
        result = capture(argv, cwd=Path(folder), env=environment(environ, token))
    if result.returncode != 0:
        raise ForgeError(
            f"`cml comment update` failed with exit code {result.returncode}: "
            f"{_last_words(result, token)}",
            hint="Check what the token may do (`permissions: pull-requests: write`); "
            "without CML, leave `publisher:` out.",
        )
    urls = re.findall(r"^https?://\S+$", result.stdout.decode(errors="replace"), re.MULTILINE)
    url = urls[-1] if urls else f"{server_url}/{repository}/pull/{pull_request}"
    return Posted(action="updated", url=url)


def arguments(path: Path, *, repository_url: str, title: str) -> list[str]:
    """CML's arguments, but for the pull request.

    Nothing is uploaded: CML would send the pictures that a report names to a server of its own.
    """
    named = [f"--watermark-title={title}"] if title else []
    told = [f"--repo={repository_url}", "--driver=github", "--publish=false"]
    return ["comment", "update", str(path), *told, *named]


def environment(environ: Mapping[str, str], token: str) -> dict[str, str]:
    """The step's environment with this token and no other."""
    hidden = FORGE_SECRETS | RUNNER_FILES | {VARIABLE, VARIABLE.lower()}
    return {name: text for name, text in environ.items() if name not in hidden} | {VARIABLE: token}


def _last_words(result: subprocess.CompletedProcess[bytes], token: str) -> str:
    """The message in the last line of a program that logs a JSON object a line."""
    told = (result.stderr.strip() or result.stdout.strip()).decode(errors="replace")
    last = told.replace(token, "***").rpartition("\n")[2].strip()
    try:
        match json.loads(last):
            case {"message": str(message)}:
                last = message
    except ValueError:
        pass
    return " ".join(last.split())[:500] or "it says nothing"
