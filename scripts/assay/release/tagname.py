"""The names of GTO's tags.

```
tag = ART ( ("#"STAGE | "@v"SEMVER) ["!"] | "@deprecated" | "@created" ) ["#"N]
ART = [DIR "="] NAME
```

Source: gto/constants.py of GTO 1.10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from assay.console import printable
from assay.errors import UsageError
from assay.release import semver

Action = Literal["register", "deregister", "assign", "unassign", "deprecate", "create"]

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-/_]*[a-zA-Z0-9])?"
_ARTIFACT = rf"(?:[a-zA-Z0-9\-_./]+%s)?{_NAME}"
_TAG = re.compile(
    rf"(?P<artifact>{_ARTIFACT % '='})"
    rf"(?:(?:#(?P<stage>{_NAME})|@(?P<version>{semver.PATTERN}))(?P<cancel>!?)"
    r"|@(?P<word>deprecated|created))(?:#(?P<counter>[0-9]+))?"
)
_WORDS: dict[str, Action] = {"deprecated": "deprecate", "created": "create"}
LONGEST = 1000
"""Characters of a tag. No file system takes more, and Python takes no number of any length."""
GRAMMAR = (
    "Letters, digits, `-`, `_` and `/`; the first and the last one a letter or a digit. "
    "A folder may stand before it, with a colon: `models:churn`."
)


@dataclass(frozen=True)
class TagName:
    """What the name of a tag says."""

    artifact: str
    """As GTO shows it: `folder:name`, where the tag has `folder=name`."""
    action: Action
    version: str | None = None
    stage: str | None = None
    counter: int | None = None

    def __str__(self) -> str:
        what = {
            "register": f"@{self.version}",
            "deregister": f"@{self.version}!",
            "assign": f"#{self.stage}",
            "unassign": f"#{self.stage}!",
            "deprecate": "@deprecated",
            "create": "@created",
        }[self.action]
        counter = "" if self.counter is None else f"#{self.counter}"
        return f"{self.artifact.replace(':', '=')}{what}{counter}"


def parse(tag: str) -> TagName | None:
    """What the name of a tag says; `None` outside of GTO's grammar."""
    match = _TAG.fullmatch(tag)
    if match is None or len(tag) > LONGEST:
        return None
    version, stage, cancel = match["version"], match["stage"], bool(match["cancel"])
    action: Action
    if match["word"]:
        action = _WORDS[match["word"]]
    elif version:
        action = "deregister" if cancel else "register"
    else:
        action = "unassign" if cancel else "assign"
    counter = int(match["counter"]) if match["counter"] else None
    return TagName(match["artifact"].replace("=", ":"), action, version, stage, counter)


def registers(tag: str, artifact: str, version: str) -> bool:
    """Whether a tag registers this version, with a counter or without."""
    said = parse(tag)
    return said is not None and replace(said, counter=None) == TagName(
        artifact, "register", version
    )


def is_artifact(name: str) -> bool:
    """Whether GTO takes this for the name of an artifact."""
    return re.fullmatch(_ARTIFACT % ":", name) is not None


def checked(name: TagName) -> TagName:
    """`name`, if GTO reads it as what it is meant to say.

    Raises:
        UsageError: It does not.
    """
    if not is_artifact(name.artifact):
        message = f"{printable(name.artifact)!r} is no name that GTO takes for an artifact."
        raise UsageError(message, hint=GRAMMAR)
    if name.version is not None:
        semver.parse(name.version)
    if parse(str(name)) != name:
        message = f"{printable(str(name))!r} is no tag that GTO reads."
        raise UsageError(message, hint=f"Name the stage otherwise. {GRAMMAR}")
    return name
