"""Licences: the model's as SPDX, the packages' as they bring them."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from assay.errors import UsageError
from assay.packaging import licenses
from assay.packaging.licenses import Installed

if TYPE_CHECKING:
    from pathlib import Path


def package(folder: Path, name: str, *fields: str, files: dict[str, bytes] | None = None) -> None:
    """An installed package, as pip leaves it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *fields]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    listed = [f"{info.name}/METADATA,,"]
    for path, content in (files or {}).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        listed.append(f"{path},,")
    (info / "RECORD").write_text("\n".join(listed) + "\n")


def installed(folder: Path) -> Installed:
    return Installed.among(metadata.distributions(path=[str(folder)]))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("mit or bsd-3-clause", "MIT OR BSD-3-Clause"),
        ("GPL-2.0-or-later with Classpath-exception-2.0",) * 2,
        ("LicenseRef-Proprietary",) * 2,
    ],
)
def test_expressions_of_spdx(said: str, expected: str) -> None:
    assert licenses.canonical(said).lower() == expected.lower()


@pytest.mark.parametrize("said", ["Apache 2", "MIT AND", "(MIT", "proprietary", " ", "MIT\nMIT "])
def test_other_words_are_refused(said: str) -> None:
    with pytest.raises(UsageError, match="no SPDX licence expression") as caught:
        licenses.canonical(said)
    assert caught.value.key == ("package", "license")
    assert caught.value.exit_code == 2


def test_what_serving_needs_and_what_that_needs(tmp_path: Path) -> None:
    package(tmp_path, "onnxruntime", "Requires-Dist: Flat_Buffers", "Requires-Dist: numpy>=1")
    package(tmp_path, "flat.buffers", "Requires-Dist: onnxruntime", "Requires-Dist: absent")
    package(
        tmp_path,
        "numpy",
        "Requires-Dist: torch; extra == 'gpu'",
        "Requires-Dist: torch; python_version < '3'",
        "Requires-Dist: ][",
    )
    package(tmp_path, "torch")
    package(tmp_path, "skops", "Requires-Dist: scikit-learn")
    package(tmp_path, "scikit_learn")
    package(tmp_path, "lightgbm")
    here = installed(tmp_path)
    assert list(here.needed("onnx", "SVC")) == ["flat-buffers", "numpy", "onnxruntime"]
    assert list(here.needed("native", "SVC")) == ["scikit-learn", "skops"]
    assert "lightgbm" in here.needed("native", "Pipeline(LGBMClassifier)")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["License-Expression: BSD-3-Clause AND MIT"], ("BSD-3-Clause AND MIT", True)),
        (["License: mit"], ("MIT", True)),
        (["License: MIT License"], ("MIT License", False)),
        (
            ["License: UNKNOWN TEXT " + "x" * 200, "Classifier: License :: OSI Approved :: ISC"],
            ("ISC", False),
        ),
        (["Classifier: License :: OSI Approved"], None),
        ([], None),
    ],
)
def test_licence_of_a_package(
    tmp_path: Path, fields: list[str], expected: tuple[str, bool] | None
) -> None:
    package(tmp_path, "one", *fields)
    assert installed(tmp_path).license("One") == expected
    assert installed(tmp_path).license("another") is None


def test_texts_of_licences(tmp_path: Path) -> None:
    package(
        tmp_path,
        "one",
        files={
            "one-1.0.dist-info/licenses/LICENSE": b"the terms\n",
            "one-1.0.dist-info/licenses/NOTICE.txt": b"a notice",
            "one/LICENSE": b"of something inside",
        },
    )
    package(tmp_path, "two", files={"two/LICENSE": b"terms", "two/vendor/x/LICENSE": b"deep"})
    package(tmp_path, "three", files={"three/license.py": b"", "three/code.py": b""})
    (tmp_path / "two" / "vendor" / "x" / "LICENSE").unlink()
    package(tmp_path, "gone", files={"gone-1.0.dist-info/COPYING": b"x"})
    (tmp_path / "gone-1.0.dist-info" / "COPYING").unlink()
    here = installed(tmp_path)
    texts = dict(here.texts(dict.fromkeys(("one", "two", "gone"), "1.0")))
    assert texts == {
        "licenses/one-1.0.txt": b"one-1.0.dist-info/licenses/LICENSE\n\nthe terms\n\n"
        b"one-1.0.dist-info/licenses/NOTICE.txt\n\na notice",
        "licenses/two-1.0.txt": b"two/LICENSE\n\nterms",
    }


def test_the_project_s_own_licence_is_the_nearest(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    assert licenses.of_project(inner, tmp_path) == {}
    (tmp_path / "LICENSE.md").write_bytes(b"outer")
    (tmp_path / "licenses").mkdir()
    assert licenses.of_project(inner, tmp_path) == {"licenses/LICENSE.md": b"outer"}
    (inner / "COPYING").write_bytes(b"inner")
    assert licenses.of_project(inner, tmp_path) == {"licenses/COPYING": b"inner"}


def test_a_licence_is_no_way_out_of_the_repository(tmp_path: Path) -> None:
    """What a committed link names would be in a public bundle."""
    top = tmp_path / "repository"
    inner = top / "inner"
    (top / ".git").mkdir(parents=True)
    inner.mkdir()
    (tmp_path / "credentials").write_bytes(b"secret")
    (top / ".git" / "config").write_bytes(b"token")
    (inner / "LICENSE").symlink_to("../../credentials")
    (inner / "LICENSE.self").symlink_to("/proc/self/environ")
    (inner / "NOTICE").symlink_to("../.git/config")
    (inner / "COPYING").symlink_to("../COPYING")
    assert licenses.of_project(inner, top) == {}
    (top / "COPYING").write_bytes(b"terms")
    assert licenses.of_project(inner, top) == {"licenses/COPYING": b"terms"}


def test_packages_here_have_licences_and_texts() -> None:
    here = Installed.here()
    needed = here.needed("onnx", "SVC")
    assert {"onnxruntime", "numpy"} <= needed.keys()
    numpy = here.license("numpy")
    assert numpy is not None
    assert "BSD" in numpy[0]
    texts = dict(here.texts(needed))
    assert b"Redistribution" in texts[f"licenses/numpy-{needed['numpy']}.txt"]
    assert any(path.startswith("licenses/onnxruntime-") for path in texts)


def test_versions_are_those_that_python_finds() -> None:
    expected = {
        licenses.normalized(one.metadata["Name"]): one.version for one in metadata.distributions()
    }
    assert Installed.here().versions == expected
    assert list(Installed.here().versions) == sorted(expected)
