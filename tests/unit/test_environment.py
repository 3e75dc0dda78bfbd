"""What is built from what, told from files and variables alone."""

from __future__ import annotations

import ast
import io
import tomllib
from pathlib import Path

import pytest
from assay import __version__
from assay.environment import declared, overlay, uv
from assay.environment.build import EXTRAS, OURS, Builder, Environment, user_cache
from assay.environment.launch import VERBS, BuildLog, Launcher
from assay.environment.overlay import Requirement
from assay.errors import ProjectEnvironmentError

ROOT = Path(__file__).resolve().parents[2]


def project(root: Path, **files: str) -> Path:
    """Files by name, where `__` stands for a dot and `_` before an extension is kept."""
    (root / ".git").mkdir(exist_ok=True)
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return root


PYPROJECT = '[project]\nname = "peak"\nversion = "1"\nrequires-python = ">=3.10, <3.14"\n'


# Which declaration counts


@pytest.mark.parametrize(
    ("files", "kind", "title"),
    [
        ({}, "nothing", "no declaration of packages"),
        ({"pyproject__toml": PYPROJECT, "uv__lock": ""}, "lock", "uv.lock"),
        ({"uv__lock": "", "requirements__txt": ""}, "requirements", "requirements.txt"),
        ({"pylock__toml": "", "requirements__txt": ""}, "requirements", "pylock.toml"),
        ({"requirements__txt": "", "poetry__lock": ""}, "requirements", "requirements.txt"),
        (
            {"requirements__txt": "", "pyproject__toml": PYPROJECT},
            "requirements",
            "requirements.txt",
        ),
        ({"pyproject__toml": PYPROJECT}, "project", "pyproject.toml"),
        ({"pyproject__toml": PYPROJECT, "environment__yml": ""}, "project", "pyproject.toml"),
        ({"pyproject__toml": "[tool.ruff]\n"}, "nothing", "no declaration of packages"),
    ],
)
def test_discover_takes_the_most_exact(
    tmp_path: Path, files: dict[str, str], kind: str, title: str
) -> None:
    found = declared.discover(project(tmp_path, **files))
    assert (found.kind, found.title) == (kind, title)


@pytest.mark.parametrize(
    ("files", "export"),
    [
        ({"poetry__lock": "", "pyproject__toml": PYPROJECT}, "poetry export"),
        ({"pdm__lock": ""}, "pdm export"),
        ({"Pipfile": ""}, "pipenv lock"),
        ({"Pipfile__lock": "", "Pipfile": ""}, "pipenv requirements"),
        ({"environment__yml": ""}, "pip list --format=freeze"),
    ],
)
def test_discover_foreign_lock_says_how_to_export(
    tmp_path: Path, files: dict[str, str], export: str
) -> None:
    with pytest.raises(ProjectEnvironmentError) as caught:
        declared.discover(project(tmp_path, **files))
    assert export in (caught.value.hint or "")
    assert caught.value.file == next(iter(files)).replace("__", ".")
    assert caught.value.exit_code == 2


def test_discover_named_files_beat_all(tmp_path: Path) -> None:
    project(tmp_path, uv__lock="", pyproject__toml=PYPROJECT, ci__txt="-r more.txt\n", more__txt="")
    found = declared.discover(tmp_path, "ci.txt\n\n  more.txt \n")
    assert found.kind == "requirements"
    assert [path.name for path in found.files] == ["ci.txt", "more.txt"]


def test_discover_named_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ProjectEnvironmentError, match=r"names 'nope.txt', which is not a file"):
        declared.discover(project(tmp_path), "nope.txt")


def test_discover_named_lock_is_a_lock(tmp_path: Path) -> None:
    assert declared.discover(project(tmp_path, uv__lock=""), "uv.lock").kind == "lock"


