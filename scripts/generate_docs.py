"""Writes the parts of `docs/` that the code knows better: tables of inputs, outputs and keys.

    python scripts/generate_docs.py            # write
    python scripts/generate_docs.py --check    # say what is stale, and exit 1

A page marks such a part, and everything between the marks is replaced:

    <!-- begin: inputs -->
    <!-- end: inputs -->
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from assay.config import json_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SCHEMA = DOCS / "assay.schema.json"
WORKFLOWS = ("model-check", "model-deploy", "model-monitor", "model-release", "model-report")
"""Those that are reusable."""
_PART = re.compile(r"(<!-- begin: (?P<name>[\w.-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)

Json = dict[str, Any]


def main() -> int:
    """Write every page whose generated parts are stale, or with `--check` name them."""
    parser = argparse.ArgumentParser(description="Generate the tables in docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    check = parser.parse_args().check
    stale = {path: text for path, text in pages().items() if _read(path) != text}
    for path, text in stale.items():
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    if check and stale:
        print("Run `make docs`.", file=sys.stderr)
    return 1 if check and stale else 0


def pages() -> dict[Path, str]:
    """The text that each page should have."""
    schema = json_schema()
    wanted = {SCHEMA: schema}
    for page, action in action_pages().items():
        wanted[page] = render(_read(page) or _new_page(page, action), action_parts(load(action)))
    for name in WORKFLOWS:
        page = DOCS / f"workflows/{name}.md"
        workflow = load(ROOT / f".github/workflows/{name}.yml")
        wanted[page] = render(_read(page), workflow_parts(workflow))
    configuration = DOCS / "configuration.md"
    wanted[configuration] = render(_read(configuration), configuration_parts(json.loads(schema)))
    return wanted


def action_pages() -> dict[Path, Path]:
    """The page of each action."""
    found = {DOCS / "actions/assay.md": ROOT / "action.yml"}
    for action in sorted(ROOT.glob("actions/*/action.yml")):
        found[DOCS / f"actions/{action.parent.name}.md"] = action
    return found


def load(path: Path) -> Json:
    """A workflow or action file."""
    # YAML 1.1 takes the key `on` for a truth value; GitHub's YAML is 1.2, which does not.
    document: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in document.items()}


def render(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """Replace each marked part of a page.

    Raises:
        SystemExit: The page marks a part that nobody knows.
    """

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in parts:
            message = f"unknown part `{name}`; there are {', '.join(parts)}"
            raise SystemExit(message)
        return f"{match[1]}{parts[name]()}{match[3]}"

    return _PART.sub(replace, text)


def action_parts(action: Json) -> dict[str, Callable[[], str]]:
    """What the page of an action may mark."""
    return {
        "description": lambda: f"{action['description'].strip()}\n",
        "inputs": lambda: _inputs(action.get("inputs") or {}),
        "outputs": lambda: _outputs(action.get("outputs") or {}),
    }


def workflow_parts(workflow: Json) -> dict[str, Callable[[], str]]:
    """What the page of a reusable workflow may mark."""
    call = workflow["on"]["workflow_call"]
    return {
        "inputs": lambda: _inputs(call["inputs"]),
        "secrets": lambda: markdown_table(
            ("Secret", "Meaning"),
            ((f"`{name}`", spec["description"]) for name, spec in call.get("secrets", {}).items()),
        ),
        "outputs": lambda: _outputs(call["outputs"]),
    }


def configuration_parts(schema: Json) -> dict[str, Callable[[], str]]:
    """What the page of `assay.yaml` may mark: the top level, and each model below it."""
    models = {"Config": schema, **schema["$defs"]}

    def table(model: Json) -> Callable[[], str]:
        return lambda: _keys(model, models)

    return {name: table(model) for name, model in models.items()}


def _inputs(inputs: Mapping[str, Json]) -> str:
    if not inputs:
        return "None.\n"
    rows = (
        (f"`{name}`", spec["description"], _default(spec.get("default")))
        for name, spec in inputs.items()
    )
    return markdown_table(("Input", "Meaning", "Default"), rows)


def _outputs(outputs: Mapping[str, Json]) -> str:
    if not outputs:
        return "None.\n"
    rows = ((f"`{name}`", spec["description"]) for name, spec in outputs.items())
    return markdown_table(("Output", "Meaning"), rows)


def _keys(model: Json, models: Mapping[str, Json]) -> str:
    required = model.get("required", ())
    rows = []
    for name, spec in model["properties"].items():
        described = spec.get("description") or _referred(spec, models).get("description", "")
        default = "required" if name in required else _default(spec.get("default"))
        rows.append((f"`{name}`", _type(spec), described, default))
    return markdown_table(("Key", "Type", "Meaning", "Default"), rows)


def _referred(spec: Json, models: Mapping[str, Json]) -> Json:
    options = [spec, *spec.get("anyOf", ())]
    reference = next((option["$ref"] for option in options if "$ref" in option), None)
    return {} if reference is None else models[reference.rsplit("/", maxsplit=1)[1]]


def _type(spec: Json) -> str:
    """The type in words."""
    if "enum" in spec:
        return " or ".join(f"`{value}`" for value in spec["enum"])
    if "anyOf" in spec:
        words = [_type(option) for option in spec["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if spec.get("type") == "array":
        return f"list of {_type(spec['items'])}"
    if isinstance(spec.get("additionalProperties"), dict):
        return f"mapping of names to {_type(spec['additionalProperties'])}"
    names = {"string": "text", "boolean": "true or false", "integer": "number"}
    kind: str = spec.get("type", "mapping (below)")
    return names.get(kind, kind)


def _default(value: object) -> str:
    if value is None or value in ("", []):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`"


def markdown_table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown, its cells escaped."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _new_page(page: Path, action: Path) -> str:
    """A first draft for an action that has no page yet."""
    parts = "".join(
        f"{title}<!-- begin: {name} -->\n<!-- end: {name} -->\n\n"
        for title, name in (
            ("", "description"),
            ("## Inputs\n\n", "inputs"),
            ("## Outputs\n\n", "outputs"),
        )
    )
    folder = action.parent.relative_to(ROOT).as_posix()
    name = "your-org/assay" + ("" if folder == "." else f"/{folder}")
    example = f"```yaml\n- uses: {name}@v1\n```\n\n"
    return f"# {page.stem}\n\n{parts.rstrip()}\n".replace("## Inputs", f"{example}## Inputs")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
