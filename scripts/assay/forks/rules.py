"""The rules of base: `assay.yaml` as it stands on the branch that would be merged into."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from assay import config as configuration
from assay.errors import ForgeError
from assay.forge.refusal import WRONG_API, MissingError
from assay.forks import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.config import Config
    from assay.forge.transport import Api

MOST_BYTES = 1_000_000
"""What GitHub sends of a file in this way."""
MOST_CHANGES = 10
_NOT_RULES = {"train", "report"}
"""Keys that decide nothing: an option of the workflow beats the first, the second is looks."""


def fetch(api: Api, repository: str, path: str, sha: str) -> Config | None:
    """The configuration of a commit; `None` where it has none.

    https://docs.github.com/en/rest/repos/contents#get-repository-content

    Raises:
        ConfigError: It says something that is not allowed.
        ForgeError: GitHub cannot be asked, or the file is too large.
    """
    where = f"/repos/{repository}/contents/{quote(path, safe='/')}?ref={quote(sha, safe='')}"
    try:
        data = api.request("GET", where)
    except MissingError:
        return None
    match data:
        case {
            "type": "file",
            "encoding": "base64",
            "content": str(content),
            "size": int(size),
        } if size <= MOST_BYTES:
            try:
                text = base64.b64decode(content).decode("utf-8-sig")
            except ValueError as error:  # of UTF-8 too
                raise ForgeError(f"GitHub sent {path} as no text", hint=WRONG_API) from error
            return configuration.parse(text, file=path)
    raise ForgeError(
        f"{path} at {sha[:7]} is no file of at most {MOST_BYTES // 1_000_000} MB",
        hint="Check `working-directory` and `config` of the workflow that posts.",
    )


def harmless(config: Config) -> Config:
    """The rules without what needs files of the repository, none of which are here."""
    report = config.report.model_copy(update={"templates": None})
    return config.model_copy(update={"report": report})


def changes(base: Config, head: Config) -> tuple[str, ...]:
    """What head's rules say otherwise, key by key; the first few."""
    now, then = dict(_leaves(_plain(head))), dict(_leaves(_plain(base)))
    keys = [key for key in dict.fromkeys([*then, *now]) if now.get(key) != then.get(key)]
    told = [
        f"{quoted(key)} is {_shown(then, key)} at base and {_shown(now, key)} here." for key in keys
    ]
    more = len(told) - MOST_CHANGES
    return (*told[:MOST_CHANGES], *((f"{more:,} more keys differ.",) if more > 0 else ()))


def _plain(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json", by_alias=True, exclude=_NOT_RULES, exclude_defaults=True)


def _shown(values: Mapping[str, str], key: str) -> str:
    return quoted(values[key]) if key in values else "absent"


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Keys and values; a metric without rules is a leaf too."""
    if isinstance(value, dict) and (value or not path):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}.{number}")
    else:
        yield path, json.dumps(value, ensure_ascii=False)