def test_discover_watches_included_files(tmp_path: Path) -> None:
    lines = "-r base.txt\n--constraint=c d.txt\n-r requirements.txt\n-r absent.txt\n"
    project(tmp_path, requirements__txt=lines, base__txt="-c pins.txt", pins__txt="")
    (tmp_path / "c d.txt").touch()
    found = declared.discover(tmp_path)
    names = {path.name for path in found.watched}
    assert names == {"requirements.txt", "base.txt", "pins.txt", "c d.txt"}


def test_requirements_that_include_each_other_many_times_are_watched_once(tmp_path: Path) -> None:
    for n in range(40):
        (tmp_path / f"{n}.txt").write_text(f"-r {n + 1}.txt\n-c {n + 1}.txt\n", encoding="utf-8")
    (tmp_path / "40.txt").write_text("-r 0.txt\nnumpy\n", encoding="utf-8")
    found = declared.discover(tmp_path, "0.txt")
    assert [path.name for path in found.watched] == [f"{n}.txt" for n in range(41)]


def test_discover_member_of_a_workspace_has_its_lock(tmp_path: Path) -> None:
    project(tmp_path, uv__lock="", pyproject__toml="[tool.uv.workspace]\nmembers = ['a']\n")
    member = tmp_path / "a"
    member.mkdir()
    (member / "pyproject.toml").write_text(PYPROJECT)
    assert declared.discover(member).files == (tmp_path / "uv.lock",)


def test_discover_lock_above_that_is_no_workspace_is_not_ours(tmp_path: Path) -> None:
    project(tmp_path, uv__lock="", pyproject__toml=PYPROJECT)
    member = tmp_path / "a"
    member.mkdir()
    (member / "pyproject.toml").write_text(PYPROJECT)
    assert declared.discover(member).kind == "project"


@pytest.mark.parametrize(
    ("files", "wanted", "pinned", "request_"),
    [
        ({}, None, False, ">=3.11"),
        ({"pyproject__toml": PYPROJECT}, None, False, ">=3.11,>=3.10,<3.14"),
        ({"pyproject__toml": PYPROJECT}, "3.13", False, "3.13"),
        ({"pyproject__toml": PYPROJECT}, None, True, None),
        ({".python-version": "3.12\n"}, None, False, None),
        ({".python-version": "3.12\n"}, "3.13", False, "3.13"),
    ],
)
def test_python_request(
    tmp_path: Path, files: dict[str, str], wanted: str | None, pinned: bool, request_: str | None
) -> None:
    project(tmp_path, **files)
    assert declared.python_request(tmp_path, wanted, pinned_by_user=pinned) == request_


def test_dev_group_is_found_in_its_table_only(tmp_path: Path) -> None:
    project(tmp_path, pyproject__toml="[dependency-groups]\ntest = []\n[tool.x]\ndev = []\n")
    assert not declared.has_dev_group(tmp_path)
    project(tmp_path, pyproject__toml="[dependency-groups]\ntest = []\ndev = []\n")
    assert declared.has_dev_group(tmp_path)


# What Assay asks for


def test_our_requirements_are_those_that_a_toml_reader_finds() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = table["optional-dependencies"]
    assert extras["check"] == ["assay[data,contract,metrics,test,diff]"]
    assert extras["package"] == ["assay[check,onnx,report]"]
    expected = [*table["dependencies"]]
    for name in ("data", "contract", "metrics", "test", "diff"):
        expected += extras[name]
    found = [r.text for r in overlay.our_requirements(ROOT, "check")]
    assert found == list(dict.fromkeys(expected))
    more = {r.text for r in overlay.our_requirements(ROOT, "package")} - set(found)
    assert more == {*extras["onnx"], *extras["report"]}


def test_the_one_marker_among_our_requirements_is_known() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    marked = [line for name in extras for line in extras[name] if ";" in line]
    assert marked == ["uvloop>=0.21; sys_platform != 'win32'"]
    assert "uvloop>=0.21" in [r.text for r in overlay.our_requirements(ROOT, "serve")]


