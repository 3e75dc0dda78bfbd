"""Who serves the same model: how each is installed, started, asked, and what it answers.

All get what is known to make them faster at one row on one core, and that a person would set too:
uvloop and httptools where they fit in, no access log, one process, onnxruntime with one thread.
Only ours checks the row against a signature, keeps metrics, and logs requests and predictions.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.harness import Bench

SERVERS = Path(__file__).parent / "servers"
NAME = "peak-hour"
ROW = {
    "hour": 17,
    "working_day": 1,
    "temperature": 21.5,
    "humidity": 64.0,
    "windspeed": 13.0,
    "severity": 1.0,
    "wet_lately": 0.0,
}
"""One row of the example's features."""
WHOLE = ("hour", "working_day")
"""Columns of int64; the others are float64."""
Json = Any


@dataclass(frozen=True)
class Server:
    """One way to serve the model on a port of this machine."""

    name: str
    args: Callable[[int], Sequence[str | Path]]
    """Port -> the command that starts it."""
    path: str
    body: bytes
    read: Callable[[Json], float]
    """Its answer -> the probability of class 1, by which answers are held to be equal."""
    env: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Models:
    """The same model in every form in which somebody takes it."""

    bundle: Path
    key: Path
    """The public key that vouches for the bundle."""
    joblib: Path

    @property
    def onnx(self) -> Path:
        return self.bundle / "model.onnx"


def v2() -> bytes:
    """The row as the Open Inference Protocol writes it."""
    inputs = [
        {
            "name": name,
            "shape": [1, 1],
            "datatype": "INT64" if name in WHOLE else "FP64",
            "data": [value],
        }
        for name, value in ROW.items()
    ]
    return json.dumps({"inputs": inputs}).encode()


def _of_v2(answer: Json) -> float:
    outputs = {one["name"]: one["data"] for one in answer["outputs"]}
    return float(outputs["probabilities"][1])


def ours(models: Models, folder: Path) -> list[Server]:
    """Validation, metrics, the access log and the prediction log are on; the signature is verified.

    Twice, by the protocol that is asked: rows, as FastAPI's users send them, and V2 as MLServer's.
    """

    def args(port: int) -> Sequence[str | Path]:
        assay = Path(sys.executable).parent / "assay"
        flags = [f"--port={port}", f"--key={models.key}", "--access-log", f"--log={folder}"]
        return [assay, "serve", models.bundle, *flags]

    rows = json.dumps({"rows": [ROW]}).encode()
    return [
        Server(
            "ours, rows",
            args,
            "/predict",
            rows,
            lambda answer: float(answer["predictions"][0]["probabilities"]["1"]),
        ),
        Server("ours, V2", args, f"/v2/models/{NAME}/infer", v2(), _of_v2),
    ]


def peers(bench: Bench, models: Models) -> tuple[list[Server], dict[str, str]]:
    """The servers that could be installed here, and why the others could not."""
    found: list[Server] = []
    missing: dict[str, str] = {}
    for make in (_starlette, _fastapi, _mlserver, _mlflow, _bentoml):
        try:
            found += make(bench, models)
        except subprocess.CalledProcessError as error:
            missing[make.__name__.strip("_")] = f"exit code {error.returncode} at its installation"
    return found, missing


def _same(*names: str) -> list[str]:
    """The versions that we run with."""
    return [f"{name}=={version(name)}" for name in names]


def _uvicorn(bench: Bench, models: Models, app: str, *packages: str) -> dict[str, Any]:
    own = ("uvicorn", "uvloop", "httptools", "onnxruntime", "numpy")
    programs = bench.venv(f"serve-{app}", *_same(*packages, *own))
    flags = ["--no-access-log", f"--app-dir={SERVERS}"]
    return {
        "args": lambda port: [programs / "uvicorn", f"{app}:app", f"--port={port}", *flags],
        "env": {"BENCH_MODEL": str(models.onnx)},
        "body": json.dumps(ROW).encode(),
        "read": lambda answer: float(answer["probabilities"][1]),
    }


def _starlette(bench: Bench, models: Models) -> list[Server]:
    given = _uvicorn(bench, models, "starlette_app", "starlette", "orjson")
    return [Server(name="bare Starlette", path="/predict", **given)]


def _fastapi(bench: Bench, models: Models) -> list[Server]:
    given = _uvicorn(bench, models, "fastapi_app", "fastapi")
    return [
        Server(name="FastAPI", path="/plain", **given),
        Server(name="FastAPI, async", path="/eager", **given),
    ]


def _mlserver(bench: Bench, models: Models) -> list[Server]:
    programs = bench.venv("serve-mlserver", "mlserver==1.7.1", *_same("onnxruntime", "numpy"))
    folder = bench.folder("mlserver")
    settings = {
        "name": NAME,
        "implementation": "mlserver_runtime.Onnx",
        "parameters": {"uri": str(models.onnx)},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings), encoding="utf-8")

    def args(port: int) -> Sequence[str | Path]:
        # Without workers of its own the model is asked in the process that answers: faster here.
        ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
        server = {"debug": False, "parallel_workers": 0, "host": "127.0.0.1", **ports}
        (folder / "settings.json").write_text(json.dumps(server), encoding="utf-8")
        return [programs / "mlserver", "start", folder]

    path = f"/v2/models/{NAME}/infer"
    return [Server("MLServer", args, path, v2(), _of_v2, env={"PYTHONPATH": str(SERVERS)})]


def _mlflow(bench: Bench, models: Models) -> list[Server]:
    programs = bench.venv(
        "serve-mlflow", "mlflow>=3,<4", *_same("scikit-learn", "numpy", "pandas", "joblib")
    )
    folder = bench.scratch / "mlflow"
    env = {"PATH": f"{programs}:/usr/bin:/bin", "MLFLOW_DISABLE_TELEMETRY": "true"}
    save = [programs / "python", SERVERS / "mlflow_model.py", models.joblib, folder]
    subprocess.run(save, check=True, env=env, cwd=bench.scratch, capture_output=True)
    serve = [programs / "mlflow", "models", "serve", f"--model-uri={folder}"]
    flags = ["--env-manager=local", "--workers=1", "--host=127.0.0.1"]
    split = {"columns": list(ROW), "data": [list(ROW.values())]}
    return [
        Server(
            "mlflow",
            lambda port: [*serve, *flags, f"--port={port}"],
            "/invocations",
            json.dumps({"dataframe_split": split}).encode(),
            lambda answer: float(answer["predictions"][0][1]),
            env=env,
        )
    ]


def _bentoml(bench: Bench, models: Models) -> list[Server]:
    programs = bench.venv("serve-bentoml", "bentoml>=1.4,<2", *_same("onnxruntime", "numpy"))
    serve = [programs / "bentoml", "serve", "bentoml_service:PeakHour"]
    flags = [f"--working-dir={SERVERS}", "--host=127.0.0.1"]
    env = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "BENCH_MODEL": str(models.onnx),
        "BENTOML_HOME": str(bench.folder("bentoml")),
        "BENTOML_DO_NOT_TRACK": "true",
    }
    return [
        Server(
            "BentoML",
            lambda port: [*serve, *flags, f"--port={port}"],
            "/predict",
            json.dumps({"row": ROW}).encode(),
            lambda answer: float(answer["probabilities"][1]),
            env=env,
        )
    ]
