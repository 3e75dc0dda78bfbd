"""DVC's own files, in every shape that its users write."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from assay.errors import AssayError, RepositoryError
from assay.workspace import dvcfiles
from assay.workspace.dvcfiles import Artifact, DvcFiles, Output

if TYPE_CHECKING:
    from collections.abc import Mapping

A, B, C = ("a" * 32, "b" * 32, "c" * 32)


@dataclasses.dataclass(frozen=True)
class Files:
    """A tree in memory."""

    content: Mapping[str, str]

    def read(self, path: str) -> bytes | None:
        found = self.content.get(path)
        return None if found is None else found.encode()

    def files(self) -> tuple[str, ...]:
        return tuple(self.content)


def _read(content: Mapping[str, str]) -> DvcFiles:
    return dvcfiles.read(Files(content))


def _outputs(content: Mapping[str, str]) -> dict[str, Output]:
    return {out.path: out for out in _read(content).outputs}


def _lock(**stages: str) -> str:
    body = "".join(f"  {name.replace('__', '@')}:\n    {text}\n" for name, text in stages.items())
    return f"schema: '2.0'\nstages:\n{body}"


# --- .dvc files ---------------------------------------------------------------------------------


def test_a_dvc_file() -> None:
    content = {"data/raw.csv.dvc": f"outs:\n- md5: {A}\n  size: 7\n  hash: md5\n  path: raw.csv\n"}
    assert _read(content).outputs == (
        Output(path="data/raw.csv", kind="data", md5=A, size=7, stage=None),
    )
    assert _outputs(content)["data/raw.csv"].object_path == f"files/md5/aa/{A[2:]}"


@pytest.mark.parametrize(
    ("file", "text", "path"),
    [
        ("x.dvc", "wdir: ..\nouts: [{path: out/a}]", None),
        ("data/x.dvc", "wdir: ..\nouts: [{path: out/a}]", "out/a"),
        ("data/x.dvc", "wdir: sub\nouts: [{path: a}]", "data/sub/a"),
        ("data/x.dvc", "outs: [{path: ./a//b}]", "data/a/b"),
        ("data/x.dvc", "outs: [{path: ../../a}]", None),
        ("data/x.dvc", "outs: [{path: /etc/passwd}]", None),
    ],
)
def test_where_an_output_lies(file: str, text: str, path: str | None) -> None:
    assert list(_outputs({file: text})) == ([] if path is None else [path])


def test_of_dvc_2() -> None:
    """Without `hash:`, where DVC 2 put it."""
    found = _outputs({"x.dvc": f"outs: [{{path: x, md5: {A}, size: 1}}]"})["x"]
    assert found.legacy
    assert found.object_path == f"aa/{A[2:]}"


@pytest.mark.parametrize(
    ("flags", "stored", "pushed"),
    [("", True, True), (", cache: false", False, True), (", push: false", True, False)],
)
def test_what_is_stored_where(flags: str, stored: bool, pushed: bool) -> None:
    found = _outputs({"x.dvc": f"outs: [{{path: x, md5: {A}, hash: md5{flags}}}]"})["x"]
    assert (found.object_path is not None) is stored
    assert found.pushed is pushed


@pytest.mark.parametrize("md5", ["../../../etc/passwd", "A" * 32, "a" * 31, "a" * 32 + ".exe", "5"])
def test_what_is_no_hash_is_looked_up_nowhere(md5: str) -> None:
    assert (
        _outputs({"x.dvc": f"outs: [{{path: x, md5: '{md5}', hash: md5}}]"})["x"].object_path
        is None
    )


def test_a_folder_holds_its_files() -> None:
    found = _read({"data.dvc": f"outs: [{{path: data, md5: {A}.dir, hash: md5}}]"})
    assert found.output("data/x/y.csv") == found.output("data")
    assert found.output("data") is not None
    assert found.output("data2") is None
    assert found.output("dat") is None


# --- pipelines ----------------------------------------------------------------------------------

PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [data]
    params: [train.depth, other.toml: [x]]
    outs:
      - model.pkl
      - log.txt: {cache: false, push: false}
    metrics:
      - metrics.json: {cache: false}
    plots:
      - roc.csv: {x: fpr}
metrics: [live/metrics.json]
params: [conf.yaml]
artifacts:
  best:
    path: model.pkl
    type: model
    desc: The best
"""
LOCK = _lock(
    train="params: {params.yaml: {train.depth: 3}, other.toml: {x: [1, 2]}}\n    outs:\n"
    + "".join(
        f"    - {{path: {path}, md5: {md5}, size: 2, hash: md5}}\n"
        for path, md5 in (("model.pkl", A), ("log.txt", B), ("metrics.json", C), ("roc.csv", C))
    )
)


