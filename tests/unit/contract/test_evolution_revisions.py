"""A schema at base and now, with real git and real processes; and how the report tells of it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from assay.contract.evolution import fingerprint
from assay.contract.evolution.revisions import Asked, base_schema, comparisons
from assay.contract.evolution.section import SchemaChange, SchemaComparison
from assay.report import contractchange
from assay.report.escape import markdown
from assay.section import Reason

from tests.builders import write
from tests.repos import Repo

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """\
import os
import pandera.pandas as pa
from pandera.typing import Series

from limits import LIMIT
import helpers.most

assert "GITHUB_TOKEN" not in os.environ
print("loaded")


class Schema(pa.DataFrameModel):
    hour: Series[int] = pa.Field(ge=0, le=23)
    share: Series[float] = pa.Field(le=LIMIT, nullable=True)

    @pa.check("share", name="mostly_there")
    @classmethod
    def mostly_there(cls, share: Series[float]) -> bool:
        return share.isna().mean() <= helpers.most.MISSING


class Other(pa.DataFrameModel):
    x: Series[int]
"""
FILES = {
    "ml/schema.py": SCHEMA,
    "ml/limits.py": "LIMIT = 1.0\n",
    "ml/helpers/__init__.py": "",
    "ml/helpers/most.py": "MISSING = 0.15\n",
    "ml/notes.md": "",
}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def _compare(repo: Repo, base: str, *references: str) -> list[SchemaComparison]:
    environ = {**os.environ, "GITHUB_TOKEN": "secret"}
    asked = [Asked(each) for each in references]
    lines: list[str] = []
    found = comparisons(repo.git("ml"), base, asked, environ=environ, on_line=lines.append)
    return list(found)


def test_base_is_loaded_from_its_own_files(repo: Repo) -> None:
    base = repo.commit(FILES)
    changed = SCHEMA.replace("le=23", "le=24")
    write(repo.root, {"ml/schema.py": changed, "ml/limits.py": "LIMIT = 0.5\n"})
    write(repo.root, {"ml/helpers/most.py": "MISSING = 0.2\n"})
    write(repo.root, {"ml/new.py": SCHEMA})
    (schema, other, new, nowhere, none) = _compare(
        repo,
        base,
        *("schema.py:Schema", "schema.py:Other", "new.py:Other", "nowhere.py", "limits.py:LIMIT"),
    )
    assert [(c.column, c.aspect, c.effect, c.base, c.head) for c in schema.changes] == [
        ("hour", "range", "widens", "0 to 23", "0 to 24"),
        ("share", "range", "narrows", "at most 1.0", "at most 0.5"),
        ("share", "check", "unknown", "mostly_there", "mostly_there"),
    ]
    assert other.changes == ()
    assert new == SchemaComparison(reference="new.py:Other", added=True)
    assert nowhere.problem is not None
    assert "nowhere.py does not exist" in nowhere.problem.message
    assert none.problem is not None
    assert none.problem.severity == "note"
    assert repo.git().run("status", "--porcelain").stdout.split() == [
        *(b"M", b"ml/helpers/most.py", b"M", b"ml/limits.py", b"M", b"ml/schema.py"),
        *(b"??", b"ml/new.py"),
    ]


def test_nothing_runs_where_no_code_changed(repo: Repo) -> None:
    base = repo.commit({**FILES, "ml/schema.py": "raise SystemExit"})
    write(repo.root, {"ml/notes.md": "changed"})
    assert _compare(repo, base, "schema.py") == [SchemaComparison(reference="schema.py")]


def test_a_module_that_ends_the_process(repo: Repo) -> None:
    base = repo.commit({"ml/schema.py": "import os\nos._exit(3)\n"})
    found = base_schema(
        repo.git("ml"), base, "schema.py", environ=os.environ, on_line=lambda _: None
    )
    assert found.description is None
    assert found.exit_code == 2
    assert found.problem is not None
    assert "ended with exit code 3" in found.problem.message


def _function(folder: Path, source: str) -> str:
    """The fingerprint of `check` in a module."""
    name = f"fingerprinted{len(list(folder.iterdir()))}"
    write(folder, {f"{name}.py": source})
    sys.path.insert(0, str(folder))
    try:
        return fingerprint.of(__import__(name).check)
    finally:
        sys.path.remove(str(folder))
        del sys.modules[name]


SOURCE = """\
LIMIT = {"a": 1, "b": {2, 3}}
def helper(x):
    return x
