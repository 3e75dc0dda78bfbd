"""Environments, built by the real uv from tiny packages: no network, and a second or less each."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from assay.environment import uv as uvs
from assay.environment.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("__init__.py", "errors.py", "process.py", "console.py", "environment")

ASSAY = """\
[project]
name = "assay"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [
  "tiny-core>=2.7",
]
[project.optional-dependencies]
data = ["tiny-dvc>=3,<4"]
check = ["assay[data]"]
package = ["assay[check]", "tiny-onnx>=1"]
tool = ["tiny-plot>=1"]
release = ["tiny-sign>=1"]
serve = ["tiny-serve>=1; sys_platform != 'win32'"]
deploy = ["assay[release,serve]"]
monitor = ["assay[tool]", "tiny-scan>=1"]
[build-system]
requires = ["uv_build>=0.8,<1"]
build-backend = "uv_build"
[tool.uv.build-backend]
module-root = "scripts"
"""

# Stands for the command line: says where it runs and with what.
CLI = """\
import json, os, sys
from importlib.metadata import distributions
packages = {d.metadata["Name"]: d.version for d in distributions()}
print(json.dumps({"argv": sys.argv[1:], "python": sys.executable, "env": dict(os.environ),
                  "path": sys.path, "packages": packages}))
"""

PEAK = """\
[project]
name = "peak"
version = "1"
requires-python = ">=3.11"
dependencies = {dependencies}
"""


def wheel(folder: Path, name: str, version: str, *requires: str, code: str = "") -> Path:
    """A wheel with one module."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    files = {
        f"{module}.py": code or f"version = {version!r}\n",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return _zip(folder / f"{module}-{version}-py3-none-any.whl", info, files)


def _zip(path: Path, info: str, files: dict[str, str]) -> Path:
    record = ""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            digest = hashlib.sha256(text.encode()).digest()
            coded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            record += f"{name},sha256={coded},{len(text.encode())}\n"
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            archive.writestr(entry, text)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


@dataclass
class Machine:
    """A checkout of a tiny Assay, an index of tiny packages, and a user's project."""

    root: Path
    index: Path
    project: Path
    home: Path
    uv: Path
    environ: dict[str, str] = field(default_factory=dict)

    def run(self, verb: str, *args: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """What a step of an action does."""
        return subprocess.run(
            [str(self.root / "scripts" / "assay-action"), verb, *args],
            cwd=self.project,
            env={**self.environ, **inputs},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def seen(self, verb: str, *args: str, **inputs: str) -> dict:
        """What the command line saw."""
        done = self.run(verb, *args, **inputs)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def refused(self, verb: str = "setup", code: int = 2, **inputs: str) -> str:
        """The one line that says why not."""
        done = self.run(verb, **inputs)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        errors = [line for line in done.stdout.splitlines() if line.startswith("error:")]
        assert len(errors) == 1, done.stdout
        return errors[0]

    def lock(self, *dependencies: str) -> None:
        """Make the project one with a `uv.lock`."""
        text = PEAK.format(dependencies=json.dumps(list(dependencies)))
        (self.project / "pyproject.toml").write_text(text)
        self.call("lock", cwd=self.project)

    def call(self, *args: str, cwd: Path) -> None:
        subprocess.run([self.uv, "--quiet", *args], cwd=cwd, env=self.environ, check=True)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.project / name.replace("__", ".")).write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def uv() -> Path:
    """The uv of the project, as `make` uses it."""
    return uvs.find(os.environ, scripts=ROOT / "scripts", cache=ROOT / ".cache", say=print)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, uv: Path) -> Path:
    """The checkout and the index, made once: tests copy the one and share the other."""
    base = tmp_path_factory.mktemp("machine")
    index, scripts = base / "index", base / "root" / "scripts"
    index.mkdir()
    (scripts / "assay").mkdir(parents=True)
    wheel(index, "tiny-core", "1.10.2")
    wheel(index, "tiny-core", "2.7.0")
    wheel(index, "tiny-core", "3.0.0")
    wheel(index, "tiny-dvc", "3.5.0", "tiny-base>=2")
    wheel(index, "tiny-base", "1.0")
    wheel(index, "tiny-base", "2.0")
    wheel(index, "tiny-plot", "1.0")
    wheel(index, "tiny-onnx", "1.0")
    wheel(index, "tiny-sign", "1.0")
    wheel(index, "tiny-serve", "1.0")
    wheel(index, "tiny-scan", "1.0")
    wheel(index, "tiny-other", "1.0")
    for name in MODULES:
        source, target = ROOT / "scripts" / "assay" / name, scripts / "assay" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    (scripts / "assay" / "cli.py").write_text(CLI)
    shutil.copy(ROOT / "scripts" / "assay-action", scripts)
    shutil.copy(ROOT / "scripts" / "uv-requirements.txt", scripts)
    (base / "root" / "pyproject.toml").write_text(ASSAY)
    (base / "config" / "uv").mkdir(parents=True)
    settings = f"no-index = true\nfind-links = [{json.dumps(str(index))}]\n"
    (base / "config" / "uv" / "uv.toml").write_text(settings)
    environ = {**_environ(uv), "XDG_CONFIG_HOME": str(base / "config")}
    subprocess.run([uv, "lock", "--quiet"], cwd=base / "root", env=environ, check=True)
    _exported(base / "root", index, environ)
    return base


