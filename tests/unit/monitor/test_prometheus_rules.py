"""The alert rules: Prometheus' own test tool says when they fire, and that calm stays calm."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
RULES = ROOT / "docs" / "monitoring" / "assay-rules.yml"
CASES = ("prometheus_rules.yml", "prometheus_rules_days.yml")


def promtool(*args: str | Path) -> tuple[int, str]:
    program = programs.find("promtool")
    assert program is not None
    done = subprocess.run([program, *args], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def expected() -> Iterator[tuple[str, bool]]:
    """Which alerts the cases expect, and whether they are to fire."""
    for name in CASES:
        for one in yaml.safe_load((HERE / name).read_text(encoding="utf-8"))["tests"]:
            for case in one.get("alert_rule_test", ()):
                yield case["alertname"], bool(case["exp_alerts"])


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("cases", CASES)
def test_they_fire_when_they_should_and_only_then(cases: str) -> None:
    code, said = promtool("test", "rules", HERE / cases)
    assert code == 0, said


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    ("before", "after"),
    [("for: 5m", "for: 4m"), (">= 3", ">= 2")],
)
def test_the_cases_notice_a_change(tmp_path: Path, before: str, after: str) -> None:
    text = RULES.read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "changed.yml").write_text(text.replace(before, after))
    cases = (HERE / CASES[0]).read_text(encoding="utf-8")
    (tmp_path / "cases.yml").write_text(
        cases.replace("../../../docs/monitoring/assay-rules.yml", "changed.yml")
    )
    code, said = promtool("test", "rules", tmp_path / "cases.yml")
    assert code == 1
    assert "FAILED" in said


@pytest.mark.needs("promtool")
def test_promtool_takes_them() -> None:
    code, said = promtool("check", "rules", "--lint-fatal", RULES)
    assert code == 0, said


def test_each_is_seen_firing_and_not_firing() -> None:
    names = [one["alert"] for one in rules()]
    assert len(set(names)) == len(names)
    found = set(expected())
    quiet = {"AssayFeatureMoved", "AssayPredictionMoved"}
    assert {name for name, fires in found if fires} == set(names)
    # The calm days, where no alert at all is even pending, see the others.
    assert quiet <= {name for name, fires in found if not fires}


def test_each_says_what_where_and_what_to_do() -> None:
    headings = re.findall(
        r"^### (\w+)$", (ROOT / "docs" / "prometheus.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    for one in rules():
        assert one["labels"]["severity"] in ("critical", "warning")
        notes = one["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        assert one["alert"] in headings
        page = "https://github.com/your-org/assay/blob/v1/docs/prometheus.md"
        assert notes["runbook_url"] == f"{page}#{one['alert'].lower()}"
    assert [name for name in headings if name.startswith("Assay")] == [
        one["alert"] for one in rules()
    ]