def check(x, y=2):
    return helper(x) > len(LIMIT)
"""


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("LIMIT =", "# A comment.\nLIMIT  =", True),
        ("    return helper", '    """Told."""\n    return helper', True),
        ("{2, 3}", "{3, 2}", True),
        ("{2, 3}", "{3, 4}", False),
        ("return x", "return x + 1", False),
        ("y=2", "y=3", False),
        (">", ">=", False),
        ("LIMIT =", "UNUSED = 3\nLIMIT =", True),
    ],
)
def test_whether_a_function_is_still_the_same(
    old: str, new: str, same: bool, tmp_path: Path
) -> None:
    before = _function(tmp_path, SOURCE)
    assert (_function(tmp_path, SOURCE.replace(old, new, 1)) == before) is same


LAMBDAS = """\
def make(check):
    return check
check = make(
    check=lambda x: x in {"a", "b", "c", "d"})
"""


def test_a_lambda_is_the_same_in_another_process(tmp_path: Path) -> None:
    write(tmp_path, {"some.py": LAMBDAS})
    script = "import some; from assay.contract.evolution import fingerprint as f; "
    found = {
        subprocess.run(
            [sys.executable, "-c", f"{script}print(f.of(some.check))"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(found) == 1
    other = LAMBDAS.replace('"d"', '"e"')
    assert _function(tmp_path, LAMBDAS) != _function(tmp_path, other)


COMPARISONS = [
    SchemaComparison(
        reference="schema.py:Schema",
        changes=(
            SchemaChange(
                column="hr", aspect="range", base="0 to 23", head="0 to 24", effect="widens"
            ),
            SchemaChange(column="a|b", aspect="column", base="int64, required", effect="both"),
            SchemaChange(
                column="temp",
                aspect="check",
                name="rises",
                base="rises",
                head="rises",
                effect="unknown",
            ),
            SchemaChange(column="cnt", aspect="range", head="at most 9", effect="narrows"),
            SchemaChange(aspect="check", name="adds_up", head="adds_up", effect="narrows"),
            SchemaChange(aspect="parser", effect="unknown"),
            SchemaChange(
                column="sky", aspect="categories", new="fog, hail", gone="mist", effect="both"
            ),
        ),
    ),
    SchemaComparison(reference="new.py:Schema", added=True),
    SchemaComparison(reference="old.py", problem=Reason(message="It has no `X`.")),
]
ROWS = [
    "`Schema` <code>a&#124;b</code>: column removed, `int64, required` | more, and less | ❌ yes",
    "`Schema` `cnt`: range any → `at most 9` | less | ❌ yes",
    "`Schema` check `adds_up` added | less | ❌ yes",
    "`Schema` `sky`: values `fog, hail` added, `mist` removed | more, and less | ❌ yes",
    "`Schema` `temp`: check `rises` changed in its code | not known | ⚠️ perhaps",
    "`Schema` parser changed | not known | ⚠️ perhaps",
    "`Schema` `hr`: range `0 to 23` → `0 to 24` | more | no",
]


def test_the_report_tells_what_breaks_first() -> None:
    told = [" | ".join(map(markdown, row)) for row in contractchange.rows(COMPARISONS)]
    assert told == ROWS
    assert contractchange.counted(COMPARISONS) == "7 changes, 4 breaking, 2 perhaps breaking"
    notes = ["".join(map(str, note)) for note in contractchange.notes(COMPARISONS)]
    assert len(notes) == 2


def test_nothing_to_tell() -> None:
    unchanged = [SchemaComparison(reference="schema.py")]
    assert contractchange.rows(unchanged) == ()
    assert contractchange.counted(unchanged) == "0 changes"