def _exported(root: Path, index: Path, environ: dict[str, str]) -> None:
    """What the Makefile makes of the lock; then the lock goes, as in what `uses:` downloads."""
    make = ["make", "--silent", f"--file={ROOT / 'Makefile'}", "exported", "UV=uv"]
    subprocess.run(make, cwd=root, env=environ, check=True)
    (root / "uv.lock").unlink()

    def hashed(pin: re.Match[str]) -> str:  # of wheels in a folder, uv's lock has no hashes
        name = pin[1].replace("-", "_")
        content = (index / f"{name}-{pin[2]}-py3-none-any.whl").read_bytes()
        return f"{pin[0]} --hash=sha256:{hashlib.sha256(content).hexdigest()}"

    path = root / "scripts" / "hashes.txt"
    path.write_text(re.sub(r"(?m)^(\S+)==(\S+)( ;.*)?$", hashed, path.read_text()))


@pytest.fixture
def machine(template: Path, tmp_path: Path, uv: Path) -> Machine:
    root = tmp_path / "_actions" / "assay@v1"
    shutil.copytree(template / "root", root)
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    home, index = tmp_path / "home", template / "index"
    environ = {
        **_environ(uv),
        "ASSAY_HOME": str(home),
        "UV_CACHE_DIR": str(template / "cache"),
        "XDG_CONFIG_HOME": str(template / "config"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON": sys.executable,
    }
    return Machine(root, index, project, home, uv, environ)


def _environ(uv: Path) -> dict[str, str]:
    """A plain environment with uv and an interpreter that is not the one of these tests."""
    python = Path(sys.base_prefix) / "bin"
    return {
        "PATH": os.pathsep.join([str(uv.parent), str(python), os.defpath]),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
    }


def test_what_setup_installs_by_is_what_the_lock_says(tmp_path: Path) -> None:
    subprocess.run(["make", "--silent", "exported", f"INTO={tmp_path}"], cwd=ROOT, check=True)
    for made in tmp_path.iterdir():
        same = made.read_text() == (ROOT / "scripts" / made.name).read_text()
        assert same, f"scripts/{made.name} is stale; make lock renews it"
    assert len(list(tmp_path.iterdir())) == 7


# The project environment


def test_packaging_has_an_environment_of_its_own(machine: Machine) -> None:
    machine.lock("tiny-core==2.7.0")
    checked, packaged = machine.seen("check"), machine.seen("package")
    assert packaged["python"] != checked["python"]
    assert "tiny-onnx" not in checked["packages"]
    assert packaged["packages"] == checked["packages"] | {"tiny-onnx": "1.0"}


def test_a_server_is_tried_in_the_projects_packages(machine: Machine) -> None:
    machine.lock("tiny-core==2.7.0")
    seen = machine.seen("serve-test")["packages"]
    assert (seen["tiny-core"], seen["tiny-serve"]) == ("2.7.0", "1.0")
    assert "tiny-dvc" not in seen


def test_lock_decides_and_what_is_missing_is_added(machine: Machine) -> None:
    machine.lock("tiny-core==2.7.0", "tiny-other")
    seen = machine.seen("validate", "--config", "a b.yaml")
    assert seen["argv"] == ["validate", "--config", "a b.yaml"]
    assert seen["packages"]["tiny-core"] == "2.7.0"  # theirs, although 3.0.0 is newer
    assert seen["packages"]["tiny-dvc"] == "3.5.0"
    assert seen["packages"]["tiny-other"] == "1.0"
    assert "tiny-plot" not in seen["packages"]  # only the tool environment reports
    assert not (machine.project / ".venv").exists()


def test_project_verb_has_its_environment_first_and_no_token(machine: Machine) -> None:
    env = machine.seen("test", GITHUB_TOKEN="t", ASSAY_TOKEN="t", AWS_SECRET_ACCESS_KEY="s")["env"]
    folder = next(machine.home.glob("project-*/"))
    assert env["PATH"].split(os.pathsep)[0] == str(folder / "bin")
    assert env["VIRTUAL_ENV"] == env["UV_PROJECT_ENVIRONMENT"] == str(folder)
    assert "GITHUB_TOKEN" not in env
    assert "ASSAY_TOKEN" not in env
    assert env["AWS_SECRET_ACCESS_KEY"] == "s"


def test_requirements_txt(machine: Machine) -> None:
    machine.write(requirements__txt="-c pins.txt\ntiny-core\n", pins__txt="tiny-core<3\n")
    assert machine.seen("train")["packages"]["tiny-core"] == "2.7.0"


def test_loose_requirement_gives_way_and_a_note_says_so(machine: Machine) -> None:
    wheel(machine.index, "tiny-loose", "1.0", "tiny-base")
    machine.write(requirements__txt="tiny-loose\ntiny-base<3\n")
    (machine.root / "pyproject.toml").write_text(ASSAY.replace("tiny-dvc>=3,<4", "tiny-base<2"))
    done = machine.run("compare")
    assert json.loads(done.stdout.splitlines()[-1])["packages"]["tiny-base"] == "1.0"
    assert "notice: tiny-base is 1.0 and not 2.0" in done.stdout


def test_pyproject_without_a_lock(machine: Machine) -> None:
    text = PEAK.format(dependencies='["tiny-other"]')
    machine.write(pyproject__toml=f"{text}[dependency-groups]\ndev = ['tiny-plot']\n")
    packages = machine.seen("train")["packages"]
    assert {"tiny-other", "tiny-plot", "tiny-core"} <= set(packages)


def test_nothing_declared_gives_the_newest(machine: Machine) -> None:
    machine.call("lock", "--upgrade-package=tiny-core==2.7.0", cwd=machine.root)
    _exported(machine.root, machine.index, machine.environ)
    # Our own lock is what was tested, so its versions come first.
    assert machine.seen("init")["packages"]["tiny-core"] == "2.7.0"


def test_named_requirements_beat_the_lock(machine: Machine) -> None:
    machine.lock("tiny-core==2.7.0")
    machine.write(ci__txt="tiny-core==3.0.0")
    seen = machine.seen("test", ASSAY_REQUIREMENTS="ci.txt\n")
    assert seen["packages"]["tiny-core"] == "3.0.0"


def test_pylock(machine: Machine) -> None:
    machine.lock("tiny-core==2.7.0")
    machine.call("export", "--format=pylock.toml", "-o", "pylock.toml", cwd=machine.project)
    (machine.project / "uv.lock").unlink()
    assert machine.seen("test")["packages"]["tiny-core"] == "2.7.0"


# What cannot be built


def test_conflict_names_both_requirements(machine: Machine) -> None:
    machine.lock("tiny-core==1.10.2")
    said = machine.refused()
    assert "uv.lock gives tiny-core==1.10.2, Assay needs tiny-core>=2.7." in said


def test_conflict_with_a_pin_in_requirements(machine: Machine) -> None:
    machine.write(requirements__txt="tiny-core==1.10.2\n")
    said = machine.refused()
    assert "requirements.txt gives tiny-core==1.10.2, Assay needs tiny-core>=2.7." in said


def test_conflict_further_down_names_the_pin_and_who_minds(machine: Machine) -> None:
    machine.lock("tiny-base==1.0")
    said = machine.refused()
    assert "uv.lock gives tiny-base==1.0" in said
    assert "tiny-base>=2" in said
    assert "tiny-dvc" in said


def test_conflict_is_an_annotation_in_github(machine: Machine) -> None:
    machine.lock("tiny-core==1.10.2")
    done = machine.run("setup", GITHUB_ACTIONS="true")
    assert done.returncode == 2
    said = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert len(said) == 1
    assert said[0].startswith("::error::uv.lock gives tiny-core==1.10.2, Assay needs")


def test_stale_lock(machine: Machine) -> None:
    machine.lock("tiny-core")
    machine.write(pyproject__toml=PEAK.format(dependencies='["tiny-core", "tiny-other"]'))
    said = machine.refused()
    assert "uv.lock does not belong to pyproject.toml any more. Run `uv lock`" in said


def test_broken_lock(machine: Machine) -> None:
    machine.lock("tiny-core")
    machine.write(uv__lock="<<<<<<< HEAD\n")
    assert (
        "The packages of uv.lock cannot be installed: Failed to parse `uv.lock`"
        in machine.refused()
    )


def test_requirement_that_does_not_exist(machine: Machine) -> None:
    machine.write(requirements__txt="tiny-nothing\n")
    said = machine.refused()
    assert "The packages of requirements.txt cannot be installed" in said
    assert "tiny-nothing was not found" in said


def test_poetry_only(machine: Machine) -> None:
    machine.write(poetry__lock="", pyproject__toml="[tool.poetry]\nname = 'peak'\n")
    assert "poetry.lock" in machine.refused()


def test_python_too_old(machine: Machine) -> None:
    machine.write(requirements__txt="")
    said = machine.refused(ASSAY_PYTHON_VERSION="3.7", UV_PYTHON="")
    assert "3.7" in said
    assert "Assay needs Python >=3.11" in said


def test_index_that_does_not_answer(machine: Machine) -> None:
    machine.write(requirements__txt="tiny-nothing\n")
    nowhere = {"XDG_CONFIG_HOME": "/nowhere", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    said = machine.refused(code=3, UV_HTTP_RETRIES="0", **nowhere)
    assert "Packages could not be fetched" in said
    assert "PIP_INDEX_URL" in said


def test_failed_build_is_built_again(machine: Machine) -> None:
    machine.write(requirements__txt="tiny-core==1.10.2\n")
    machine.refused("test")
    machine.refused("test")
    machine.write(requirements__txt="tiny-core==2.7.0\n")
    assert machine.seen("test")["packages"]["tiny-core"] == "2.7.0"


def test_no_verb_of_this_name(machine: Machine) -> None:
    assert "Allowed: accept, cache-key, check, checkout" in machine.refused("biuld")


def test_no_working_directory(machine: Machine) -> None:
    assert "does not exist" in machine.refused(ASSAY_WORKING_DIRECTORY="nope")


# An interpreter that the user built


def test_given_python_that_has_everything(machine: Machine) -> None:
    machine.write(requirements__txt="tiny-other")
    built = machine.seen("test")["python"]
    machine.write(requirements__txt="tiny-nothing")  # is not looked at
    seen = machine.seen("test", ASSAY_PYTHON=built)
    assert seen["python"] == built
    assert "VIRTUAL_ENV" not in seen["env"]


def test_given_python_without_assay(machine: Machine) -> None:
    machine.call("venv", str(machine.home / "mine"), cwd=machine.project)
    python = machine.home / "mine" / "bin" / "python"
    said = machine.refused(ASSAY_PYTHON=str(python))
    assert "lacks tiny-core>=2.7, tiny-dvc>=3,<4, assay" in said
    assert "pip install" in said


def test_given_python_that_is_none(machine: Machine) -> None:
    assert "no program here" in machine.refused(ASSAY_PYTHON="./nope")
    assert "does not answer like Python" in machine.refused(ASSAY_PYTHON="/bin/false")


# The tool environment


def test_tool_environment_is_isolated(machine: Machine) -> None:
    machine.write(assay__py="raise SystemExit('theirs')", json__py="raise SystemExit('theirs')")
    theirs = {"PYTHONPATH": str(machine.project), "GITHUB_TOKEN": "t"}
    seen = machine.seen("report", **theirs)
    assert seen["env"]["GITHUB_TOKEN"] == "t"  # it posts the comment
    assert set(seen["packages"]) == {"assay", "tiny-core", "tiny-plot"}
    assert str(machine.project) not in seen["path"]
    assert not list(machine.home.glob("project-*"))


def test_what_has_no_hash_is_not_installed(machine: Machine) -> None:
    hashes = machine.root / "scripts" / "hashes.txt"
    hashes.write_text(re.sub(r"(?m)^tiny-plot==.*\n", "", hashes.read_text()))
    done = machine.run("report")
    assert done.returncode == 3
    assert "must have a hash, but none were provided for: tiny-plot==1.0" in done.stdout


@pytest.mark.parametrize(
    ("verb", "packages"),
    [("deploy", {"tiny-serve", "tiny-sign"}), ("monitor", {"tiny-plot", "tiny-scan"})],
)
def test_what_runs_beside_a_project_has_an_environment_of_its_own(
    machine: Machine, verb: str, packages: set[str]
) -> None:
    seen = machine.seen(verb)["packages"]
    assert set(seen) == {"assay", "tiny-core", *packages}
    assert not list(machine.home.glob("project-*"))


def test_tool_environment_does_not_see_the_users_settings(machine: Machine) -> None:
    machine.write(uv__toml="this is no TOML [")
    machine.seen("report")


def test_assay_root_stays_as_it_was(machine: Machine) -> None:
    def snapshot() -> dict[str, bytes]:
        files = (p for p in machine.root.rglob("*") if p.is_file() and p.suffix != ".pyc")
        return {str(path): path.read_bytes() for path in files}

    before = snapshot()
    for path in [machine.root, *machine.root.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    assert machine.run("setup").returncode == 0
    assert snapshot() == before


def _publish(index: Path, folder: Path) -> None:
    """An index as PEP 503 has it, for `http.server`."""
    for path in index.glob("*.whl"):
        name = path.name.split("-")[0].replace("_", "-")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "simple" / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / "simple" / name)
        with (folder / "simple" / name / "index.html").open("a") as page:
            page.write(f'<a href="{path.name}#sha256={digest}">{path.name}</a>\n')


@pytest.fixture
def mirror(machine: Machine, tmp_path: Path) -> Iterator[str]:
    """A company's mirror of what the locks know by PyPI's addresses."""
    folder = tmp_path / "mirror"
    _publish(machine.index, folder)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/simple"
    machine.environ.update(XDG_CONFIG_HOME="/nowhere", PIP_INDEX_URL=url, UV_HTTP_RETRIES="0")
    machine.environ["UV_CACHE_DIR"] = str(tmp_path / "uv-cache")
    yield url
    server.shutdown()
    server.server_close()
    thread.join()


def _lock_from_pypi(machine: Machine, folder: Path, url: str) -> None:
    """A lock as it is made where PyPI is reached."""
    environ = {**machine.environ, "UV_DEFAULT_INDEX": url}
    subprocess.run([machine.uv, "lock", "--quiet"], cwd=folder, env=environ, check=True)
    text = (folder / "uv.lock").read_text()
    text = re.sub(rf'{re.escape(url)}/[^"]*/', "https://files.pythonhosted.org/packages/", text)
    text = text.replace(f'registry = "{url}"', 'registry = "https://pypi.org/simple"')
    (folder / "uv.lock").write_text(text)


def test_mirror_serves_what_the_locks_pin(machine: Machine, mirror: str) -> None:
    machine.write(pyproject__toml=PEAK.format(dependencies='["tiny-core<3"]'))
    _lock_from_pypi(machine, machine.project, mirror)
    assert machine.seen("validate")["packages"]["tiny-core"] == "2.7.0"
    assert machine.seen("report")["packages"]["tiny-plot"] == "1.0"


def test_mirror_with_other_bytes_is_refused(machine: Machine, mirror: str, tmp_path: Path) -> None:
    evil = wheel(tmp_path, "tiny-plot", "1.0", code="raise SystemExit('evil')\n")
    served = tmp_path / "mirror" / "simple" / "tiny-plot"
    shutil.copy(evil, served)
    (served / "index.html").write_text(f'<a href="{evil.name}">{evil.name}</a>\n')
    machine.environ["UV_CACHE_DIR"] = str(tmp_path / "another-cache")
    done = machine.run("report")
    assert done.returncode == 3
    assert "hash" in done.stdout.lower()
    assert "evil" not in done.stdout


# Again, at the same time, and in odd places


def test_second_call_builds_nothing(machine: Machine, tmp_path: Path) -> None:
    machine.lock("tiny-core==2.7.0")
    output = tmp_path / "output"
    assert machine.run("setup", GITHUB_OUTPUT=str(output)).returncode == 0
    stamps = {path: path.stat().st_mtime_ns for path in machine.home.glob("*/assay-env.json")}
    assert len(stamps) == 2
    # Not even uv is needed.
    done = machine.run("setup", GITHUB_OUTPUT=str(output), PATH="/usr/bin:/bin")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "was there" in done.stdout
    assert "Environments" not in done.stdout
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    lines = output.read_text().splitlines()
    assert [line for line in lines if line.startswith("cached=")] == ["cached=false", "cached=true"]
    python = next(line for line in lines if line.startswith("project-python="))
    assert Path(python.partition("=")[2]).exists()


@pytest.mark.parametrize("changed", ["uv.lock", "assay"])
def test_change_builds_anew(machine: Machine, changed: str) -> None:
    machine.lock("tiny-core==2.7.0", "tiny-other")
    machine.seen("test")
    if changed == "uv.lock":
        machine.lock("tiny-core==3.0.0")
        packages = machine.seen("test")["packages"]
        assert packages["tiny-core"] == "3.0.0"
        assert "tiny-other" not in packages
    else:
        cli = machine.root / "scripts" / "assay" / "cli.py"
        cli.write_text(f'{CLI}print(\'{{"packages": "new"}}\')\n')
        assert machine.seen("test")["packages"] == "new"


def test_interrupted_build_is_not_used(machine: Machine) -> None:
    machine.seen("test")
    folder = next(machine.home.glob("project-*/"))
    (folder / "assay-env.json").unlink()
    next(folder.glob("lib/*/site-packages/assay")).unlink()
    assert machine.seen("test")["packages"]["assay"] == "0.1.0"


def test_taking_assay_out_of_an_environment_leaves_the_checkout(machine: Machine) -> None:
    machine.lock("tiny-core==2.7.0")
    machine.seen("test")
    folder = next(machine.home.glob("project-*/"))
    before = sorted(machine.root.rglob("*.py"))
    environ = {**machine.environ, "UV_PROJECT_ENVIRONMENT": str(folder)}
    # As a stage of theirs may do: `uv sync` removes what the lock does not know.
    sync = [machine.uv, "sync", "--locked", "--quiet"]
    subprocess.run(sync, cwd=machine.project, env=environ, check=True)
    assert not list(folder.glob("lib/*/site-packages/assay*"))
    assert sorted(machine.root.rglob("*.py")) == before


def test_two_processes_build_once(machine: Machine) -> None:
    with_results: list[subprocess.CompletedProcess[str]] = []
    threads = [
        threading.Thread(target=lambda: with_results.append(machine.run("setup"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in with_results] == [0, 0, 0]
    built = [done for done in with_results if "Environments" in done.stdout]
    assert built, "somebody built them"
    assert machine.seen("test")["packages"]["assay"] == "0.1.0"


@pytest.mark.parametrize("name", ["with space", "quote'\"s", "$(touch x)", "näïve [a]#%20"])
def test_project_path_is_only_a_path(machine: Machine, name: str) -> None:
    odd = machine.project / name
    odd.mkdir()
    (odd / "requirements.txt").write_text("tiny-core<3\n")
    machine.home = machine.home / name
    seen = machine.seen("test", ASSAY_WORKING_DIRECTORY=name, ASSAY_HOME=str(machine.home))
    assert seen["packages"]["tiny-core"] == "2.7.0"
    assert not list(machine.project.rglob("x"))


@pytest.mark.parametrize("name", ["with space", "$(touch x)", "näïve [a]#%20"])
def test_assay_path_is_only_a_path(machine: Machine, name: str, tmp_path: Path) -> None:
    machine.root = machine.root.rename(tmp_path / name)
    machine.seen("report")
    machine.seen("check")
    assert not list(machine.project.rglob("x"))


# uv itself


def test_uv_is_fetched_by_hash_where_there_is_none(machine: Machine, tmp_path: Path) -> None:
    path = _fake_uv(tmp_path, "9.9.9")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    locked = machine.root / "scripts" / "uv-requirements.txt"
    locked.write_text(f"uv==9.9.9 --hash=sha256:{digest}\n")
    nowhere = {"PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    nowhere["PIP_FIND_LINKS"] = str(tmp_path)
    for _ in range(2):
        done = machine.run("uv", "a b", **nowhere)
        assert done.stdout == "fake uv: a b\n", done.stderr
    assert (machine.home / "uv-9.9.9").is_dir()

    shutil.rmtree(machine.home)
    locked.write_text(f"uv==9.9.9 --hash=sha256:{'0' * 64}\n")
    done = machine.run("uv", "a", **nowhere)
    assert done.returncode == 3
    assert "uv could not be fetched with pip" in done.stderr
    assert not list(machine.home.glob("uv-9*"))


def test_uv_that_is_too_old_is_not_used(machine: Machine, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "uv").write_text("#!/bin/sh\necho uv 0.5.1\n")
    (old / "uv").chmod(0o755)
    path = _fake_uv(tmp_path, "9.9.9")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    locked = machine.root / "scripts" / "uv-requirements.txt"
    locked.write_text(f"uv==9.9.9 --hash=sha256:{digest}\n")
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    done = machine.run("uv", "x", PATH=f"{old}:{machine.environ['PATH']}", **environ)
    assert done.stdout == "fake uv: x\n", done.stderr


def _fake_uv(folder: Path, version: str) -> Path:
    info = f"uv-{version}.dist-info"
    files = {
        f"uv-{version}.data/scripts/uv": '#!/bin/sh\necho "fake uv: $*"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: uv\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n",
    }
    return _zip(folder / f"uv-{version}-py3-none-any.whl", info, files)


def test_cache_key_changes_with_the_lock(machine: Machine) -> None:
    def key() -> str:
        done = machine.run("cache-key")
        assert done.returncode == 0, done.stdout
        lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
        assert lines["uv-cache-dir"] == machine.environ["UV_CACHE_DIR"]
        return lines["cache-key"]

    nothing = key()
    machine.lock("tiny-core")
    assert key() != nothing
    assert key() == key()
    machine.write(poetry__lock="")
    (machine.project / "uv.lock").unlink()
    assert key()  # what is wrong is said when it is built


@pytest.mark.parametrize("version", ["3.9", "3.10"])
def test_starts_on_an_older_python(machine: Machine, version: str) -> None:
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    found = shutil.which(f"python{version}") or (str(pyenv[-1]) if pyenv else None)
    if found is None:
        pytest.skip(f"there is no Python {version} here")
    folder = machine.home / "old"
    folder.mkdir(parents=True)
    (folder / "python3").symlink_to(found)
    path = f"{folder}:{machine.uv.parent}:/usr/bin:/bin"
    assert machine.seen("test", PATH=path)["packages"]["assay"] == "0.1.0"


def test_no_python_at_all(machine: Machine, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "env", "dirname"):
        (tools / name).symlink_to(shutil.which(name) or name)
    done = machine.run("setup", PATH=str(tools), GITHUB_ACTIONS="true")
    assert done.returncode == 3
    assert done.stdout.startswith("::error::Assay needs Python 3.9 or newer")


def test_main_is_what_python_dash_m_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nope"]) == 2
    assert "There is no verb 'nope'." in capsys.readouterr().out
