"""The validate stage: real files, a real Pandera schema, in the process that it really runs in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from assay.errors import ConfigError
from assay.section import Status
from assay.stages import validate

from tests.builders import make_context, printed, write

if TYPE_CHECKING:
    from pathlib import Path

    from assay.stages.validate import ValidateSection

SCHEMA = """\
import pandera.pandas as pa


class Schema(pa.DataFrameModel):
    hour: int = pa.Field(ge=0, le=23)
    season: str = pa.Field(isin=["winter", "spring", "summer", "fall"])
"""
POLARS = SCHEMA.replace("pandera.pandas", "pandera.polars")
GOOD = "hour,season\n0,winter\n23,fall\n"
BAD = "hour,season\n0,winter\n24,fall\n3,autumn\n"
CONFIG = "data: [{path: 'data/*.csv', schema: 'schema.py:Schema'}]"


def run(root: Path, config: str = CONFIG, **options: object) -> ValidateSection:
    return validate.run(make_context(root, config, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("schema", [SCHEMA, POLARS], ids=["pandas", "polars"])
def test_run_passes_on_every_file_of_a_glob(tmp_path, schema):
    write(tmp_path, {"schema.py": schema, "data/b.csv": GOOD, "data/a.csv": GOOD})
    write(tmp_path, {"data/a.csv.dvc": "outs: []", "data/.hidden.csv": "", "data/notes.md": ""})
    context = make_context(tmp_path, CONFIG)
    section = validate.run(context)
    assert (section.status, section.exit_code, section.reasons) == (Status.PASS, 0, ())
    assert [file.path for file in section.files] == ["data/a.csv", "data/b.csv"]
    first = section.files[0]
    assert (first.rows, first.columns, first.bytes) == (2, 2, len(GOOD))
    assert first.schema_name == "Schema"
    assert printed(context).splitlines() == [
        "validate: data/a.csv (2 rows) pass",
        "validate: data/b.csv (2 rows) pass",
    ]
    assert {path.name for path in (tmp_path / ".assay").iterdir()} == {".gitignore"}
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.parametrize("schema", [SCHEMA, POLARS], ids=["pandas", "polars"])
def test_run_collects_every_failure_of_every_file(tmp_path, schema):
    write(tmp_path, {"schema.py": schema, "data/a.csv": BAD, "data/b.csv": "hour\n99\n"})
    section = run(tmp_path)
    assert (section.status, section.exit_code) == (Status.FAIL, 1)
    assert [len(file.failures) for file in section.files] == [2, 2]
    found = {(reason.file, reason.line): reason.message for reason in section.reasons[:2]}
    assert found == {
        ("schema.py", 5): "data/a.csv: column `hour` fails `less_than_or_equal_to(23)` "
        "in 1 of 3 rows (row 1: 24).",
        ("schema.py", 6): "data/a.csv: column `season` fails "
        "`isin(['winter', 'spring', 'summer', 'fall'])` in 1 of 3 rows (row 2: 'autumn').",
    }
    assert "data/b.csv: column `season` is missing." in {r.message for r in section.reasons}


def test_run_reads_parquet(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA, "data/x": ""})
    frame = pd.DataFrame({"hour": [1, 99], "season": ["fall", "fall"]})
    frame.to_parquet(tmp_path / "data" / "a.parquet")
    section = run(tmp_path, "data: [{path: data/a.parquet, schema: schema.py}]")
    assert section.status is Status.FAIL
    assert section.files[0].failures[0].examples == ("row 1: 99",)


def test_run_without_data_says_how_to_add_it(tmp_path):
    section = run(tmp_path, "")
    assert section.status is Status.SKIPPED
    assert (section.reasons[0].severity, section.exit_code) == ("note", 0)
    assert "schema: schema.py:Schema" in (section.reasons[0].hint or "")


UNREADABLE = {
    "empty": (b"", "data/empty.csv is empty (0 bytes).", None),
    "encoding": (
        "hour,season\n1,\xe9t\xe9\n".encode("latin-1"),
        "data/encoding.csv is not UTF-8: line 2 has the byte 0xe9 at offset 14.",
        2,
    ),
    "ragged": (
        b"hour,season\n1,winter\n2,fall,3\n",
        "data/ragged.csv is ragged: line 3 has 3 fields, where the header has 2.",
        3,
    ),
}


def test_run_unreadable_files_are_errors_and_the_others_are_checked(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA, "data/a.csv": BAD, "data/z.csv": GOOD})
    write(tmp_path, {f"data/{name}.csv": content for name, (content, _, _) in UNREADABLE.items()})
    section = run(tmp_path)
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    assert [len(file.failures) for file in section.files] == [2, 0, 0, 0, 0]
    errors = [(file.path, file.error) for file in section.files if file.error is not None]
    wanted = {f"data/{name}.csv": (said, line) for name, (_, said, line) in UNREADABLE.items()}
    assert errors == [(path, wanted[path][0]) for path in sorted(wanted)]
    found = {reason.file: (reason.message, reason.line) for reason in section.reasons}
    assert {path: found[path] for path in wanted} == wanted


def test_run_cut_off_parquet(tmp_path):
    path = write(tmp_path, {"schema.py": SCHEMA, "data/x": ""}) / "data" / "a.parquet"
    pd.DataFrame({"hour": range(100)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    section = run(tmp_path, "data: [{path: data/a.parquet, schema: schema.py}]")
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    assert section.reasons[0].message.startswith("data/a.parquet is not a readable Parquet file")


def test_run_header_only_fails(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA, "data/a.csv": "hour,season\n"})
    section = run(tmp_path)
    assert (section.status, section.exit_code) == (Status.FAIL, 1)
    assert section.files[0].failures[0].check == "not_empty"
    assert section.reasons[0].message == "data/a.csv: the table has no rows."


def test_run_nothing_matches(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA, "other.csv": GOOD})
    config = (
        "data:\n  - {path: 'data/*.csv', schema: schema.py}\n"
        "  - {path: other.csv, schema: schema.py}\n  - {path: gone.csv, schema: schema.py}\n"
    )
    section = run(tmp_path, config)
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    messages = [reason.message for reason in section.reasons]
    assert messages == ["No file matches data/*.csv.", "gone.csv does not exist."]
    assert {file.path: file.error for file in section.files}["other.csv"] is None


SCHEMAS = {
    "imports.py": (
        "import nowhere_to_be_found\n",
        "imports.py imports `nowhere_to_be_found`, which is not installed.",
        1,
    ),
    "raises.py": (
        "\nraise RuntimeError('boom')\n",
        "raises.py cannot be imported: RuntimeError: boom.",
        2,
    ),
    "exits.py": (
        "raise SystemExit(0)\n",
        "exits.py ends the program when it is imported (sys.exit).",
        1,
    ),
}


def test_run_schemas_that_cannot_be_loaded(tmp_path):
    write(tmp_path, {"data/a.csv": GOOD, "data/b.csv": GOOD, "schema.py": SCHEMA})
    write(tmp_path, {name: code for name, (code, _, _) in SCHEMAS.items()})
    names = ["gone.py", *SCHEMAS, "schema.py"]
    entries = "".join(f"  - {{path: 'data/*.csv', schema: {name}}}\n" for name in names)
    section = run(tmp_path, f"data:\n{entries}")
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    found = [(reason.message, reason.file, reason.line) for reason in section.reasons]
    assert found == [
        ("The file gone.py does not exist.", None, None),
        *((message, name, line) for name, (_, message, line) in SCHEMAS.items()),
    ]
    assert [file.error for file in section.files] == [None, None]


@pytest.mark.parametrize(
    ("call", "code", "ending"),
    [
        ("os._exit(0)", 2, "ended with exit code 0"),
        ("os.kill(os.getpid(), 9)", 3, "was killed by SIGKILL"),
        ("os.abort()", 3, "was killed by SIGABRT"),
    ],
)
def test_run_schema_that_ends_the_process_is_never_a_pass(tmp_path, call, code, ending):
    schema = (
        SCHEMA
        + f"""
    @pa.dataframe_check
    def check_it(cls, frame):
        import os
        return True if len(frame) == 2 else {call}