def test_a_pipeline() -> None:
    found = _read({"dvc.yaml": PIPELINE, "dvc.lock": LOCK})
    assert found.stages == ("train",)
    assert found.has_lock
    kinds = {out.path: (out.kind, out.cached, out.pushed, out.stage) for out in found.outputs}
    assert kinds == {
        "model.pkl": ("out", True, True, "train"),
        "log.txt": ("out", False, False, "train"),
        "metrics.json": ("metric", False, True, "train"),
        "roc.csv": ("plot", True, True, "train"),
    }
    assert found.metrics == ("live/metrics.json", "metrics.json")
    assert found.has_plots
    assert found.param_files == ("conf.yaml", "params.yaml", "other.toml")
    assert found.locked_params == (
        ("params.yaml", "train.depth", 3),
        ("other.toml", "x", [1, 2]),
    )
    assert found.artifacts == (Artifact("best", "model.pkl", "model", "The best"),)


def test_a_pipeline_that_never_ran() -> None:
    found = _read({"dvc.yaml": PIPELINE})
    assert not found.has_lock
    assert found.outputs == ()
    assert found.metrics == ("live/metrics.json", "metrics.json")


def test_a_pipeline_in_a_folder() -> None:
    found = _read({"ml/dvc.yaml": PIPELINE, "ml/dvc.lock": LOCK})
    assert found.stages == ("ml/dvc.yaml:train",), "as DVC calls it"
    assert found.outputs[0].path == "ml/model.pkl"
    assert found.metrics == ("ml/live/metrics.json", "ml/metrics.json")
    assert found.param_files[0] == "ml/conf.yaml"
    assert found.artifacts[0].path == "ml/model.pkl"


def test_several_pipelines_are_one_project() -> None:
    found = _read(
        {
            "dvc.yaml": PIPELINE,
            "dvc.lock": LOCK,
            "sub/dvc.yaml": "stages: {b: {cmd: b, metrics: [m.json]}}",
        }
    )
    assert found.stages == ("train", "sub/dvc.yaml:b")
    assert found.metrics[-1] == "sub/m.json"
    assert found.has_lock


def test_dvc_projects_further_down_are_others() -> None:
    found = _read(
        {"sub/.dvc/config": "", "sub/dvc.yaml": PIPELINE, "sub/x.dvc": "outs: [{path: x}]"}
    )
    assert found == DvcFiles()


def test_wdir() -> None:
    found = _read(
        {
            "a/dvc.yaml": "stages: {s: {cmd: x, wdir: ../b, outs: [o], metrics: [m.json]}}",
            "a/dvc.lock": _lock(
                s=f"outs: [{{path: o, md5: {A}}}]\n    params: {{p.yaml: {{x: 1}}}}"
            ),
        }
    )
    assert [out.path for out in found.outputs] == ["b/o"]
    assert found.metrics == ("b/m.json",)
    assert found.locked_params == (("b/p.yaml", "x", 1),)


def test_templating_is_matched_against_the_lock() -> None:
    found = _read(
        {
            "dvc.yaml": "vars: [{dir: out}]\n"
            "stages:\n  s:\n    cmd: x\n    outs: ['${dir}/m.pkl']\n"
            "    metrics:\n      - ${dir}/scores.${name}.json: {cache: false}\n",
            "dvc.lock": _lock(
                s=f"outs: [{{path: out/m.pkl, md5: {A}}}, {{path: out/scores.v1.json, md5: {B}}}]"
            ),
        }
    )
    assert {out.path: (out.kind, out.cached) for out in found.outputs} == {
        "out/m.pkl": ("out", True),
        "out/scores.v1.json": ("metric", False),
    }
    assert found.metrics == ("out/scores.v1.json",)


@pytest.mark.parametrize(
    "head",
    ["foreach: [x, y]\n    do:\n      ", "matrix: {item: [x, y]}\n    "],
    ids=["foreach", "matrix"],
)
def test_foreach_and_matrix(head: str) -> None:
    indent = head.rsplit("\n", 1)[1]
    body = f"cmd: x\n{indent}metrics: ['${{item}}/m.json']\n"
    found = _read(
        {
            "dvc.yaml": f"stages:\n  s:\n    {head}{body}",
            "dvc.lock": _lock(
                s__x=f"outs: [{{path: x/m.json, md5: {A}}}]",
                s__y=f"outs: [{{path: y/m.json, md5: {B}}}]",
                sz=f"outs: [{{path: z/m.json, md5: {C}}}]",
            ),
        }
    )
    assert found.stages == ("s",)
    assert [out.stage for out in found.outputs] == ["s@x", "s@y"]
    assert found.metrics == ("x/m.json", "y/m.json")


