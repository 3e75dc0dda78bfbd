"""Cut `openapi.json` anew out of GitHub's OpenAPI description, as npm has it (MIT licence).

    python -m tests.fakes.github.renew [VERSION]

It needs `npm`, fetches 29 MB, and keeps what the fake's endpoints need, without prose: 13 MB become
some hundred kilobytes. Run it after adding an endpoint, or to see what GitHub changed; the diff is
what to review. `nullable`, which OpenAPI 3.0 has of its own, becomes JSON Schema's `null`.
https://www.npmjs.com/package/@octokit/openapi
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import tests.fakes.github.server  # noqa: F401 (all endpoints register themselves)
from tests.fakes.github.described import FILE, LICENSE, described_endpoints, shape

PACKAGE = "@octokit/openapi"
MEMBER = "package/generated/api.github.com.json"
PROSE = {
    "description", "summary", "example", "examples", "externalDocs", "tags", "title",
    "operationId", "default", "deprecated", "headers", "links", "callbacks",
}  # fmt: skip


def fetch(version: str) -> tuple[dict[str, Any], str]:
    """GitHub's description, and its licence."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"{PACKAGE}@{version}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as members:
            description, licence = (
                members.extractfile(name) for name in (MEMBER, "package/LICENSE")
            )
            assert description is not None
            assert licence is not None
            return json.load(description), licence.read().decode()


def cut(whole: dict[str, Any]) -> dict[str, Any]:
    """The endpoints that the fake has, and the components that they need."""
    by_shape = {shape(path): (path, verbs) for path, verbs in whole["paths"].items()}
    paths: dict[str, dict[str, Any]] = {}
    for verb, path in sorted(described_endpoints()):
        name, verbs = by_shape[shape(path)]
        operation = verbs[verb.lower()]
        kept = {
            key: operation[key] for key in ("parameters", "requestBody", "responses")
            if key in operation
        }  # fmt: skip
        paths.setdefault(name, {})[verb.lower()] = _bare(kept)
    components: dict[str, dict[str, Any]] = {}
    ahead = _references(paths)
    while ahead:
        kind, name = ahead.pop()
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _bare(whole["components"][kind][name])
            ahead |= _references(components[kind][name])
    # Its own prose names this state: an upload that failed may leave an asset in it.
    components["schemas"]["release-asset"]["properties"]["state"]["enum"].append("starter")
    # Its own defaults are empty texts, which are no addresses.
    for name in ("environment_url", "log_url", "target_url"):
        del components["schemas"]["deployment-status"]["properties"][name]["format"]
    info = {key: whole["info"][key] for key in ("title", "version", "license")}
    return {"openapi": whole["openapi"], "info": info, "paths": paths, "components": components}


def _references(part: object) -> set[tuple[str, str]]:
    found = re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(part))
    return {(kind, name) for kind, name in found}


def _bare(part: Any, *, names: bool = False) -> Any:
    """Without prose; the names of properties are none, whatever they are."""
    if isinstance(part, list):
        return [_bare(item) for item in part]
    if not isinstance(part, dict):
        return part
    if names:
        return {name: _bare(item) for name, item in part.items()}
    kept = {
        key: item if key in {"enum", "required"} else _bare(item, names=key == "properties")
        for key, item in part.items()
        if key not in PROSE and not key.startswith("x-")
    }
    if "oneOf" in kept and "anyOf" not in kept:
        # Several often fit, which the description does not mean to forbid.
        kept["anyOf"] = kept.pop("oneOf")
    return _with_null(kept) if kept.pop("nullable", False) else kept


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    schema["type"] = [schema["type"], "null"]
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema


def main(version: str = "latest") -> int:
    whole, licence = fetch(version)
    text = json.dumps(cut(whole), sort_keys=True, separators=(",", ":"))
    # A line for every path and component, so that a diff can be read.
    text = re.sub(r'(?<=[{,])("(?:/[^"]*|[a-z-]+-[a-z-]+)":\{)', r"\n\1", text)
    FILE.write_text(f"{text}\n", encoding="utf-8")
    source = f"openapi.json is a part of {PACKAGE} {whole['info']['version']}"
    LICENSE.write_text(f"{source}\n(generated/api.github.com.json), cut by renew.py.\n\n{licence}")
    print(f"{FILE.name}: {len(text) // 1000} kB of {PACKAGE} {whole['info']['version']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
