"""The image of the server: its Dockerfile is sound, and what it runs works in a clean folder.

There is no engine here. The commands of the Dockerfile are run as they stand, but for where they
write: below a folder in place of `/`. Installing what is locked and compiling it take a minute, and
are left out unless ASSAY_TEST_IMAGE is `whole`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import serving_bundles
from tests.lint import BIN, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = ROOT / "docker/Dockerfile"
WHOLE = os.environ.get("ASSAY_TEST_IMAGE") == "whole"
_ABSOLUTE = re.compile(r"(?<![\w.}/])/(opt|model|build)(?![\w])")


def instructions() -> Iterator[tuple[str, str]]:
    """(keyword, the rest) of each instruction, lines joined."""
    lines = [line for line in FILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    for one in re.split(r"(?<!\\)\n", "\n".join(lines)):
        if one.strip():
            keyword, _, rest = one.replace("\\\n", " ").partition(" ")
            yield keyword, rest.strip()


def stages() -> dict[str, list[tuple[str, str]]]:
    """Instructions by stage; the last one is called `final`."""
    found: dict[str, list[tuple[str, str]]] = {}
    stage = "before"
    for keyword, rest in instructions():
        if keyword == "FROM":
            stage = rest.partition(" AS ")[2] or "final"
            found[stage] = []
        found.setdefault(stage, []).append((keyword, rest))
    return found


class Image:
    """A folder in place of `/`, in which instructions are followed.

    Args:
        root: The folder.
        bundle: The context with the bundle.
    """

    def __init__(self, root: Path, bundle: Path) -> None:
        self.root, self.bundle = root, bundle
        self.folder = root
        self.environ = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE")
            if name in os.environ
        }

    def here(self, text: str) -> str:
        """Text whose paths are below the folder."""
        return _ABSOLUTE.sub(lambda found: f"{self.root}{found[0]}", text)

    def follow(self, stage: list[tuple[str, str]]) -> None:
        for keyword, rest in stage:
            if keyword == "WORKDIR":
                self.folder = Path(self.here(rest))
                self.folder.mkdir(parents=True, exist_ok=True)
            elif keyword == "ENV":
                self.environ |= dict(one.split("=", 1) for one in self.here(rest).split())
            elif keyword == "COPY":
                self.copy(rest)
            elif keyword == "RUN":
                self.run(rest)

    def copy(self, rest: str) -> None:
        *sources, target = [one for one in rest.split() if not one.startswith("--")]
        if "--from=build" in rest:  # there is one folder for both stages
            return
        context = self.bundle if "--from=bundle" in rest else ROOT
        to = Path(self.here(target)) if target.startswith("/") else self.folder / target
        for source in sources:
            if (context / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(context / source, to, ignore=ignored)
            else:
                shutil.copyfile(context / source, to / source if to.is_dir() else to)

    def run(self, command: str) -> None:
        if "compileall" in command and not WHOLE:
            return
        if "--require-hashes" in command and not WHOLE:
            python = self.root / "opt/assay/bin/python"
            python.parent.mkdir(parents=True)
            python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            python.chmod(0o755)
            return
        done = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", self.here(command)],
            cwd=self.folder,
            env={**self.environ, "PACKAGES": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def words(stage: list[tuple[str, str]], keyword: str) -> list[str]:
    """The words of an instruction in its JSON form."""
    (rest,) = [rest for name, rest in stage if name == keyword]
    found: list[str] = json.loads(rest[rest.index("[") :])
    return found


@pytest.fixture
def image(tmp_path: Path) -> Image:
    made = serving_bundles.made(tmp_path / "bundle")
    context = tmp_path / "context"
    context.mkdir()
    shutil.copyfile(made.archive, context / "bundle.tar.zst")
    shutil.copyfile(made.key, context / "assay.pub")
    return Image(tmp_path / "root", context)


def test_the_image_serves_its_bundle(image: Image) -> None:
    found = stages()
    image.root.mkdir()
    image.follow(found["build"])
    image.follow(found["final"])
    start = [image.here(one) for key in ("ENTRYPOINT", "CMD") for one in words(found["final"], key)]

    environ = {**image.environ, "ASSAY_SERVE_HOST": "127.0.0.1", "ASSAY_SERVE_PORT": "0"}
    process = subprocess.Popen(
        start, cwd=image.folder, env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        (port,) = re.findall(r"on http://127\.0\.0\.1:(\d+), signed by", said)
        check = [image.here(one) for one in words(found["final"], "HEALTHCHECK")]
        subprocess.run(check, env={**environ, "ASSAY_SERVE_PORT": port}, check=True)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_an_image_is_not_built_of_what_another_changed(image: Image) -> None:
    other = serving_bundles.made(image.bundle.parent / "other", "v2")
    content = bytearray(other.archive.read_bytes())
    content[len(content) // 2] ^= 1
    (image.bundle / "bundle.tar.zst").write_bytes(content)
    image.root.mkdir()

    with pytest.raises(AssertionError, match="damaged"):
        image.follow(stages()["build"])


def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run([BIN / "hadolint", FILE], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_nothing_runs_as_root_and_the_base_is_pinned() -> None:
    text = FILE.read_text()
    final = stages()["final"]

    assert [rest for keyword, rest in final if keyword == "USER"] == ["10001:10001"]
    assert not [rest for keyword, rest in final if keyword == "RUN"]
    assert re.search(r"^ARG PYTHON=\S+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert [rest for key, rest in instructions() if key == "FROM"] == [
        "scratch AS bundle",
        "${PYTHON} AS build",
        "${PYTHON}",
    ]


def test_only_what_is_copied_is_sent_to_the_engine() -> None:
    ignored = (ROOT / "docker/Dockerfile.dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {
        one
        for keyword, rest in stages()["build"]
        if keyword == "COPY" and "--from" not in rest
        for one in rest.split()[:-1]
    }

    assert ignored[1] == "*"
    assert sent == copied