@pytest.mark.parametrize("extra", ["package", "serve"])
def test_our_requirements_are_plain_enough_to_compare(extra: str) -> None:
    for requirement in overlay.our_requirements(ROOT, extra):
        assert ";" not in requirement.text, "a marker would have to be evaluated"
        assert "~=" not in requirement.text
        assert requirement.bounds, f"{requirement.text} has no lower bound"


@pytest.mark.parametrize(
    ("bounds", "version", "allowed"),
    [
        (">=2.7", "1.10.2", False),
        (">=2.7", "2.7", True),
        (">=2.7", "2.7.0", True),
        (">=2.7", "2.10", True),
        (">=3.51,<4", "3.67.1", True),
        (">=3.51,<4", "4.0.0", False),
        (">=2.1.4", "2.1.4+local.1", True),
        (">=2.1.4", "1!0.5", False),
        (">=1.4, !=1.5", "1.5.0", False),
        ("", "0", True),
    ],
)
def test_requirement_allows(bounds: str, version: str, allowed: bool) -> None:
    assert Requirement("x", f"x{bounds}").allows(version) is allowed


def test_conflicts_names_only_what_is_there_and_too_old() -> None:
    ours = [Requirement("pydantic", "pydantic>=2.7"), Requirement("rich", "rich>=13.7")]
    found = overlay.conflicts(ours, {"pydantic": "1.10.2", "other": "0"})
    assert [r.text for r in found] == ["pydantic>=2.7"]


@pytest.mark.parametrize(
    "text", ["Ruamel_yaml.clib", "ruamel-yaml-clib>=2", " RUAMEL.YAML.CLIB[x]"]
)
def test_normalize(text: str) -> None:
    assert overlay.normalize(text) == "ruamel-yaml-clib"


def test_tested_versions_are_those_of_the_lock() -> None:
    pins = {overlay.normalize(line): line.partition(" ;")[0] for line in overlay.tested(ROOT)}
    for extra in EXTRAS.values():
        assert {r.name for r in overlay.our_requirements(ROOT, extra)} <= set(pins)
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    assert set(pins.values()) <= {f"{p['name']}=={p['version']}" for p in lock["package"]}


def test_installed_reads_names_and_versions(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    for name in ("Ruamel.Yaml_x-1.0", "torch-2.5.0+cpu"):
        (site / f"{name}.dist-info").mkdir(parents=True)
    found = overlay.installed(tmp_path / "bin" / "python")
    assert found == {"ruamel-yaml-x": "1.0", "torch": "2.5.0+cpu"}


# What uv is told


@pytest.mark.parametrize("links", [True, False])
def test_assay_is_laid_as_a_link_or_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_args: object, **_named: object) -> None:
        raise OSError("A required privilege is not held by the client")

    if not links:
        monkeypatch.setattr(Path, "symlink_to", refuse)
    python = tmp_path / "bin" / "python"
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    (site / "assay").mkdir(parents=True)
    (site / "assay" / "stale.py").touch()  # another Assay that the project declared
    overlay.lay(ROOT, python)
    assert (site / "assay").is_symlink() == links
    assert (site / "assay" / "cli.py").read_bytes() == (ROOT / "scripts/assay/cli.py").read_bytes()
    assert not (site / "assay" / "stale.py").exists()
    assert overlay.installed(python) == {"assay": __version__}


