"""The uv program: found or fetched, and told what the user has told pip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import OutsideError
from assay.process import FORGE_SECRETS, RUNNER_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The first that our build backend accepts; it reads our lock file and `pylock.toml` too.
MINIMUM = (0, 8, 0)

# What would change the meaning of the options that we give; and what the code that uv runs (build
# backends of the project and of its dependencies) must not reach.
_HIDDEN = (
    FORGE_SECRETS
    | RUNNER_FILES
    | {
        "CONDA_PREFIX",
        "PYTHONHOME",
        "PYTHONPATH",
        "UV_FROZEN",
        "UV_LOCKED",
        "UV_PROJECT",
        "UV_PROJECT_ENVIRONMENT",
        "UV_REQUIRE_HASHES",
        "UV_WORKING_DIR",
        "VIRTUAL_ENV",
    }
)
_BUNDLES = ("REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")

_NETWORK = re.compile(
    r"error sending request|failed to fetch|network was disabled|network connectivity is disabled"
    r"|client error \(connect\)|dns error|certificate|timed out|50[0234] |failed to download",
    re.IGNORECASE,
)

# Lines that repeat for each package, and the one about where `python` was found.
_NOISE = re.compile(r" [-+~] | *Downloaded |Using (?:Python|CPython) ")


class UvError(Exception):
    """uv said no.

    Args:
        output: Everything that it wrote on standard error.
    """

    def __init__(self, output: str) -> None:
        self.output = output
        super().__init__(self.explanation)

    @property
    def is_network(self) -> bool:
        """Whether the index, or the way to it, is what failed."""
        return bool(_NETWORK.search(self.output))

    @property
    def explanation(self) -> str:
        """What uv gave as the reason, on one line, cut where it rambles."""
        said = re.search(r"^(?:error: |\s*\u00d7 )(.*)", self.output, re.MULTILINE | re.DOTALL)
        text = said.group(1) if said else self.output.strip().rpartition("\n")[2]
        text = re.sub(r"(?m)^\s*(?:cause: |[╰├]─▶ |│ )", "", text)
        words = " ".join(text.split())
        return words if len(words) <= 600 else words[:600] + " …"


class Uv:
    """Runs uv and passes on what it says.

    Args:
        program: The executable.
        environ: What we were started with.
        say: Prints a line of progress.
    """

    def __init__(
        self, program: Path, environ: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self.program = program
        self.plain = environment(environ)
        """For a person who calls uv through us."""
        self.environ = {**self.plain, "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
        self.say = say

    @property
    def has_mirror(self) -> bool:
        """Whether packages come from elsewhere than PyPI: locked addresses are then no use."""
        urls = (self.environ.get(name, "") for name in _INDEXES)
        return any(url and "//pypi.org/" not in url for url in urls)

    def run(self, *args: str, label: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
        """Run `uv ARGS`, print its progress behind `label`, and return its standard output.

        Raises:
            UvError: It did not succeed.
        """
        # A file and not a pipe: nobody reads standard output until uv has ended.
        with (
            tempfile.TemporaryFile() as output,
            subprocess.Popen(
                [str(self.program), *args],
                cwd=cwd,
                env={**self.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            ) as process,
        ):
            heard = []
            for line in process.stderr or ():
                heard.append(line)
                if label and not _NOISE.match(line):
                    self.say(f"{label}: {line.strip()}")
            if process.wait() != 0:
                raise UvError("".join(heard))
            output.seek(0)
            return output.read().decode("utf-8")


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: what was said to pip holds for uv too, where uv was told nothing.

    uv trusts the certificates that it ships, pip those and any that `PIP_CERT` names; a company's
    own authority is therefore passed on as `SSL_CERT_FILE`, which replaces what uv ships.
    """
    env = {name: value for name, value in environ.items() if name not in _HIDDEN}

    def default(name: str, *sources: str, unless: tuple[str, ...] = ()) -> None:
        if any(env.get(taken) for taken in (name, *unless)):
            return
        given = next((env[source] for source in sources if env.get(source)), None)
        if given is not None:
            env[name] = given

    default("SSL_CERT_FILE", *_BUNDLES)
    default("UV_DEFAULT_INDEX", "PIP_INDEX_URL", unless=("UV_INDEX_URL",))
    default("UV_INDEX", "PIP_EXTRA_INDEX_URL", unless=("UV_EXTRA_INDEX_URL",))
    default("UV_INSECURE_HOST", "PIP_TRUSTED_HOST")
    return env


