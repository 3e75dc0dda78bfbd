"""`assay init`: from an existing DVC repository to the first comment in one command, one commit."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from assay import config as configuration
from assay.console import printable
from assay.discover import discover
from assay.errors import ConfigError
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.console import Console
    from assay.discover import Discovered
    from assay.workspace import Workspace

WORKFLOW = ".github/workflows/model-check.yml"
_USES = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+@[A-Za-z0-9_./-]+")


def run(workspace: Workspace, console: Console, *, uses: str) -> None:
    """Say what was found, and write what is not there yet.

    Raises:
        ConfigError: `uses` is not `OWNER/NAME@REF`.
        RepositoryError: Not a git repository, or not a DVC one.
        OutsideError: A file cannot be written.
    """
    if not _USES.fullmatch(uses):
        raise ConfigError(f"--uses is {uses!r}.", hint="It should be OWNER/NAME@REF.")
    found = discover(workspace)
    for label, value in _findings(found):
        console.line(f"{label:<14}{printable(value)}")
    console.line()
    prefix = workspace.git.prefix()
    root = workspace.root.joinpath(*[".."] * prefix.count("/")).resolve()
    plan = {
        workspace.root / configuration.FILE: assay_yaml(found, uses=uses),
        # Workflows live at the root of the git repository, wherever the project is in it.
        root / WORKFLOW: workflow(found, uses=uses, folder=prefix.rstrip("/")),
    }
    written = []
    for path, text in plan.items():
        name = path.relative_to(root).as_posix()
        if path.exists():
            console.line(f"kept    {name} (it exists; init never overwrites)")
            continue
        write_atomically(path, text)
        written.append(name)
        console.line(f"wrote   {name}")
    if written:
        console.line()
        console.line("Next: look at them, then commit, push and open a pull request:")
        console.line(f"  git add {' '.join(written)}")
        console.line('  git commit -m "Check models in pull requests with Assay"')
        console.line("Or see now what a pull request would say: assay check")


def _findings(found: Discovered) -> Iterator[tuple[str, str]]:
    none = "none found"
    remote = found.remote
    yield "DVC remote", f"{remote.name} ({remote.url})" if remote else none
    yield "stages", ", ".join(found.dvc.stages) or none
    yield "metrics", ", ".join(found.dvc.metrics) or none
    yield "predictions", found.predictions.path if found.predictions else none
    yield "model", found.model or none
    yield "data", ", ".join(found.tables) or none
    yield "schema", ", ".join(found.schemas) or f"{none} (write one with Pandera)"
    yield "tests", "yes" if found.has_tests else none
    yield "requirements", found.requirements or none
    yield "base branch", found.default_branch or none


def assay_yaml(found: Discovered, *, uses: str) -> str:
    """The text of `assay.yaml`: what was found, with comments on what could be added."""
    repository, ref = uses.split("@", 1)
    schema = f"https://raw.githubusercontent.com/{repository}/{ref}/docs/assay.schema.json"
    lines = [f"# yaml-language-server: $schema={schema}", ""]
    if found.tables and found.schemas:
        lines += ["data:"]
        for path in found.tables:
            lines += [f"  - path: {_scalar(path)}", f"    schema: {_scalar(found.schemas[0])}"]
    else:
        lines += ["# data:", "#   - path: data/raw.csv", "#     schema: schema.py:Schema"]
    lines += ["", "train: run  # or verify: trained elsewhere and pushed; or skip", ""]
    lines += [*_predictions(found), ""]
    lines += ["metrics:" if found.metrics else "# metrics:  # the ones that matter, best first"]
    for name, value in list(found.metrics.items())[:3]:
        lines += [f"  {_scalar(name)}:  # now {value:.4g}"]
        lines += ["    # min: 0.8              # or max: fail beyond this bound"]
        lines += ["    # max_regression: 0.01  # fail when worse than base by more than this"]
    if found.model and not any(a.type == "model" for a in found.dvc.artifacts):
        lines += ["", f"model: {_scalar(found.model)}"]
    return "\n".join([*lines, ""])


def _predictions(found: Discovered) -> Iterator[str]:
    if found.predictions is None:
        yield "# predictions:  # metrics are recomputed from them, with slices and plots"
        yield "#   path: reports/predictions.csv"
        yield "#   truth: y_true"
        yield "#   prediction: y_pred"
        return
    yield "predictions:"
    yield f"  path: {_scalar(found.predictions.path)}"
    yield f"  truth: {_scalar(found.predictions.truth)}"
    if found.predictions.prediction:
        yield f"  prediction: {_scalar(found.predictions.prediction)}"
    if found.predictions.score:
        yield f"  score: {_scalar(found.predictions.score)}"
    yield "  # key: id               # the column that identifies a row"
    yield "  # slices: [country]     # columns whose values are looked at one by one"


def workflow(found: Discovered, *, uses: str, folder: str) -> str:
    """The text of the workflow: the starter workflow with this repository's names in it."""
    text = resources.files("assay").joinpath("starter.yml").read_text(encoding="utf-8")
    branch = (found.default_branch or "main").removeprefix("origin/")
    repository, ref = uses.split("@", 1)
    called = f"{repository}/.github/workflows/model-check.yml@{ref}"
    text = text.replace("$default-branch", _scalar(branch))
    text = text.replace("your-org/assay/.github/workflows/model-check.yml@v1", called)
    if folder:
        text = text.replace(
            called, f"{called}\n    with:\n      working-directory: {_scalar(folder)}"
        )
    return text


def _scalar(value: Any) -> str:
    """A value as it stands in YAML, quoted where it must be."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").strip()