"""
    )
    write(tmp_path, {"schema.py": schema, "data/a.csv": GOOD, "data/b.csv": GOOD + "1,fall\n"})
    section = run(tmp_path)
    assert (section.status, section.exit_code) == (Status.ERROR, code)
    assert section.files[0].error is None
    assert section.reasons[0].message == f"Validation {ending} while it worked on data/b.csv."
    assert section.reasons[0].file == "data/b.csv"


def test_run_schema_cannot_see_tokens_nor_give_commands(tmp_path):
    schema = SCHEMA + "import os\nprint(sorted(os.environ))\nprint('::set-output name=a::b')\n"
    write(tmp_path, {"schema.py": schema, "data/a.csv": GOOD})
    environ = {**os.environ, "GITHUB_TOKEN": "t", "GITHUB_OUTPUT": "/dev/null", "MINE": "1"}
    context = make_context(tmp_path, CONFIG, environ=environ, github=True)
    assert validate.run(context).status is Status.PASS
    lines = printed(context).splitlines()
    assert "'MINE'" in lines[1]
    assert "GITHUB_TOKEN" not in lines[1]
    assert "GITHUB_OUTPUT" not in lines[1]
    assert lines[0].startswith("::stop-commands::")
    assert lines[-1] == f"::{lines[0].removeprefix('::stop-commands::')}::"


def test_run_user_package_named_like_ours_does_not_stand_in(tmp_path):
    write(tmp_path, {"assay/__init__.py": "raise SystemExit(0)", "schema.py": SCHEMA})
    write(tmp_path, {"data/a.csv": BAD})
    assert run(tmp_path).status is Status.FAIL


def test_run_warnings_of_libraries_are_no_errors(tmp_path):
    schema = "import warnings\nwarnings.warn('old', DeprecationWarning)\n" + SCHEMA
    write(tmp_path, {"schema.py": schema, "data/a.csv": GOOD})
    section = run(tmp_path, environ={**os.environ, "PYTHONWARNINGS": "error"})
    assert section.status is Status.PASS


def test_run_validation_switched_off_by_the_environment(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA, "data/a.csv": BAD})
    section = run(tmp_path, environ={**os.environ, "PANDERA_VALIDATION_ENABLED": "False"})
    if section.status is Status.ERROR:
        assert section.exit_code == 2
        assert "validation is switched off" in section.reasons[0].message
    else:  # older versions of Pandera take the text `False` for true
        assert section.status is Status.FAIL


@pytest.mark.parametrize("path", ["../x.csv", "data/../../x.csv", "/etc/passwd", "."])
def test_run_path_out_of_the_project(tmp_path, path):
    write(tmp_path, {"schema.py": SCHEMA})
    with pytest.raises(ConfigError, match=r"`data\.0\.path` is .* which leads out") as caught:
        run(tmp_path, f"data: [{{path: {path!r}, schema: schema.py}}]")
    assert (caught.value.exit_code, caught.value.key) == (2, ("data", 0, "path"))


def test_run_symlink_to_the_cache_is_followed(tmp_path):
    write(tmp_path, {"cache/ab/cdef": GOOD, "project/schema.py": SCHEMA})
    (tmp_path / "project/data").mkdir()
    (tmp_path / "project/data/a.csv").symlink_to(tmp_path / "cache/ab/cdef")
    assert run(tmp_path / "project").status is Status.PASS


HOSTILE = "a $(touch owned) `id` 'q' \"d\"\n::error::x[*].csv"


def test_run_hostile_file_and_column_names(tmp_path):
    schema = "import pandera.pandas as pa\nSchema = pa.DataFrameSchema({}, strict=True)\n"
    write(tmp_path, {"schema.py": schema, f"data/{HOSTILE}": '"<b>\n::error::$(touch owned)"\n1\n'})
    context = make_context(tmp_path, CONFIG, github=True)
    section = validate.run(context)
    assert section.files[0].failures[0].column == "<b>\n::error::$(touch owned)"
    assert section.files[0].path == "data/" + HOSTILE.replace("\n", "\\n")
    assert not [line for line in printed(context).splitlines() if line.startswith("::error")]
    assert not list(tmp_path.rglob("owned"))
    literal = run(tmp_path, "data: [{path: " + _quoted(f"data/{HOSTILE}") + ", schema: schema.py}]")
    assert literal.files == section.files


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"').replace("\n", "\\n") + '"'


def test_run_sensitive_values_are_nowhere(tmp_path):
    secret = "4111-SECRET"
    write(tmp_path, {"schema.py": SCHEMA, "data/a.csv": f"hour,season\n99,{secret}\n"})
    context = make_context(tmp_path, CONFIG.replace("}]", ", sensitive: season}]"))
    section = validate.run(context)
    assert section.status is Status.FAIL
    assert "SECRET" not in section.model_dump_json() + printed(context)
    assert "row 0: 99" in section.model_dump_json()


def test_run_sensitive_column_that_does_not_exist_is_a_warning(tmp_path):
    write(tmp_path, {"schema.py": SCHEMA, "data/a.csv": GOOD})
    section = run(tmp_path, CONFIG.replace("}]", ", sensitive: [name]}]"))
    assert (section.status, section.exit_code) == (Status.WARN, 0)
    assert section.reasons[0].severity == "warning"


def test_run_reasons_are_bounded_and_the_section_is_complete(tmp_path):
    columns = ", ".join(f"'c{number}': pa.Column()" for number in range(30))
    schema = f"import pandera.pandas as pa\nSchema = pa.DataFrameSchema({{{columns}}})\n"
    write(tmp_path, {"schema.py": schema, "data/a.csv": "a,b\n1,2\n"})
    section = run(tmp_path)
    assert len(section.files[0].failures) == 30
    assert len(section.reasons) == 21
    assert section.reasons[-1].message == "And 10 more; the report lists them all."


def test_run_names_files_from_the_project(tmp_path):
    project = write(tmp_path / "models" / "bikes", {"schema.py": SCHEMA, "data/a.csv": BAD})
    section = run(project)
    assert {reason.file for reason in section.reasons} == {"schema.py"}
    assert section.files[0].path == "data/a.csv"


RAISES = """
import pandas as pd
import pandera.pandas as pa


class Schema(pa.DataFrameModel):
    hour: int
    season: str

    @pa.check("hour", name="whole_days")
    def whole_days(cls, hours: pd.Series) -> bool:
        return hours.max() / len(hours[hours > 99].unique()) > 1 + 1 / 0

    @pa.dataframe_check(name="summers")
    def summers(cls, table: pd.DataFrame) -> pd.Series:
        return table["season"].str.len() > 0
"""


def test_run_check_that_raises_is_the_fault_of_the_check(tmp_path):
    write(tmp_path, {"schema.py": RAISES, "data/a.csv": GOOD})
    section = run(tmp_path)
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    [reason] = section.reasons
    assert "fails `whole_days` (raised ZeroDivisionError" in reason.message
    assert (reason.file, reason.line) == ("schema.py", 11)


def test_run_check_that_raises_because_of_the_data_is_the_fault_of_the_data(tmp_path):
    write(tmp_path, {"schema.py": RAISES.replace(" + 1 / 0", ""), "data/a.csv": "hour\nx\n"})
    section = run(tmp_path)
    assert (section.status, section.exit_code) == (Status.FAIL, 1)
    assert any(failure.raised for failure in section.files[0].failures)