def find(
    environ: Mapping[str, str], *, scripts: Path, cache: Path, say: Callable[[str], None]
) -> Path:
    """The uv to use: the one on `PATH` if it is new enough, else our pinned one, fetched once.

    Args:
        environ: What we were started with.
        scripts: The folder of `uv-requirements.txt`.
        cache: Where the fetched one is kept.
        say: Prints a line of progress.
    """
    found = shutil.which("uv", path=environ.get("PATH"))
    if found is not None and (_version(found) or (0,)) >= MINIMUM:
        return Path(found)
    locked = scripts / "uv-requirements.txt"
    pinned = re.search(r"(?m)^uv==(\S+)", locked.read_text(encoding="utf-8"))
    assert pinned is not None, "uv-requirements.txt pins uv"  # noqa: S101
    folder = cache / f"uv-{pinned.group(1)}"
    program = _program(folder)
    if program is None:
        say(f"Fetching uv {pinned.group(1)} ...")
        _fetch(locked, folder, environ)
        program = _program(folder)
    if program is None:
        raise OutsideError("pip installed uv, but there is no program `uv` in what it installed.")
    return program


def _version(program: str) -> tuple[int, ...] | None:
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, check=True, text=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    return tuple(int(part) for part in number.groups()) if number else None


def _program(folder: Path) -> Path | None:
    name = "uv.exe" if os.name == "nt" else "uv"
    found = (folder / place / name for place in ("bin", "Scripts"))
    return next((path for path in found if path.is_file()), None)


def _fetch(locked: Path, folder: Path, environ: Mapping[str, str]) -> None:
    """Install uv in `folder` with pip, which knows the user's mirror and certificates.

    `--target` leaves the interpreter that runs us untouched; where it has no pip of its own, one
    comes from a virtual environment that is thrown away.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="uv-") as scratch:
        python = sys.executable
        if not _has_pip(python):
            python = _throwaway(Path(scratch) / "venv")
        target = Path(scratch) / "uv"
        done = _pip(python, environ, ["--target", str(target), "-r", str(locked)])
        if done.returncode != 0:
            raise OutsideError(
                f"uv could not be fetched with pip: {_last_line(done.stdout)}",
                hint="Install uv (https://docs.astral.sh/uv/) so that it is on PATH, or check"
                " PIP_INDEX_URL, PIP_CERT and the network.",
            )
        try:
            target.rename(folder)
        except OSError:  # another process was faster; what it fetched is the same
            if _program(folder) is None:
                raise


def _pip(
    python: str, environ: Mapping[str, str], args: list[str]
) -> subprocess.CompletedProcess[str]:
    hidden = _HIDDEN | {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV"}
    env = {name: value for name, value in environ.items() if name not in hidden}
    options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    return subprocess.run(
        [python, "-m", "pip", "install", "--disable-pip-version-check", *options, *args],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _has_pip(python: str) -> bool:
    # Asked of a new process, for this one runs without site-packages.
    asked = [python, "-I", "-c", "import pip"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _throwaway(folder: Path) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise OutsideError(
            f"{sys.executable} has neither pip nor a working venv: {_last_line(made.stdout)}",
            hint="Install uv, or Python's venv (on Debian and Ubuntu: apt install python3-venv).",
        )
    return str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["it said nothing"])[-1]
