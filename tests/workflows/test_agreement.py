"""The YAML, the Python and the documentation say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
import yaml
from assay import record as records
from assay.ci import CiContext
from assay.cli import app
from assay.config import Config
from assay.report import outputs

from tests.workflows.engine import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = [ROOT / "action.yml", *sorted(ROOT.glob("actions/*/action.yml"))]
WORKFLOW = ROOT / ".github/workflows/model-check.yml"
REUSABLE = (
    ("model-check", "action.yml", 1, {"runs-on", "timeout-minutes"}),
    ("model-report", "actions/comment/action.yml", 0, {"runs-on", "timeout-minutes"}),
)
"""Name, the action that it uses, in which step, and what it takes for itself."""
# What is read by others than the options of the command line: the launcher, the entry point
# (tracebacks of whatever fails), and what publishes.
LAUNCHER = {"ASSAY_PYTHON", "ASSAY_PYTHON_VERSION", "ASSAY_REQUIREMENTS"}
EVERYWHERE = {"ASSAY_DEBUG"}
TOKENS = {"ASSAY_TOKEN"}
TAKE_TOKENS = {"accept", "comment", "deploy", "monitor", "release", "report", "rollback"} | {
    "retrain-decide",
    "retrain-propose",
}
SSH = {"ASSAY_KNOWN_HOSTS", "ASSAY_SSH_KEY"}
"""What `deploy` and `rollback` take out of the environment."""
SIGNS = {"ASSAY_CERTIFICATE", "ASSAY_SIGNING_KEY", "ASSAY_SIGNING_PASSWORD"}
"""What `sign` reads from the environment alone: arguments can be seen by every process."""
COMPUTED = {
    "ASSAY_MATRIX": "${{ toJSON(matrix) }}",
    "ASSAY_UNSIGNED": "${{ inputs.unsigned == 'true' || inputs.signing-key != '' || "
    "inputs.keyless == 'true' }}",
}
"""Variables that are no input: what the runner knows of the job, and whether a key is there
without the key itself."""

Json = dict[str, Any]


def load(path: Path) -> Json:
    document: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in document.items()}


def steps(action: Json) -> list[Json]:
    found: list[Json] = action["runs"]["steps"]
    return found


def name(path: Path) -> str:
    return path.parent.relative_to(ROOT).as_posix()


def options(verb: str) -> set[str]:
    """The environment variables that a command of ours reads."""
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    return {str(option.envvar) for option in command.params if option.envvar}


def verb_of(step: Json) -> str | None:
    found = re.search(r"scripts/assay-action\" (\S+)", step.get("run", ""))
    return found[1] if found else None


def calls() -> list[tuple[Path, Json, str]]:
    return [
        (path, step, verb)
        for path in ACTIONS
        for step in steps(load(path))
        if (verb := verb_of(step)) is not None
    ]


@pytest.mark.parametrize("path", ACTIONS, ids=name)
def test_every_input_is_read_by_some_step(path: Path) -> None:
    action = load(path)
    text = yaml.safe_dump(action["runs"])
    for declared in action["inputs"]:
        assert f"inputs.{declared} " in text, declared
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])


@pytest.mark.parametrize("path", ACTIONS, ids=name)
def test_an_input_has_a_variable_of_its_own_name(path: Path) -> None:
    for step in steps(load(path)):
        for variable, value in (step.get("env") or {}).items():
            if COMPUTED.get(variable) == value:
                continue
            found = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)
            assert found, f"{variable} is no plain input"
            wanted = "ASSAY_" + found[1].replace("-", "_").upper()
            assert variable == {"ASSAY_GITHUB_TOKEN": "ASSAY_TOKEN"}.get(wanted, wanted)


@pytest.mark.parametrize(
    ("path", "step", "verb"), calls(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_variable_is_one_that_the_program_reads(path: Path, step: Json, verb: str) -> None:
    given = set(step["env"])
    if verb in {"setup", "cache-key"}:
        known = LAUNCHER | {"ASSAY_WORKING_DIRECTORY"}
    else:
        known = options(verb) | LAUNCHER | EVERYWHERE | (TOKENS if verb in TAKE_TOKENS else set())
        known |= {"sign": SIGNS, "deploy": SSH, "rollback": SSH}.get(verb, set())
    assert given <= known


def test_the_launcher_reads_what_we_think() -> None:
    files = (ROOT / "scripts/assay/environment").glob("*.py")
    named = {name for file in files for name in re.findall(r"\bASSAY_[A-Z_]+", file.read_text())}
    assert named - {"ASSAY_HOME", "ASSAY_TOKEN"} == LAUNCHER | {"ASSAY_WORKING_DIRECTORY"}


def test_each_option_can_be_set_from_an_action() -> None:
    given = {variable for _, step, _ in calls() for variable in step["env"]}
    verbs = ("check", "checkout", "validate", "test", "train", "evaluate", "compare")
    for verb in (*verbs, "report", "accept", "comment"):
        assert options(verb) <= given, verb


def test_only_what_talks_to_the_forge_is_given_a_token() -> None:
    with_token = {verb for _, step, verb in calls() if "ASSAY_TOKEN" in step["env"]}
    assert with_token == TAKE_TOKENS


@pytest.mark.parametrize("path", ACTIONS, ids=name)
def test_every_output_comes_from_a_step_that_is_there(path: Path) -> None:
    action = load(path)
    ids = {step["id"] for step in steps(action) if "id" in step}
    for output in (action.get("outputs") or {}).values():
        assert output["description"]
        found = re.search(r"\{\{ (?:steps\.(\w+)\.outputs|inputs)\.([\w-]+) \}\}", output["value"])
        assert found
        assert found[1] is None or found[1] in ids


def test_every_output_of_the_report_is_one_that_it_writes() -> None:
    source = (ROOT / "scripts/assay/stages/report.py").read_text(encoding="utf-8")
    record = records.new(ci=CiContext(), config=Config())
    written = {*outputs.of(record), *re.findall(r'"(report[a-z-]*)": str\(', source)}
    for path in (ROOT / "action.yml", ROOT / "actions/report/action.yml"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"steps\.report\.outputs\.([\w-]+)", text)) <= written


@pytest.mark.parametrize(("name", "action", "step", "own"), REUSABLE)
def test_the_reusable_workflow_passes_on_every_input(
    name: str, action: str, step: int, own: set[str]
) -> None:
    workflow = load(ROOT / f".github/workflows/{name}.yml")
    job = workflow["jobs"][name]
    given = job["steps"][step]["with"]
    fixed = {key for key, value in given.items() if "{{" not in str(value)}
    declared = set(workflow["on"]["workflow_call"]["inputs"])
    assert declared == (set(given) - fixed) | own
    for key in set(given) - fixed:
        assert given[key] == f"${{{{ inputs.{key} }}}}"
    assert set(given) <= set(load(ROOT / action)["inputs"])
    secrets = workflow["on"]["workflow_call"].get("secrets") or {}
    passed = job["steps"][step].get("env") or {}
    assert passed == {key: f"${{{{ secrets.{key} }}}}" for key in secrets}


@pytest.mark.parametrize(("name", "action", "step", "own"), REUSABLE)
def test_the_reusable_workflow_has_the_action_s_defaults(
    name: str, action: str, step: int, own: set[str]
) -> None:
    inputs = load(ROOT / action)["inputs"]
    workflow = load(ROOT / f".github/workflows/{name}.yml")
    declared = workflow["on"]["workflow_call"]["inputs"]
    assert own <= set(declared)
    assert step < len(workflow["jobs"][name]["steps"])
    for key in set(declared) & set(inputs):
        default = declared[key]["default"]
        text = str(default).lower() if isinstance(default, bool) else default
        assert text == inputs[key]["default"], key


@pytest.mark.parametrize(("name", "action", "step", "own"), REUSABLE)
def test_the_reusable_workflow_s_outputs_are_the_action_s(
    name: str, action: str, step: int, own: set[str]
) -> None:
    workflow = load(ROOT / f".github/workflows/{name}.yml")
    outputs = load(ROOT / action)["outputs"]
    job = workflow["jobs"][name]
    assert not own & set(outputs)
    used = job["steps"][step]["id"]
    for key, spec in workflow["on"]["workflow_call"]["outputs"].items():
        assert spec["value"] == f"${{{{ jobs.{name}.outputs.{key} }}}}"
        assert job["outputs"][key] == f"${{{{ steps.{used}.outputs.{key} }}}}"
        assert spec["description"] == outputs[key]["description"]


def test_what_a_rollout_hands_over_is_what_its_actions_say() -> None:
    source = (ROOT / "scripts/assay/clideploy.py").read_text(encoding="utf-8")
    written = set(re.findall(r'"(\w+)": ', source.partition("def _hand_over")[2]))
    for name in ("deploy", "rollback"):
        assert set(load(ROOT / f"actions/{name}/action.yml")["outputs"]) <= written
    text = (ROOT / ".github/workflows/model-deploy.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"steps\.(?:deploy|rollback)\.outputs\.(\w+)", text)) <= written


def test_the_jobs_of_a_deployment_differ_in_their_environment_alone() -> None:
    workflow = load(ROOT / ".github/workflows/model-deploy.yml")
    jobs, inputs = workflow["jobs"], workflow["on"]["workflow_call"]["inputs"]
    staging, production = (jobs[name]["steps"][1]["with"] for name in ("staging", "production"))
    assert {key for key in staging if staging[key] != production[key]} == {"environment", "version"}
    assert set(staging) <= set(load(ROOT / "actions/deploy/action.yml")["inputs"])
    for name in ("staging", "production"):
        group = jobs[name]["concurrency"]
        assert group["cancel-in-progress"] is False
        assert jobs[name]["environment"]["name"] in group["group"]
        assert jobs[name]["environment"]["deployment"] is False
    # Neither a rollout that is under way nor its reviewers keep a rollback waiting.
    assert "concurrency" not in jobs["rollback"]
    assert "concurrency" not in workflow
    for key, value in {**staging, **jobs["rollback"]["steps"][1]["with"]}.items():
        found = re.fullmatch(r"\$\{\{ (inputs|secrets)\.([\w-]+) \}\}", value)
        assert found, key
        assert found[1] == "secrets" or found[2] in inputs


def test_what_watches_and_what_retrains_are_given_what_they_take() -> None:
    workflow = load(ROOT / ".github/workflows/model-monitor.yml")
    call = workflow["on"]["workflow_call"]
    for name in ("monitor", "retrain"):
        job = workflow["jobs"][name]
        (used,) = (step for step in job["steps"] if step.get("id") == name)
        assert set(used["with"]) <= set(load(ROOT / f"actions/{name}/action.yml")["inputs"])
        outputs = load(ROOT / f"actions/{name}/action.yml")["outputs"]
        for key, value in job["outputs"].items():
            assert value == f"${{{{ steps.{name}.outputs.{key} }}}}"
            spec = call["outputs"][key]
            assert spec["value"] == f"${{{{ jobs.{name}.outputs.{key} }}}}"
            assert key in outputs
        for key, value in used["env"].items():
            assert value == f"${{{{ secrets.{key} }}}}"
        for key, value in used["with"].items():
            assert key == "github-token" or value == f"${{{{ inputs.{key} }}}}"
    # What runs the project's code may not write issues; what watches writes them, and their plots.
    assert workflow["jobs"]["monitor"]["permissions"] == {"contents": "write", "issues": "write"}
    assert "issues" not in workflow["jobs"]["retrain"]["permissions"]


@pytest.mark.parametrize("folder", ["example-repo/.github/workflows", "workflow-templates"])
def test_a_check_can_be_started_as_a_refused_release_says(folder: str) -> None:
    """By `gh workflow run`, and on pushes: what only a pull request checked is not released."""
    events = load(ROOT / folder / "model-check.yml")["on"]
    assert {"pull_request", "push", "workflow_dispatch"} <= set(events)


@pytest.mark.parametrize(
    "name", ["model-check.yml", "model-release.yml", "model-deploy.yml", "model-monitor.yml"]
)
def test_assay_init_writes_the_starter(name: str) -> None:
    starter = (ROOT / "workflow-templates" / name).read_text(encoding="utf-8")
    assert (ROOT / "scripts/assay/starters" / name).read_text(encoding="utf-8") == starter


def test_the_documentation_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/generate_docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_of_the_configuration_has_every_mapping() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    mappings = load(ROOT / "docs/assay.schema.json")["$defs"]
    # Without marks the generator has nowhere to write, and "mapping (below)" has nothing below.
    assert [name for name in mappings if f"<!-- begin: {name} -->" not in page] == []


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "example-repo/README.md", *ROOT.glob("docs/**/*.md")]


def examples() -> list[tuple[str, str]]:
    found = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```ya?ml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        found += [
            (page.relative_to(ROOT).as_posix(), block) for block in blocks if "uses:" in block
        ]
    return found


@pytest.mark.parametrize(("page", "block"), examples(), ids=lambda value: value[:40])
def test_an_example_uses_what_there_is(page: str, block: str) -> None:
    for used in uses_in(yaml.safe_load(block)):
        repository, _, ref = used["uses"].partition("@")
        if not repository.startswith("your-org/assay"):
            assert re.fullmatch(r"[0-9a-f]{40}", ref), used
            continue
        assert ref == "v1"
        place = ROOT / repository.removeprefix("your-org/assay").lstrip("/")
        if place.suffix == ".yml":
            call = load(place)["on"]["workflow_call"]
            assert set(used.get("with") or {}) <= set(call["inputs"])
            assert set(used.get("secrets") or {}) <= set(call.get("secrets") or {})
        else:
            assert set(used.get("with") or {}) <= set(load(place / "action.yml")["inputs"])


@pytest.mark.parametrize(("page", "block"), examples(), ids=lambda value: value[:40])
def test_an_example_grants_what_a_called_workflow_takes(page: str, block: str) -> None:
    document = yaml.safe_load(block)
    for job in document.get("jobs", {}).values() if isinstance(document, dict) else ():
        place = job.get("uses", "").partition("@")[0].removeprefix("your-org/assay/")
        if not place.endswith(".yml"):
            continue
        for called in load(ROOT / place)["jobs"].values():
            # GitHub does not even start a workflow that grants less.
            taken = (called.get("permissions") or {}).items()
            missing = [scope for scope, level in taken if not grants(job, scope, level)]
            assert missing == [], f"{page} lacks {missing}"


def grants(job: Json, scope: str, level: str) -> bool:
    levels = ("none", "read", "write")
    given = (job.get("permissions") or {}).get(scope, "none")
    return levels.index(given) >= levels.index(level)


def test_a_workflow_that_checks_runs_on_pushes_too() -> None:
    checks = ("your-org/assay@v1", "your-org/assay/.github/workflows/model-check.yml@v1")
    found = {
        page: document[True]
        for page, block in examples()
        if isinstance(document := yaml.safe_load(block), dict) and True in document
        if any(used["uses"] in checks for used in uses_in(document))
    }
    assert {"README.md", "docs/actions/assay.md", "docs/workflows/model-check.md"} <= set(found)
    for page, events in found.items():
        # Else no commit could be released: a pull request's run checks what would be merged.
        assert {"push", "workflow_dispatch"} <= set(events), page


def uses_in(node: object) -> list[Json]:
    if isinstance(node, list):
        return [used for entry in node for used in uses_in(entry)]
    if isinstance(node, dict):
        own = [node] if isinstance(node.get("uses"), str) else []
        return own + [used for value in node.values() for used in uses_in(value)]
    return []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_fence_that_opens_is_closed(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    # What closes names no language.
    assert fences[1::2] == [""] * (len(fences) // 2)
    assert len(fences) % 2 == 0


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        assert (page.parent / target).exists(), target
