"""dvc.lock against the files that are here: what differs is named, what is unclear is not."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from assay.workspace import dvcfiles, lockcheck

from tests.builders import write

if TYPE_CHECKING:
    from pathlib import Path


class Folder:
    """All files below a folder, as the tree of a revision."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        target = self.root / path
        return target.read_bytes() if target.is_file() else None

    def files(self) -> list[str]:
        return [str(p.relative_to(self.root)) for p in sorted(self.root.rglob("*")) if p.is_file()]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _dep(path: str, text: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "hash": "md5", "md5": _md5(text), "size": len(text), **more}


PIPELINE: dict[str, Any] = {
    "stages": {
        "train": {
            "cmd": "x",
            "deps": ["train.py", "data.csv"],
            "params": ["depth", "fit"],
            "outs": ["m"],
        }
    }
}
LOCK: dict[str, Any] = {
    "schema": "2.0",
    "stages": {
        "train": {
            "cmd": "x",
            "deps": [_dep("train.py", "code"), _dep("data.csv", "rows")],
            "params": {"params.yaml": {"depth": 4, "fit": {"rate": 0.001, "flag": True}}},
            "outs": [_dep("m", "model")],
        }
    },
}
FILES: dict[str, str] = {
    "train.py": "code",
    "data.csv": "rows, which nobody reads, because data.csv.dvc says what they are",
    "data.csv.dvc": yaml.safe_dump({"outs": [_dep("data.csv", "rows")]}),
    "params.yaml": "depth: 4\nfit: {rate: 1e-3, flag: true}\nother: 3\n",
}


def _outdated(
    root: Path,
    files: dict[str, str] | None = None,
    *,
    pipeline: dict[str, Any] = PIPELINE,
    lock: dict[str, Any] = LOCK,
) -> tuple[str, ...]:
    write(root, {**FILES, **(files or {})})
    write(root, {"dvc.yaml": yaml.safe_dump(pipeline), "dvc.lock": yaml.safe_dump(lock)})
    tree = Folder(root)
    return lockcheck.outdated(root, tree, dvcfiles.read(tree))


def _train(**more: Any) -> dict[str, Any]:
    return {"stages": {"train": {**PIPELINE["stages"]["train"], **more}}}


def _locked(**more: Any) -> dict[str, Any]:
    return {"schema": "2.0", "stages": {"train": {**LOCK["stages"]["train"], **more}}}


CHANGES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nothing": ({}, ()),
    "code": ({"train.py": "cods"}, ("train.py",)),
    "longer code": ({"train.py": "code "}, ("train.py",)),
    "data": (
        {"data.csv.dvc": yaml.safe_dump({"outs": [_dep("data.csv", "other")]})},
        ("data.csv",),
    ),
    "a parameter": ({"params.yaml": "depth: 5\nfit: {rate: 0.001, flag: true}"}, ("depth",)),
    "one below": ({"params.yaml": "depth: 4\nfit: {rate: 0.1, flag: true}"}, ("fit.rate",)),
    "one more": ({"params.yaml": "depth: 4\nfit: {rate: 1e-3, flag: true, n: 1}"}, ("fit.n",)),
    "one less": ({"params.yaml": "depth: 4\nfit: {rate: 1e-3}"}, ("fit.flag",)),
    "another that no stage uses": ({"params.yaml": FILES["params.yaml"] + "z: 1\n"}, ()),
    "several": (
        {"train.py": "", "params.yaml": "depth: 5\nfit: {rate: 2, flag: true}"},
        ("train.py", "depth", "fit.rate"),
    ),
}


@pytest.mark.parametrize(("files", "expected"), CHANGES.values(), ids=CHANGES)
def test_what_is_another_now(
    tmp_path: Path, files: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert _outdated(tmp_path, files) == expected


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "folder.dvc": yaml.safe_dump(
                {"outs": [{**_dep("folder", ""), "md5": "a" * 32 + ".dir"}]}
            )
        },
    )
    lock = _locked(deps=[_dep("gone.py", "code"), _dep("folder/not-fetched.csv", "rows")])
    assert _outdated(tmp_path, lock=lock) == ("gone.py",)


UNCLEAR: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a folder": (PIPELINE, _locked(deps=[{**_dep("src", ""), "md5": f"{'0' * 32}.dir"}])),
    "DVC 2 hashed text otherwise": (
        PIPELINE,
        _locked(deps=[{"path": "train.py", "md5": "0" * 32, "size": 4}]),
    ),
    "in a cloud": (PIPELINE, _locked(deps=[{"path": "s3://b/k", "etag": "x", "size": 1}])),
    "outside": (PIPELINE, _locked(deps=[_dep("../up.py", "x"), _dep("/etc/passwd", "x")])),
    "frozen": (_train(frozen=True), _locked(deps=[_dep("train.py", "other")])),
    "a folder that varies": (_train(wdir="${x}"), _locked(deps=[_dep("train.py", "other")])),
    "a stage that is gone": ({"stages": {}}, _locked(deps=[_dep("train.py", "other")])),
    "nonsense": (PIPELINE, _locked(deps=[{"path": "train.py", "md5": 3}], params={})),
}


@pytest.mark.parametrize(("pipeline", "lock"), UNCLEAR.values(), ids=UNCLEAR)
def test_nothing_is_said_of_what_is_unclear(
    tmp_path: Path, pipeline: dict[str, Any], lock: dict[str, Any]
) -> None:
    (tmp_path / "src").mkdir()
    assert _outdated(tmp_path, pipeline=pipeline, lock=lock) == ()


def test_a_large_file_is_not_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockcheck, "LARGEST", 3)
    assert _outdated(tmp_path, {"train.py": "cods"}) == ()


def test_stages_of_a_loop_and_in_another_folder(tmp_path: Path) -> None:
    stage = {"cmd": "x", "wdir": "code", "deps": ["${item}.py"]}
    pipeline = {"stages": {"each": {"foreach": ["a", "b"], "do": stage}}}
    lock = {
        "schema": "2.0",
        "stages": {
            "each@a": {"cmd": "x", "deps": [_dep("a.py", "a")]},
            "each@b": {"cmd": "x", "deps": [_dep("b.py", "old")]},
        },
    }
    write(tmp_path, {"sub/code/a.py": "a", "sub/code/b.py": "new"})
    write(tmp_path, {"sub/dvc.yaml": yaml.safe_dump(pipeline)})
    write(tmp_path, {"sub/dvc.lock": yaml.safe_dump(lock)})
    assert _outdated(tmp_path) == ("sub/code/b.py",)


@pytest.mark.parametrize(
    ("before", "now", "other"),
    [
        (0.001, "1e-3", False),  # YAML 1.2 has written what 1.1 reads as text
        ("yes", True, False),
        (0.001, "1e-4", True),
        (1, 1.0, False),
        ("a", "b", True),
        (None, None, False),
        ([1, 2], [1, 3], True),
    ],
)
def test_values_that_yaml_reads_in_two_ways(before: object, now: object, other: bool) -> None:
    assert lockcheck._is_other(before, now) is other