def test_uv_environment_hears_what_pip_was_told() -> None:
    env = uv.environment(
        {
            "PIP_INDEX_URL": "https://mirror.example/simple",
            "PIP_EXTRA_INDEX_URL": "https://extra.example/simple",
            "PIP_CERT": "/ca.pem",
            "PIP_TRUSTED_HOST": "mirror.example",
        }
    )
    assert env["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert env["UV_INDEX"] == "https://extra.example/simple"
    assert env["SSL_CERT_FILE"] == "/ca.pem"
    assert env["UV_INSECURE_HOST"] == "mirror.example"


def test_uv_environment_what_uv_was_told_wins() -> None:
    given = {
        "PIP_INDEX_URL": "https://pip.example",
        "UV_INDEX_URL": "https://uv.example",
        "REQUESTS_CA_BUNDLE": "/requests.pem",
        "SSL_CERT_FILE": "/mine.pem",
    }
    env = uv.environment(given)
    assert "UV_DEFAULT_INDEX" not in env
    assert env["SSL_CERT_FILE"] == "/mine.pem"


def test_uv_environment_has_no_token_and_no_other_project() -> None:
    given = {
        "GITHUB_TOKEN": "t",
        "GITHUB_OUTPUT": "f",
        "VIRTUAL_ENV": "v",
        "UV_FROZEN": "1",
        "A": "b",
    }
    assert uv.environment(given) == {"A": "b"}


@pytest.mark.parametrize(
    ("environ", "mirror"),
    [
        ({}, False),
        ({"UV_DEFAULT_INDEX": "https://pypi.org/simple"}, False),
        ({"PIP_INDEX_URL": "https://mirror.example/simple"}, True),
        ({"UV_INDEX": "https://mirror.example/simple"}, True),
    ],
)
def test_uv_knows_a_mirror(environ: dict[str, str], mirror: bool) -> None:
    assert uv.Uv(Path("uv"), environ, print).has_mirror is mirror


@pytest.mark.parametrize(
    ("output", "explanation", "network"),
    [
        (
            "Using Python\nerror: No solution found\n  cause: Because a was not found\n       b\n",
            "No solution found Because a was not found b",
            False,
        ),
        # uv before 0.9
        ("  \u00d7 No solution found\n  ╰─▶ Because a\n", "No solution found Because a", False),
        (
            "error: Failed to fetch: http://x/\n  cause: Connection refused (os error 111)\n",
            "Failed to fetch: http://x/ Connection refused (os error 111)",
            True,
        ),
        ("hint: Packages were unavailable because the network was disabled.", None, True),
    ],
)
def test_uv_error(output: str, explanation: str | None, network: bool) -> None:
    error = uv.UvError(output)
    assert explanation is None or error.explanation == explanation
    assert error.is_network is network


def test_uv_error_cuts_long_proofs() -> None:
    assert len(uv.UvError("error: " + "because " * 1000).explanation) < 700


# Where environments live


@pytest.mark.parametrize(
    ("environ", "home"),
    [
        ({"HOME": "/h"}, "/h/.cache/assay"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/assay"),
        ({"GITHUB_ACTIONS": "true", "RUNNER_TEMP": "/t", "HOME": "/h"}, "/t/assay"),
        ({"RUNNER_TEMP": "/t", "HOME": "/h"}, "/h/.cache/assay"),
        ({"ASSAY_HOME": "/a", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": "/t"}, "/a"),
    ],
)
def test_home(environ: dict[str, str], home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert Builder(ROOT, ROOT, environ, print).home == Path(home)


def test_user_cache_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert user_cache({"HOME": "/Users/a"}) == Path("/Users/a/Library/Caches/assay")


@pytest.mark.parametrize("beside", ["", ".140234"])  # what Python calls it until it is whole
def test_bytecode_that_others_write_is_no_other_assay(tmp_path: Path, beside: str) -> None:
    def digest() -> str:
        return Builder(tmp_path, tmp_path, {}, print)._ours

    package = tmp_path / "scripts" / "assay"
    (package / "__pycache__").mkdir(parents=True)
    (package / "cli.py").touch()
    (tmp_path / "pyproject.toml").touch()
    for name in [*(f"{name}-requirements.txt" for name in OURS), "hashes.txt"]:
        (tmp_path / "scripts" / name).touch()
    (tmp_path / overlay.TESTED).touch()
    before = digest()

    (package / "__pycache__" / f"cli.cpython-311.pyc{beside}").touch()
    assert digest() == before

    (package / "ci.py").touch()
    assert digest() != before


# The launcher


def test_launcher_takes_an_empty_input_for_none() -> None:
    launcher = Launcher({"ASSAY_PYTHON": " ", "ASSAY_BASE": "main", "OTHER": ""}, out=io.StringIO())
    assert launcher.environ == {"ASSAY_BASE": "main", "OTHER": ""}


def test_launcher_verbs_are_those_of_the_command_line() -> None:
    from assay.cli import app

    named = {
        command.name or command.callback.__name__.replace("_", "-")
        for command in app.registered_commands
    }
    groups = {group.name for group in app.registered_groups}
    # `serve` runs where a model answers, for as long as it does; an action trains anew in three
    # steps, each in the environment that it needs.
    assert named - set(VERBS) == {"retrain", "serve"}
    assert set(VERBS) - named == {"rollout"} & groups


def test_launcher_refuses_an_output_with_a_newline(tmp_path: Path) -> None:
    from assay.errors import UsageError

    launcher = Launcher({"GITHUB_OUTPUT": str(tmp_path / "out")}, out=io.StringIO())
    with pytest.raises(UsageError, match="control characters"):
        launcher.output("project-python", "/a\nverdict=pass")
    assert not (tmp_path / "out").exists()


def test_build_log_prints_nothing_without_a_build() -> None:
    out = io.StringIO()
    BuildLog(github=True, out=out).close()
    assert out.getvalue() == ""


def test_build_log_fences_what_build_backends_print() -> None:
    out = io.StringIO()
    log = BuildLog(github=True, out=out)
    log.say("project: \x1b[31m::set-output name=a::b")
    log.say("::error::not a command")
    log.close()
    lines = out.getvalue().splitlines()
    assert lines[0] == "::group::Environments"
    token = lines[1].removeprefix("::stop-commands::")
    assert lines[2:] == [
        r"project: \x1b[31m::set-output name=a::b",
        "::error::not a command",
        f"::{token}::",
        "::endgroup::",
    ]


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "scripts/assay/environment").glob("*.py")),
        *(
            ROOT / "scripts/assay" / name
            for name in ("__init__.py", "errors.py", "process.py", "console.py")
        ),
    ],
    ids=lambda path: path.name,
)
def test_what_runs_first_is_python_3_9_and_standard_library(path: Path) -> None:
    import sys

    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    allowed = {*sys.stdlib_module_names, "assay"} - {"tomllib"}
    for node in tree.body:  # what a function imports is the function's business
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.partition(".")[0] for name in names} <= allowed


