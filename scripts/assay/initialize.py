"""`assay init`: from an existing DVC repository to the first comment in one command, one commit."""

from __future__ import annotations

import math
import os
import re
import shlex
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from assay import config as configuration
from assay.console import printable
from assay.discover import discover
from assay.errors import ConfigError
from assay.packaging.source import artifact_name
from assay.report.wording import number
from assay.stats.catalogue import canonical, direction_of
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.config import Config
    from assay.console import Console
    from assay.discover import Discovered
    from assay.workspace import Workspace

WORKFLOWS = ".github/workflows"
CHECK, RELEASE, DEPLOY = "model-check", "model-release", "model-deploy"
MONITOR = "model-monitor"
"""The starters, as `workflow-templates/` has them."""
_TITLES = {
    CHECK: "Model check",
    RELEASE: "Model release",
    DEPLOY: "Model deploy",
    MONITOR: "Model monitor",
}
_ANY_VERSION, _ANY_STAGE = '"**@v*"', '"**#*"'
_USES = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+@[A-Za-z0-9_./-]+")


def run(
    workspace: Workspace,
    console: Console,
    *,
    uses: str,
    release: bool,
    deploy: bool = False,
    monitor: bool = False,
) -> None:
    """Say what was found, and write what is not there yet.

    Args:
        workspace: The project.
        console: Where it is said.
        uses: The action that workflows use.
        release: Whether to write the workflow of releases too.
        deploy: Whether to write that of deployments too, which releases start.
        monitor: Whether to write that which watches production too, where releases answer.

    Raises:
        UsageError: The artifact that is to be released has a name that no tag can hold.
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
    folder = prefix.rstrip("/")
    plan = {
        workspace.root / configuration.FILE: assay_yaml(found, uses=uses, folder=folder),
        # Workflows live at the root of the git repository, wherever the project is in it.
        root / workflow_file(folder): workflow(found, uses=uses, folder=folder),
    }
    told: list[str] = []
    if release or deploy or monitor:
        config = configuration.load(workspace.root)
        name = artifact_name(
            config, found.dvc, config.model or found.model or "", folder=workspace.root.name
        )
        plan[root / workflow_file(folder, RELEASE)] = release_workflow(
            name, uses=uses, folder=folder
        )
        told = list(_to_release(workspace, config, folder))
        if deploy:
            plan[root / workflow_file(folder, DEPLOY)] = deploy_workflow(
                name, uses=uses, folder=folder
            )
            told += list(_to_deploy(config))
        if monitor:
            plan[root / workflow_file(folder, MONITOR)] = monitor_workflow(uses=uses, folder=folder)
            told += list(_to_monitor(config))
    written = _written(plan, root, console)
    console.line()
    if not found.dvc.metrics and not found.predictions:
        console.line("There is nothing to judge yet: declare `metrics:` in dvc.yaml, or name a")
        console.line("predictions file in assay.yaml.")
        console.line()
    if written:
        console.line("Next: look at them, then commit, push and open a pull request:")
        console.line(f"  {_git_add(written, root)}")
        what = _does(release=release or deploy or monitor, deploy=deploy, monitor=monitor)
        console.line(f'  git commit -m "{what}"')
    where = "" if workspace.root == Path.cwd() else f" -C {_shell(workspace.root, Path.cwd())}"
    for line in told or [f"To release versions as signed bundles too: assay init --release{where}"]:
        console.line(line)
    console.line(f"See now what a pull request would say: assay check{where}")


def _does(*, release: bool, deploy: bool, monitor: bool) -> str:
    """What the workflows do, as the message of a commit."""
    if not release:
        return "Check models in pull requests with Assay"
    *verbs, last = ["Check", "release", *["deploy"] * deploy, *["watch"] * monitor]
    return f"{', '.join(verbs)} and {last} models with Assay"


def _written(plan: Mapping[Path, str], root: Path, console: Console) -> list[Path]:
    """Write what is not there yet."""
    written = []
    for path, text in plan.items():
        name = path.relative_to(root).as_posix()
        if path.exists():
            console.line(f"kept    {printable(name)} (it exists; init never overwrites)")
            continue
        write_atomically(path, text)
        written.append(path)
        console.line(f"wrote   {printable(name)}")
    return written


def _to_release(workspace: Workspace, config: Config, folder: str) -> Iterator[str]:
    """What releases need beside their workflow."""
    yield "Releases are signed with a key, a secret of the environment `release`:"
    yield "  assay sign --new-key ~/keys"
    yield "  gh secret set ASSAY_SIGNING_KEY --env release < ~/keys/assay.key"
    stale = folder and config.release.checked_by != _checked_by(folder)
    if stale and (workspace.root / configuration.FILE).exists():
        yield f"They need `release.checked_by: {_checked_by(folder)}` in assay.yaml."


def _to_deploy(config: Config) -> Iterator[str]:
    """What deployments need beside their workflow."""
    if not config.environments:
        yield "Deployments need `environments` in assay.yaml, as `staging` and `production`:"
        yield "  production: {target: {kind: host, folder: /srv/assay}, key: keys/assay.pub}"


def _to_monitor(config: Config) -> Iterator[str]:
    """What watching needs beside its workflow."""
    if config.monitor is None:
        yield "Watching needs `monitor` in assay.yaml, with the log that `assay serve` writes:"
        yield '  monitor: {log: {path: "s3://bucket/log/*.parquet"}}'


def _git_add(files: list[Path], root: Path) -> str:
    """The command as it works where the user is."""
    here = Path.cwd()
    inside = here.is_relative_to(root)
    start = "git" if inside else f"git -C {_shell(root, here)}"
    return " ".join([start, "add", *(_shell(file, here if inside else root) for file in files)])


def _shell(path: Path, start: Path) -> str:
    return shlex.quote(printable(Path(os.path.relpath(path, start)).as_posix()))


def _findings(found: Discovered) -> Iterator[tuple[str, str]]:
    none = "none found"
    remote = found.remote
    yield (
        "DVC remote",
        f"{remote.name} ({remote.url})" if remote else f"{none} (a workflow can pull nothing)",
    )
    yield "stages", ", ".join(found.dvc.stages) or none
    yield "metrics", ", ".join(found.dvc.metrics) or none
    yield "predictions", found.predictions.path if found.predictions else none
    yield "model", found.model or none
    yield "data", ", ".join(found.tables) or none
    proposed = f"assay contract infer {shlex.quote(found.tables[0])}" if found.tables else ""
    how = f"try `{proposed} -o schema.py`" if proposed else "write one with Pandera"
    yield "schema", ", ".join(found.schemas) or f"{none} ({how})"
    yield "tests", "yes" if found.has_tests else none
    yield "requirements", found.requirements or none
    yield "base branch", found.default_branch or none


def assay_yaml(found: Discovered, *, uses: str, folder: str = "") -> str:
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
        lines += [f"  {_scalar(name)}:  # now {number(value)}", *_bounds(name, value, found)]
    if found.model and not any(a.type == "model" for a in found.dvc.artifacts):
        lines += ["", f"model: {_scalar(found.model)}"]
    if folder:
        lines += ["", "release:", f"  checked_by: {_checked_by(folder)}  # versions need its yes"]
    return "\n".join([*lines, ""])


def _bounds(name: str, value: float, found: Discovered) -> Iterator[str]:
    """Bounds that make sense for this metric, to be taken into use by whoever reads them."""
    higher = direction_of(name) == "higher"
    small = float(f"{abs(value) / 100 or 0.01:.0e}")
    key, side = ("min", "below") if higher else ("max", "above")
    rules = {
        f"{key}: {_two_digits(value, up=not higher)}": f"fail {side} this",
        f"max_regression: {small:.12g}": "fail when worse than base by more than this",
    }
    if found.predictions is not None and canonical(name) is not None:
        rules["no_significant_regression: true"] = "fail when worse than chance explains"
    width = max(map(len, rules)) + 2
    for rule, meaning in rules.items():
        yield f"    # {rule:<{width}}# {meaning}"


def _two_digits(value: float, *, up: bool) -> str:
    """The number rounded to the side on which the metric keeps it today."""
    if value == 0:
        return "0"
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    steps = round(value / unit, 6)
    return f"{(math.ceil(steps) if up else math.floor(steps)) * unit:.12g}"


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


def workflow_file(folder: str, kind: str = CHECK) -> str:
    """Where a workflow of the project in this folder stands; every project has its own."""
    return f"{WORKFLOWS}/{kind}{f'-{_slug(folder)}' if folder else ''}.yml"


def _checked_by(folder: str) -> str:
    return workflow_file(folder).removeprefix(f"{WORKFLOWS}/")


def _slug(folder: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "project"


def workflow(found: Discovered, *, uses: str, folder: str) -> str:
    """The text of the check's workflow: the starter with this repository's names in it."""
    text = _starter(CHECK, uses=uses, folder=folder)
    branch = (found.default_branch or "main").removeprefix("origin/")
    text = text.replace("$default-branch", _scalar([branch])[1:-1])  # it stands in a list
    if folder:
        given = {"working-directory": folder, "comment-key": _slug(folder)}
        called = f"/{CHECK}.yml@{uses.split('@', 1)[1]}\n"
        text = text.replace(called, f"{called}    with:\n{_inputs(given)}")
    return text


def release_workflow(artifact: str, *, uses: str, folder: str) -> str:
    """The text of the workflow that a tag of a version starts."""
    text = _starter(RELEASE, uses=uses, folder=folder)
    if folder:
        # A version of a neighbour is none of this project's, and would be an error in it.
        text = text.replace(_ANY_VERSION, f'"{artifact}@v*"')
        text = text.replace("    with:\n", f"    with:\n{_inputs({'working-directory': folder})}")
    return text


def deploy_workflow(artifact: str, *, uses: str, folder: str) -> str:
    """The text of the workflow that a release, the tag of a stage, or a person starts."""
    text = _starter(DEPLOY, uses=uses, folder=folder)
    if folder:
        text = text.replace(_ANY_STAGE, f'"{artifact}#*"')
        release = _TITLES[RELEASE]
        text = text.replace(f'["{release}"]', f"[{_scalar(f'{release} of {folder}')}]")
        text = text.replace(
            "    with:\n", f"    with:\n{_inputs({'working-directory': folder})}", 1
        )
    return text


def monitor_workflow(*, uses: str, folder: str) -> str:
    """The text of the workflow that watches production, by the clock or started by a person."""
    text = _starter(MONITOR, uses=uses, folder=folder)
    if folder:
        text = text.replace(
            "    with:\n", f"    with:\n{_inputs({'working-directory': folder})}", 1
        )
    return text


def _starter(kind: str, *, uses: str, folder: str) -> str:
    text = resources.files("assay").joinpath(f"starters/{kind}.yml").read_text(encoding="utf-8")
    repository, ref = uses.split("@", 1)
    workflows = f"/.github/workflows/{kind}.yml@"
    text = text.replace(f"your-org/assay{workflows}v1", f"{repository}{workflows}{ref}")
    if folder:
        # Each project has a comment of its own, and a name: runs of one name cancel each other.
        title = _TITLES[kind]
        text = text.replace(f"name: {title}\n", f"name: {_scalar(f'{title} of {folder}')}\n")
    return text


def _inputs(given: Mapping[str, str]) -> str:
    return "".join(f"      {key}: {_scalar(value)}\n" for key, value in given.items())


def _scalar(value: Any) -> str:
    """A value as it stands in YAML, quoted where it must be."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").strip()
