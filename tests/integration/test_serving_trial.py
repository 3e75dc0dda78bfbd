"""`assay serve-test`: a bundle in the real server, before it is released."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer
from assay import cliservetest
from assay.errors import UsageError
from assay.packaging.facts import InputSpec, Signature
from assay.packaging.profile import Numbers, Profile
from assay.serving import trial
from assay.serving.inputs import Column, Table
from assay.serving.trial import TrialError
from typer.testing import CliRunner

from tests import serving_bundles

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


app = typer.Typer()
app.command()(cliservetest.serve_test)


def run(*args: str, **environ: str) -> Result:
    return CliRunner().invoke(app, args, env=environ)


def test_a_good_bundle_passes(tmp_path: Path) -> None:
    made = serving_bundles.made(tmp_path)

    # What the environment says of another server is not this one's.
    done = subprocess.run(
        [sys.executable, "-m", "assay.cli", "serve-test", made.archive, "--rows", "120"],
        env={**os.environ, "ASSAY_SERVE_PORT": "x", "ASSAY_SERVE_ADMIN": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "peak-hour: the server is ready after" in done.stdout
    assert "120 rows: JSON rows, V2, V2 with binary tensors and TensorFlow" in done.stdout


def test_a_bundle_without_finite_answers_only_loads(tmp_path: Path) -> None:
    made = serving_bundles.made(tmp_path, behaviour="nan")

    done = run(str(made.folder), "--rows", "0", ASSAY_VERIFICATION_KEY=str(made.key))
    assert (done.exit_code, "rows" in done.stdout) == (0, False)

    done = run(str(made.folder))
    assert isinstance(done.exception, TrialError)
    assert '/predict answers 500: {"error":"The model gave no finite' in done.exception.message


def test_a_model_that_does_not_load_fails(tmp_path: Path) -> None:
    made = serving_bundles.made(tmp_path)
    (made.folder / "model.onnx").write_bytes(b"no graph")

    done = run(str(made.folder))

    assert isinstance(done.exception, TrialError)
    assert done.exception.exit_code == 1
    said = done.exception.message
    assert "The server ends before it is ready, with exit code 2." in said
    assert "model.onnx is not the file that was packaged" in said


def test_what_is_no_bundle_is_an_error(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "nothing", "There is no"), (tmp_path, "is no bundle")):
        done = run(str(path))
        assert isinstance(done.exception, UsageError)
        assert said in done.exception.message


def test_a_server_that_is_too_slow_fails(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="not ready in time"):
        trial.run(
            tmp_path,
            Signature(task="regression", inputs=(), outputs=()),
            None,
            name="x",
            root=tmp_path,
            rows=0,
            timeout=0.0,
        )


def test_rows_are_such_that_the_model_takes_them() -> None:
    signature = Signature(
        task="regression",
        inputs=(
            InputSpec(name="n", dtype="int8"),
            InputSpec(name="x", dtype="float32", nullable=True),
            InputSpec(name="b", dtype="bool"),
            InputSpec(name="c", dtype="string", categories=("a", "b")),
            InputSpec(name="t", dtype="string"),
        ),
        outputs=(),
    )
    edges = tuple(float(one) for one in range(100))
    profile = Profile(
        rows=1,
        features=(
            Numbers(name="n", count=1, nulls=0, edges=edges),
            *serving_bundles.profile().features,
        ),
        predictions=(),
    )

    rows = list(trial.made(signature, profile, 50))

    table = Table([Column.of(one, None) for one in signature.inputs], 100)
    assert table.rows(list(rows))["n"].shape == (50, 1)
    assert len({one["n"] for one in rows}) == 50
    assert {one["c"] for one in rows} == {"a", "b"}
