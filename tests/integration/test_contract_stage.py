"""The contract where a user meets it: through the stage, the report's files and the program."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import duckdb
import pytest
from assay.contract import failing
from assay.section import Status
from assay.stages import report, validate

from tests.builders import make_context, printed, write

if TYPE_CHECKING:
    from pathlib import Path

    from assay.stages.validate import FileResult, ValidateSection

    from tests.repos import Project

SCHEMA = """\
import pandera.pandas as pa


class Schema(pa.DataFrameModel):
    id: int = pa.Field(unique=True)
    y: int = pa.Field(isin=[0, 1])
"""
LARGE = 20_000_000


def run(root: Path, entry: str, **options: object) -> ValidateSection:
    return validate.run(make_context(root, f"data: [{{{entry}}}]", **options))  # type: ignore[arg-type]


def ways(file: FileResult) -> dict[str, str]:
    return {check.check: check.how for check in file.plan}


def large(path: Path) -> None:
    """More bytes than Pandera is given at once, and one row that is wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute(
        "COPY (SELECT i AS id, CASE i WHEN 70000 THEN 7 ELSE i % 2 END AS y,"
        " CASE i WHEN 70000 THEN 'x?' ELSE i::TEXT END AS mixed,"
        f" repeat(md5(i::TEXT), 7) AS padding FROM range(90000) t(i)) TO '{path}' (HEADER)"
    )


def test_a_large_file_is_scanned_and_its_rows_keep_their_numbers(tmp_path):
    large(tmp_path / "data/a.csv")
    entry = "path: data/a.csv, schema: schema.py, rows: {min: 100000}"
    write(tmp_path, {"schema.py": SCHEMA, "assay.yaml": f"\ndata: [{{{entry}}}]\n"})
    assert (tmp_path / "data/a.csv").stat().st_size > LARGE
    section = run(tmp_path, entry)
    (file,) = section.files
    assert [(one.file, one.line) for one in file.failures] == [("schema.py", 6), ("assay.yaml", 2)]
    assert section.exit_code == 1
    assert set(ways(file).values()) == {"scan"}
    assert [reason.message for reason in section.reasons] == [
        "data/a.csv: column `y` fails `isin([0, 1])` in 1 of 90,000 rows (row 70000: 7).",
        "data/a.csv: the table fails `rows(min=100000)` (90,000 rows).",
    ]
    assert file.failing_rows is not None
    rows = (tmp_path / ".assay" / file.failing_rows).read_text().splitlines()
    assert len(rows) == 2
    assert rows[1].startswith('70000,"y: isin([0, 1])",70000,7,x?,')


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database whose table `rides` has a wrong row."""
    path = tmp_path / "rides.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE rides AS SELECT i AS id, CASE i WHEN 7 THEN 7 ELSE i % 2 END AS y,"
            " TIMESTAMP '2026-01-01' AS at FROM range(100) t(i)"
        )
    return f"duckdb://{path}"


def test_a_table_of_a_database_with_promises_beside_its_schema(tmp_path, database, monkeypatch):
    monkeypatch.setenv("RIDES_URL", database)
    write(tmp_path, {"schema.py": SCHEMA, "data/ids.csv": "id\n" + "\n".join(map(str, range(99)))})
    section = run(
        tmp_path,
        "connection: RIDES_URL, table: rides, schema: schema.py,"
        " fresh: {column: at, within: 2 days}, references: [{columns: id, to: data/ids.csv}]",
    )
    assert section.exit_code == 1
    assert [failure.check for failure in section.files[0].failures] == [
        "isin([0, 1])",
        "references('data/ids.csv')",
        "fresh(within='2 days')",
    ]
    assert section.files[0].failures[1].examples == ("99",)


def test_a_database_without_its_variable(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA})
    section = run(tmp_path, "connection: RIDES_URL, table: rides, schema: schema.py")
    assert (section.exit_code, section.reasons[0].key) == (2, ("data", 0, "connection"))
    assert "RIDES_URL is not set" in section.reasons[0].message


def test_what_a_promise_cannot_tell_stands_beside_what_the_schema_says(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA, "data/a.csv": "id,y\n1,0\n1,5\n"})
    section = run(
        tmp_path,
        "path: data/a.csv, schema: schema.py, references: [{columns: id, to: data/none.csv}]",
    )
    (file,) = section.files
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    assert [failure.check for failure in file.failures] == ["field_uniqueness", "isin([0, 1])"]
    assert file.error == "`data.0.references.0.to`: data/none.csv does not exist."


def test_a_file_is_read_where_the_remote_has_it(cloned: Project):
    entry = "path: data/raw.csv, schema: schema.py, remote: true"
    cloned.write({"schema.py": SCHEMA.replace("[0, 1]", "[0]")})
    assert not (cloned.root / "data/raw.csv").exists()
    section = validate.run(cloned.context(config=f"data: [{{{entry}}}]"))
    (failure,) = section.files[0].failures
    assert (section.exit_code, failure.check, failure.count) == (1, "isin([0])", 100)
    assert not (cloned.root / "data/raw.csv").exists()


def test_rows_are_held_against_those_of_base(project: Project):
    before = (project.root / "data/raw.csv").read_text().splitlines()
    project.write({"schema.py": SCHEMA, "data/raw.csv": "\n".join(before[:200]) + "\n"})
    config = "data: [{path: data/raw.csv, schema: schema.py, rows: {max_drop: 0.1}}]"
    section = validate.run(project.context(base="HEAD", config=config))
    assert [reason.message for reason in section.reasons] == [
        "data/raw.csv: the table fails `rows(max_drop=0.1)` (199 rows, base has 300)."
    ]


def test_failing_rows_are_bundled_for_the_artifact(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA, "data/a.csv": "id,y\n1,0\n2,5\n"})
    context = make_context(tmp_path, "data: [{path: data/*.csv, schema: schema.py}]")
    section = validate.run(context)
    state = tmp_path / ".assay"
    record = context.record.model_copy(update={"validation": section})
    (state / failing.BUNDLE).write_bytes(b"the user's code left this")
    report._bundle(record, state)
    with zipfile.ZipFile(state / failing.BUNDLE) as archive:
        (name,) = archive.namelist()
        assert name == section.files[0].failing_rows
        assert archive.read(name).decode().splitlines() == [
            "(row),(fails),id,y",
            '1,"y: isin([0, 1])",2,5',
        ]
    report._bundle(context.record, state)
    assert not (state / failing.BUNDLE).exists()
    assert printed(context) == "validate: data/a.csv (2 rows) fail\n"


def assay(root: Path, *args: str, environ: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "assay.cli", *args],
        cwd=root,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


def test_contract_infer_and_diff_on_the_command_line(project: Project):
    environ = dict(project.environ)
    code, said = assay(
        project.root, "contract", "infer", "data/raw.csv", "-o", "schema.py", environ=environ
    )
    assert (code, said) == (
        0,
        "Written: schema.py. Read it, then name it in assay.yaml: `schema: schema.py`.\n",
    )
    project.write({"assay.yaml": "data: [{path: data/raw.csv, schema: schema.py}]"})
    assert validate.run(project.context()).exit_code == 0
    project.commit()
    schema = (project.root / "schema.py").read_text()
    project.write({"schema.py": schema.replace("[0, 1]", "[0]")})
    code, said = assay(project.root, "contract", "diff", "schema.py:Raw@HEAD", environ=environ)
    assert (code, said) == (0, "breaking          y: values 1 removed (accepts less)\n")
