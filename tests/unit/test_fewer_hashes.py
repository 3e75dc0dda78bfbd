"""Which hashes an export keeps."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts/fewer_hashes.py"))


@pytest.mark.parametrize(
    ("wheel", "needed"),
    [
        ("rich-15.0.0-py3-none-any", True),
        ("six-1.0-py2.py3-none-any", True),
        ("cffi-2.1.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cffi-2.1.1-cp314-cp314-musllinux_1_2_aarch64", False),
        ("cffi-2.1.1-cp313-cp313-macosx_11_0_arm64", True),
        ("cffi-2.1.1-cp312-cp312-win_amd64", False),
        ("cryptography-50.0.2-cp38-abi3-manylinux_2_28_aarch64", True),
        ("uv-0.13-py3-none-linux_x86_64", True),
        ("cffi-2.1.1-cp310-cp310-manylinux_2_17_x86_64", False),
        ("cffi-2.1.1-cp314-cp314t-manylinux_2_17_x86_64", False),
        ("cffi-2.1.1-cp311-cp311-manylinux_2_17_s390x", False),
        ("cffi-2.1.1-cp311-cp311-manylinux_2_17_i686", False),
        ("cffi-2.1.1-cp311-cp311-win32", False),
        ("cffi-2.1.1-pp311-pypy311_pp73-manylinux_2_17_x86_64", False),
    ],
)
def test_wheels_that_a_runner_may_install(wheel: str, needed: bool) -> None:
    assert SCRIPT["needed"](wheel) is needed


def test_every_package_keeps_its_sdist_and_what_there_is_for_a_runner() -> None:
    exported = (ROOT / "scripts/hashes.txt").read_text()
    kept = set(re.findall(r"sha256:[0-9a-f]{64}", exported))
    names = set(re.findall(r"(?m)^([\w.-]+)==", exported))
    found = set()
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        if package["name"] in names:
            found.add(package["name"])
            files = [*package.get("wheels", ()), package.get("sdist", {"hash": ""})]
            assert {file["hash"] for file in files} & kept, package["name"]
            assert package.get("sdist", {"hash": ""})["hash"] in kept | {""}
    assert found == names
