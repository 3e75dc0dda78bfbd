"""Which workflows of a commit the push of a tag starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from assay import yamlfile
from assay.errors import ConfigError
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.workspace.git import Git

FOLDER = ".github/workflows"


def workflows(git: Git, commit: str, tag: str) -> tuple[str, ...]:
    """Paths of the workflows that start, as the commit has them: GitHub takes them from there."""
    listed = git.text("ls-tree", "-z", "--name-only", "--full-tree", commit, f"{FOLDER}/") or ""
    paths = [path for path in listed.split("\0") if path.endswith((".yml", ".yaml"))]
    return tuple(path for path in paths if starts(_text(git, f"{commit}:{path}"), tag))


def starts(workflow: str, tag: str) -> bool:
    """Whether the push of a tag starts a workflow, by its text.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#onpushbranchestagsbranches-ignoretags-ignore
    """
    try:
        content = yamlfile.load(workflow, file="workflow")
    except ConfigError:
        return False
    # `on` is a word for true in YAML 1.1.
    events = content.get(True, content.get("on")) if isinstance(content, dict) else None
    if not isinstance(events, dict):
        return "push" in _listed(events)
    if "push" not in events:
        return False
    push: dict[str, Any] = events["push"] or {}
    if "tags" in push:
        return matches(_listed(push["tags"]), tag)
    if "tags-ignore" in push:
        return not matches(_listed(push["tags-ignore"]), tag)
    return not push.keys() & {"branches", "branches-ignore"}


def matches(patterns: Sequence[str], tag: str) -> bool:
    """Whether GitHub's filter has a tag: of its patterns the last that fits, where `!` means not.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    found = False
    for pattern in patterns:
        try:
            fits = re.fullmatch(_expression(pattern.removeprefix("!")), tag)
        except re.error:  # no pattern: GitHub refuses the workflow
            return False
        found = not pattern.startswith("!") if fits else found
    return found


def none(tag: str) -> Reason:
    """The warning that a tag starts nothing."""
    return Reason(
        severity="warning",
        message=f"No workflow in {FOLDER} of this commit starts on the tag `{tag}`, so nothing is "
        "released.",
        hint="`assay init --release` writes one. Commit it to the default branch, and release that "
        "commit.",
    )


def _text(git: Git, blob: str) -> str:
    return git.text("cat-file", "blob", blob) or ""


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _expression(pattern: str) -> str:
    """Of GitHub's patterns; `?` and `+` are about the character before, as in expressions."""
    parts = re.findall(r"\*\*|\*|\[[^\]]*\]|[?+]|\\.|.", pattern, re.DOTALL)
    own = {"**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
    return "".join(own.get(part) or (part if len(part) > 1 else re.escape(part)) for part in parts)
