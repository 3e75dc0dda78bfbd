"""Real engines: a local Spark, and a PostgreSQL server of our own. `make warehouses` runs these."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
if importlib.util.find_spec("pyspark") is None:  # .venv has no Spark
    collect_ignore = [path.name for path in HERE.glob("test_*.py")]

SPARK = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.session.timeZone": "UTC",
    # Compiling Java code takes longer than a few rows do.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A session of Spark in this machine."""
    from pyspark.sql import SparkSession

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        builder = SparkSession.builder.master("local[1]")
        for key, value in SPARK.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


def _postgres() -> str | None:
    """The folder of PostgreSQL's programs; Debian keeps them off everybody's `PATH`."""
    found = shutil.which("initdb")
    if found is not None:
        return str(Path(found).resolve().parent)
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(installed[-1].parent) if installed else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server that this test run owns, with a password in it."""
    programs = _postgres()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian, Ubuntu: apt install postgresql)")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        Path(folder).chmod(0o777)
        secret = Path(folder) / "secret"
        secret.write_text("s3cr3t-pw\n", encoding="utf-8")
        secret.chmod(0o644)
        data = f"{folder}/data"
        initdb = [f"{programs}/initdb", "-D", data, "-U", "assay", "-A", "scram-sha-256"]
        _run([*initdb, "--pwfile", str(secret), "-E", "UTF8", "--locale", "C"], folder)
        control = [f"{programs}/pg_ctl", "-D", data, "-l", f"{folder}/log"]
        options = f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off"
        _run([*control, "-w", "-o", options, "start"], folder)
        try:
            yield f"postgres://assay:s3cr3t-pw@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)


def _run(command: list[str], folder: str) -> None:
    """Run as somebody else than root, whom the server refuses; a pipe would stay open with it."""
    user: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, check=True, cwd=folder, **quiet, **user)