def test_the_projects_interpreter_starts_without_token_and_runner_files() -> None:
    """Its packages run code of their own at that moment: a `.pth` file, `sitecustomize`."""
    given = {
        "ASSAY_TOKEN": "t",
        "GITHUB_TOKEN": "t",
        "GITHUB_ENV": "f",
        "GITHUB_PATH": "f",
        "GITHUB_OUTPUT": "f",
        "GITHUB_STATE": "f",
        "AWS_PROFILE": "p",
        "PATH": "/bin",
    }
    env = Launcher(given, out=io.StringIO())._for_project(
        Environment("project", "/env/bin/python", "uv.lock")
    )
    assert not {name for name in given if name not in ("AWS_PROFILE", "PATH")} & set(env)
    assert env["AWS_PROFILE"] == "p"


@pytest.mark.parametrize("link", [".assay", ".assay/.gitignore", ".assay/environment-problem.json"])
def test_word_of_a_problem_is_written_through_no_link(tmp_path: Path, link: str) -> None:
    outside, root = tmp_path / "outside", tmp_path / "project"
    outside.mkdir()
    (outside / "file").write_text("precious")
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(outside if link == ".assay" else outside / "file")
    launcher = Launcher({"ASSAY_WORKING_DIRECTORY": str(root)}, out=io.StringIO())
    launcher._leave_word(ProjectEnvironmentError("no"))
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text() == "precious"