def test_foreach_with_a_folder_for_each() -> None:
    found = _read(
        {
            "dvc.yaml": "stages: {s: {foreach: [x], do: {cmd: c, wdir: '${item}', outs: [o]}}}",
            "dvc.lock": _lock(s__x=f"outs: [{{path: o, md5: {A}}}]"),
        }
    )
    assert [out.path for out in found.outputs] == ["x/o"]


def test_a_stage_that_is_no_longer_there_does_not_count() -> None:
    lock = LOCK.replace("  train:", "  old:")
    assert _read({"dvc.yaml": PIPELINE, "dvc.lock": lock}).outputs == ()


def test_metrics_do_not_reach_out_of_the_project() -> None:
    assert _read({"dvc.yaml": "metrics: [../m.json, /etc/passwd, ok.json]"}).metrics == ("ok.json",)


@pytest.mark.parametrize("text", ["", "# nothing\n", "stages:\n", "stages: {}", "stages: {a: }"])
def test_nothing_is_fine(text: str) -> None:
    assert _read({"dvc.yaml": text, "dvc.lock": ""}).outputs == ()


# --- what DVC did not write ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        {"dvc.yaml": "[a, b]"},
        {"dvc.yaml": "stages: [a]"},
        {"dvc.yaml": "stages: {a: {outs: {b: c}}}", "dvc.lock": "stages: {a: [b]}"},
        {"dvc.yaml": "stages: {a: [b]}"},
        {"dvc.yaml": "stages: {a: {cmd: x}}", "dvc.lock": "[a]"},
        {"dvc.yaml": "stages: {a: {cmd: x}}", "dvc.lock": "stages: [a]"},
        {"dvc.yaml": "stages: {a: {cmd: x}}", "dvc.lock": _lock(a="outs: [{md5: x}]")},
        {"dvc.yaml": "stages: {a: {metrics: [5: {cache: false}, {}]}}"},
        {"dvc.yaml": "metrics: 5"},
        {"dvc.yaml": "artifacts: [a]"},
        {"x.dvc": "outs: {path: x}"},
        {"x.dvc": "outs: [x]"},
        {"x.dvc": "outs: [{md5: x}]"},
        {"x.dvc": "text"},
    ],
)
def test_what_dvc_did_not_write(content: dict[str, str]) -> None:
    with pytest.raises(RepositoryError, match="This is not what DVC expects in ") as caught:
        _read(content)
    assert caught.value.exit_code == 2
    assert caught.value.file in content
    assert "dvc status" in (caught.value.hint or "")


def test_what_is_no_yaml_is_named() -> None:
    with pytest.raises(AssayError) as caught:
        _read({"dvc.yaml": "stages:\n\ta: 1"})
    assert caught.value.where == "dvc.yaml:2"


def test_parameters_and_models_outside_of_the_project_are_none_of_ours() -> None:
    """A report shows the values of the one, and the size of the other."""
    found = _read(
        {
            "dvc.yaml": "params: [../../secret.yaml, /etc/secret.yaml, own.yaml]\n"
            "artifacts: {m: {path: ../m.pkl, type: model}, n: {path: n.pkl, type: model}}\n"
            "stages: {a: {cmd: x}}\n",
            "dvc.lock": _lock(a="params: {/etc/locked.yaml: {k: 1}}"),
        }
    )
    assert found.param_files == ("own.yaml",)
    assert [artifact.path for artifact in found.artifacts] == ["n.pkl"]


@pytest.mark.parametrize(
    ("text", "path", "matches"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/bc", False),
        ("${x}", "anything", True),
        ("m/${x}.pkl", "m/a.pkl", True),
        ("m/${x}.pkl", "m/a.json", False),
        ("${x}/${y}.${z}", "a/b.c", True),
        ("${x}/${y}.${z}", "a.b", False),
        ("a${x}a", "a", False),
        ("a${x}b${y}b", "ab", False),
        ("a.${x}", "ab", False),
        ("${a}" * 30 + "x", "a" * 1000, False),
        ("${a}b" * 30, "a" * 1000, False),
    ],
)
def test_what_a_template_can_stand_for(text: str, path: str, matches: bool) -> None:
    declared = dvcfiles._Declared(text, "out", cached=True, pushed=True)
    assert declared.matches(path) is matches
