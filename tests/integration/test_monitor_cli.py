"""`assay monitor` as people and workflows call it: what is printed, outputs, exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from assay.cli import app
from assay.errors import ConfigError, UsageError
from assay.release import gto
from assay.release.deployed import _chosen
from typer.testing import CliRunner

from tests.monitor_worlds import World, packaged

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-11-03"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(tmp_path, packaged(tmp_path / "bundle"))
    (tmp_path / "logs").mkdir()
    (tmp_path / ".git").mkdir()
    spec = {
        "log": {"path": "logs/*.parquet"},
        "alerts": {"issue": False},
        "hysteresis": {"windows": 1, "of": 1},
    }
    (tmp_path / "assay.yaml").write_text(yaml.safe_dump({"monitor": spec}))
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_TOKEN", "ASSAY_TOKEN", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return found


def test_drift_is_told_within_80_columns_and_as_outputs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(world.day(temperature=9, season="a" * 50 + "`|<b>\x1b[31m"))
    outputs = world.root / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    command = ["monitor", "--bundle", str(world.made.folder), "--until", DAY]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1, done.output
    assert max(map(len, done.output.splitlines())) <= 80
    assert "temperature" in done.output
    assert "\x1b" not in done.output
    said = outputs.read_text()
    assert "drift\n" in said
    assert "true\n" in said
    assert "2026-11-02T00:00:00+00:00/2026-11-03T00:00:00+00:00" in said


def test_json_is_all_of_standard_output(world: World) -> None:
    world.write(world.day())
    command = ["monitor", "--json", "--bundle", str(world.made.folder), "--until", DAY]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["state"]["newest"] == "quiet"


def test_nobody_can_say_is_5(world: World) -> None:
    done = CliRunner().invoke(app, ["monitor", "--bundle", str(world.made.folder)])
    assert done.exit_code == 5
    assert "no row" in done.output


def test_a_time_that_is_none(world: World) -> None:
    done = CliRunner().invoke(app, ["monitor", "--until", "yesterday"])
    assert isinstance(done.exception, UsageError)
    assert "'yesterday'" in done.exception.message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"log": {"path": "lgs"}},
            ("assay.yaml:path: lgs", "There is no lgs. Correct the path, or let the server write"),
        ),
        (
            {"labels": {"path": "truth.csv"}},
            (
                "assay.yaml:path: truth.csv",
                "There is no truth.csv. Correct the path; where labels are still to come",
            ),
        ),
        (
            {"reference": {"path": "reference.csv"}},
            (
                "assay.yaml:path: reference.csv",
                "There is no reference.csv. Correct the path; what DVC tracks",
            ),
        ),
        (
            {"log": {"connection": "LOG_DB", "table": "t"}},
            (
                "assay.yaml:connection: LOG_DB",
                "The environment variable LOG_DB is not set. Pass it to the step",
            ),
        ),
        (
            {"metrics": {"rocauc": 0.1}},
            ("assay.yaml:rocauc: 0.1", "There is no metric 'rocauc' that could be watched."),
        ),
        (
            {"bounds": {"temprature": 0.1}},
            ("assay.yaml:temprature: 0.1", "`monitor.bounds` names 'temprature', which the model"),
        ),
    ],
    ids=["log", "labels", "reference", "connection", "metric", "bound"],
)
def test_what_is_wrong_in_assay_yaml_is_told_with_its_line(
    world: World, changed: dict[str, object], said: tuple[str, str]
) -> None:
    path = world.root / "assay.yaml"
    spec = yaml.safe_load(path.read_text())["monitor"]
    text = yaml.safe_dump({"monitor": {**spec, **changed}}, sort_keys=False)
    path.write_text(text)
    world.write(world.day())
    done = CliRunner().invoke(app, ["monitor", "--bundle", str(world.made.folder)])
    error = done.exception
    assert isinstance(error, UsageError), done.output
    assert error.exit_code == 2
    assert f"{error.file}:{text.splitlines()[(error.line or 0) - 1].strip()}" == said[0]
    assert f"{error.message} {error.hint}".startswith(said[1])


def test_without_the_key_there_is_nothing_to_watch(world: World) -> None:
    (world.root / "assay.yaml").write_text("metrics: {}\n")
    done = CliRunner().invoke(app, ["monitor"])
    assert isinstance(done.exception, ConfigError)
    assert "docs/monitor.md" in (done.exception.hint or "")
    # `assay serve --log logs` writes JSON lines: a pattern of Parquet would find nothing.
    assert "`monitor: {log: {path: logs}}`" in (done.exception.hint or "")


def tag(ref: str, time: int, commit: str = "c" * 40) -> gto.Tag:
    name = gto.parse(ref)
    assert name is not None
    return gto.Tag(ref, name, commit, time)


def test_the_version_of_an_environment_else_the_newest_release() -> None:
    tags = [
        tag("bikes@v1.0.0", 1, "a" * 40),
        tag("bikes@v1.1.0", 2, "b" * 40),
        tag("bikes#production#1", 3, "a" * 40),
    ]
    registry = gto.registry(tags)
    assert _chosen(registry, "production").version == "v1.0.0"
    assert _chosen(registry, None).version == "v1.1.0"
    with pytest.raises(UsageError, match="No version is deployed in `staging`"):
        _chosen(registry, "staging")


def test_what_is_not_certain_is_asked_for() -> None:
    with pytest.raises(UsageError, match="No version was ever released"):
        _chosen(gto.registry([]), None)
    two = gto.registry([tag("bikes@v1.0.0", 1), tag("cars@v2.0.0", 2, "d" * 40)])
    with pytest.raises(UsageError, match=r"Several models are released: bikes@v1.0.0, cars@v2.0.0"):
        _chosen(two, None)
