"""Which line a finding is about: of assay.yaml, of params.yaml, of the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay import yamlfile
from assay.changes import SliceChange
from assay.config import Config, DataSpec, parse
from assay.contract import beside, promises, relations
from assay.report import lineage, places
from assay.section import Reason, Status
from assay.stages.compare import ParameterChange
from assay.stages.validate import CheckFailure, FileResult, ValidateSection, describe
from hypothesis import given
from hypothesis import strategies as st

from tests import records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.record import RunRecord

CONFIG = b"""\
# what is gated
metrics:
  f1:
    min: 0.6
    slices:
      min: 0.5
data:
  - path: data/*.csv
    schema: schema.py:Hour
"""
PARAMS = b"prepare:\n  rows: 5\ntrain:\n  # deeper\n  max_depth: 8\n  lr: 0.1\n"
LOCK = b"""\
schema: '2.0'
stages:
  prepare:
    cmd: a
    outs: [{path: data/clean.csv}]
    params: {params.yaml: {prepare.rows: 5}}
  train:
    cmd: b
    deps: [{path: data/clean.csv}, {path: train.py}]
    outs: [{path: model.pkl}]
    params: {params.yaml: {train.max_depth: 8}}
  evaluate:
    cmd: c
    deps: [{path: model.pkl}]
    outs: [{path: predictions.parquet}]
  serve:
    cmd: d
    deps: [{path: model.pkl}]
    outs: [{path: image}]
    params: {params.yaml: {serve.port: 80}}
"""
SCHEMA = b'''\
"""hr and temp are documented here, and not declared."""
import pandera.pandas as pa

LIMITS = {"temp": 3}


class Base(pa.DataFrameModel):
    season: int


class Day(pa.DataFrameModel):
    hr: int


class Hour(Base):
    hr: int = pa.Field(ge=0)
    temperature: float = pa.Field(alias="temp")

    class Config:
        strict = True


TABLE = pa.DataFrameSchema(
    {
        "hr": pa.Column(int),
        "temp": pa.Column(
            float,
        ),
    },
    index=pa.Index(int, name="row"),
)
'''


def reader(**files: bytes) -> Mapping[str, bytes]:
    """Files by name; `__` stands for a dot, `___` for a slash."""
    return {k.replace("___", "/").replace("__", "."): v for k, v in files.items()}


FILES = reader(assay__yaml=CONFIG, params__yaml=PARAMS, dvc__lock=LOCK, schema__py=SCHEMA)


def line_of(content: bytes, text: str) -> int:
    lines = content.decode().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip() == text)


# --- keys of assay.yaml ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("metrics", "f1", "min"), 4),
        (("metrics", "f1", "slices", "min"), 6),
        (("metrics", "f1", "max"), 3),
        (("data", 0, "schema"), 9),
        (("elsewhere",), None),
    ],
)
def test_a_key_has_its_line_or_that_of_its_nearest_parent(
    key: tuple[str | int, ...], line: int | None
) -> None:
    (found,) = places.located(records.good(), [Reason(message="x", key=key)], FILES.get)
    assert (found.file, found.line) == (("assay.yaml" if line else None), line)


def test_the_configuration_may_have_another_name() -> None:
    reasons = [
        Reason(message="x", key=("metrics", "f1", "min"), file="ci/assay.yml"),
        Reason(message="y", key=("metrics", "f1")),
    ]
    found = places.located(
        records.good(), reasons, {"ci/assay.yml": CONFIG}.get, config="ci/assay.yml"
    )
    assert [(r.file, r.line) for r in found] == [("ci/assay.yml", 4), ("ci/assay.yml", 3)]


@pytest.mark.parametrize("content", [None, b"{", b"\xff\xfe", b"a: &a [*a]", b"[" * 5000, b""])
def test_a_file_that_cannot_be_read_gives_no_place(content: bytes | None) -> None:
    reason = Reason(message="x", key=("metrics", "f1", "min"))
    assert places.located(records.good(), [reason], lambda _: content) == (reason,)


def test_what_has_a_line_keeps_it() -> None:
    reason = Reason(message="x", key=("metrics", "f1"), file="tests/test_a.py", line=77)
    assert places.located(records.good(), [reason], FILES.get) == (reason,)


# --- the schema --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "column", "text"),
    [
        ("schema.py:Hour", "hr", "hr: int = pa.Field(ge=0)"),
        ("schema.py:Day", "hr", "hr: int"),
        ("schema.py:Hour", "temp", 'temperature: float = pa.Field(alias="temp")'),
        ("schema.py:Hour", "season", "season: int"),
        ("schema.py:Hour", None, "class Hour(Base):"),
        ("schema.py:Hour", "unknown", "class Hour(Base):"),
        ("schema.py:TABLE", "hr", '"hr": pa.Column(int),'),
        ("schema.py:TABLE", "temp", '"temp": pa.Column('),
        ("schema.py:TABLE", "row", 'index=pa.Index(int, name="row"),'),
        ("schema.py:TABLE", None, "TABLE = pa.DataFrameSchema("),
        ("schema:Hour", "hr", "hr: int = pa.Field(ge=0)"),
    ],
)
def test_a_column_has_the_line_that_declares_it(
    reference: str, column: str | None, text: str
) -> None:
    place = promises.place(reference, column, FILES.get)
    assert place == ("schema.py", line_of(SCHEMA, text))


@pytest.mark.parametrize(
    ("reference", "file"),
    [
        ("checks.schema:S", "checks/schema.py"),
        ("checks.schema:S", "checks/schema/__init__.py"),
        ("checks.schema:S", "src/checks/schema.py"),
    ],
)
def test_a_module_is_found_where_python_would_find_it(reference: str, file: str) -> None:
    found = promises.place(reference, "a", {file: b"class S:\n    a: int\n"}.get)
    assert found == (file, 2)


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("s.yaml", b"schema_type: dataframe\ncolumns:\n  hr:\n    dtype: int64\n", 3),
        ("s.json", b'{\n "columns": {\n  "hr": {"dtype": "int64"}\n }\n}\n', 3),
        ("s.yaml", b"columns: [\n", None),
        ("s.yaml", b"columns: {temp: {}}\n", None),
    ],
)
def test_a_document_of_panderas_has_lines_too(file: str, content: bytes, line: int | None) -> None:
    found = promises.place(file, "hr", {file: content}.get)
    assert found == (None if line is None else (file, line))


@pytest.mark.parametrize(
    "content",
    [b"class Hour(:", b"x = " + b"(" * 5000, b"\x00", b"\xff", b"a" * 2_000_000, b"", None],
)
def test_a_module_that_cannot_be_parsed_gives_no_place(content: bytes | None) -> None:
    assert promises.place("schema.py:Hour", "hr", lambda _: content) is None


def test_a_class_that_derives_from_itself_ends_the_search() -> None:
    content = b"class A(B):\n    x: int\n\nclass B(A):\n    y: int\n"
    assert promises.place("s.py:A", "z", {"s.py": content}.get) == ("s.py", 1)


def test_nothing_of_the_users_is_run() -> None:
    content = b"raise SystemExit(3)\nclass Hour:\n    hr: int\n"
    assert promises.place("schema.py:Hour", "hr", {"schema.py": content}.get) == (
        "schema.py",
        3,
    )


def validated(*failures: CheckFailure, schema: str = "schema.py:Hour") -> RunRecord:
    file = FileResult(
        path="data/hour.csv", schema_name="Hour", rows=10, columns=2, bytes=5, failures=failures
    )
    reasons = tuple(
        Reason(message=f"data/hour.csv: {describe(failure, 10)}", file="data/hour.csv")
        for failure in failures
    )
    section = ValidateSection(status=Status.FAIL, exit_code=1, files=(file,), reasons=reasons)
    config = Config(data=(DataSpec(path="data/**/*.csv", schema=schema),))
    record = records.good().model_copy(update={"config": config})
    return record.with_section("validate", section)


def test_only_so_many_checks_are_looked_up() -> None:
    failures = tuple(CheckFailure(check=f"c{at}", column="hr", count=1) for at in range(5_000))
    record = validated(*failures)
    assert record.validation is not None
    found = places.located(record, record.validation.reasons, {"schema.py": SCHEMA}.get)
    assert sum(reason.line is not None for reason in found) == 100


BESIDE = b"""\
data:
  - path: data/hour.csv
    schema: schema.py:Hour
    references:
      - columns: [station]
        to: stations.csv
      - columns: [user, day]
        to: users.csv
        to_columns: [id, day]
    fresh:
      column: when
      within: 36 h
      ahead: 5 min
    rows:
      min: 1000
      max_drop: 0.1
    disjoint_from: train.csv
    disjoint_on: [user]
    label: churned
    labels:
      classes: [yes, no]
      min_share: 0.05
      min_rows: 10
      conflicting: 0.1
      missing: 0.2
    expect:
      reference: base
      columns:
        temp:
          psi: 0.2
      default:
        ks: 0.1
"""


def _beside() -> dict[tuple[str | None, str], str]:
    """What the checks of `BESIDE` are called, by those who name them, and where they stand."""
    spec = parse(BESIDE.decode()).data[0]
    assert spec.fresh is not None
    assert spec.rows is not None
    assert spec.labels is not None
    fresh, ahead = relations.fresh.names(spec.fresh)
    least, drop = relations.rows.names(spec.rows)
    labels = relations.labels.names(spec.labels)
    return {
        ("station", relations.references.name(spec.references[0])): "- columns: [station]",
        (None, relations.references.name(spec.references[1])): "- columns: [user, day]",
        ("when", fresh): "within: 36 h",
        ("when", ahead): "ahead: 5 min",
        (None, least): "min: 1000",
        (None, drop): "max_drop: 0.1",
        ("user", relations.disjoint.name(spec)): "disjoint_on: [user]",
        ("churned", labels["classes"]): "classes: [yes, no]",
        ("churned", relations.labels.names(spec.labels, hidden=True)["classes"]): (
            "classes: [yes, no]"
        ),
        ("churned", labels["min_share"]): "min_share: 0.05",
        ("churned", labels["min_rows"]): "min_rows: 10",
        ("churned", labels["conflicting"]): "conflicting: 0.1",
        ("churned", labels["missing"]): "missing: 0.2",
        ("temp", "expect(psi=0.2)"): "psi: 0.2",
        ("wind", "expect(ks=0.1)"): "columns:",
    }


@pytest.mark.parametrize(("check", "text"), _beside().items())
def test_a_promise_beside_the_schema_has_its_line_in_the_configuration(
    check: tuple[str | None, str], text: str
) -> None:
    column, name = check
    failure = CheckFailure(check=name, column=column, count=1)
    spec = parse(BESIDE.decode()).data[0]
    document = yamlfile.load_document(BESIDE.decode(), file="assay.yaml")
    (found,) = beside.placed((failure,), spec, number=0, document=document, file="assay.yaml")
    line = found.line or 0
    assert (found.file, BESIDE.decode().splitlines()[line - 1].strip()) == ("assay.yaml", text)
    assert beside.placed((failure,), spec, number=0, document=None, file="x") == (failure,)


def test_a_promise_beside_the_schema_is_not_looked_for_in_it() -> None:
    record = validated(CheckFailure(check="fresh(within='2 days')", column="hr", count=1))
    assert _places(record) == [("data/hour.csv", None)]


@pytest.mark.parametrize(
    "check",
    ["rows", "fresh", "references", "expect", "in_range(0, 1)", "adds_up", "label_share", ""],
)
def test_a_check_of_the_schema_is_none_beside_it(check: str) -> None:
    assert beside.key(check, "a") is None


def test_a_table_of_a_database_has_its_entry() -> None:
    record = validated(CheckFailure(check="isin([1])", column="hr", count=1))
    assert record.validation is not None
    table = record.validation.files[0].model_copy(update={"path": "main.hours"})
    spec = DataSpec.model_validate(
        {"connection": "URL", "table": "main.hours", "schema": "schema.py:Hour"}
    )
    reason = Reason(message=f"main.hours: {describe(table.failures[0], 10)}")
    record = record.model_copy(
        update={
            "config": record.config.model_copy(update={"data": (spec,)}),
            "validation": record.validation.model_copy(update={"files": (table,)}),
        }
    )
    (found,) = places.located(record, [reason], {"schema.py": SCHEMA}.get)
    assert (found.file, found.line) == ("schema.py", line_of(SCHEMA, "hr: int = pa.Field(ge=0)"))


def test_a_broken_check_is_put_on_its_promise_else_on_the_schema_else_on_its_entry() -> None:
    record = validated(
        CheckFailure(check="greater_than_or_equal_to(0)", column="hr", count=1),
        CheckFailure(check="adds_up", count=1),
        CheckFailure(check="column_in_schema", column="hr", count=1),
    )
    assert _places(record) == [("schema.py", 16), ("schema.py", 15), ("schema.py", 20)]
    failure = CheckFailure(check="ge(0)", column="hr", count=1)
    assert _places(validated(failure, schema="lib.x:Y")) == [("assay.yaml", 9)]


def test_a_file_that_no_entry_names_any_more_stays_where_it_is() -> None:
    record = validated(CheckFailure(check="ge(0)", column="hr", count=1))
    record = record.model_copy(update={"config": Config()})
    assert _places(record) == [("data/hour.csv", None)]


def _places(record: RunRecord) -> list[tuple[str | None, int | None]]:
    found = places.of(record, FILES.get)
    return [(reason.file, reason.line) for reason in found if reason.severity == "error"]


# --- parameters --------------------------------------------------------------------------------


def changed(*parameters: ParameterChange, record: RunRecord | None = None) -> RunRecord:
    record = record or records.regression_of_a_metric()
    assert record.compare is not None
    compare = record.compare.model_copy(update={"parameters": parameters})
    return record.with_section("compare", compare)


def parameter(
    key: str, base: str | None = "1", head: str | None = "2", file: str = "params.yaml"
) -> ParameterChange:
    return ParameterChange(file=file, key=key, base=base, head=head)


def test_a_parameter_that_leads_to_what_fell_is_a_notice_on_its_line() -> None:
    record = changed(parameter("train.max_depth", "4", "8"))
    assert places.parameters(record, FILES.get) == (
        Reason(
            message="train.max_depth 4 → 8; F1 fell from 0.6512 to 0.5812.",
            severity="note",
            file="params.yaml",
            line=5,
        ),
    )


def test_only_stages_that_lead_to_the_metric_count() -> None:
    keys = ("prepare.rows", "train.max_depth", "train.lr", "serve.port", "train")
    found = places.parameters(changed(*map(parameter, keys)), FILES.get)
    assert [reason.message.split()[0] for reason in found] == [
        "prepare.rows",
        "train.max_depth",
        "train",
    ]


def test_without_a_lock_every_parameter_may_be_the_one_and_five_are_shown() -> None:
    record = changed(*(parameter(f"p{i}") for i in range(9)))
    assert len(places.parameters(record, lambda _: None)) == 5


def test_nothing_is_said_where_nothing_got_worse() -> None:
    record = records.good()
    assert record.compare is not None
    better = record.compare.model_copy(update={"slices": ()})
    assert places.parameters(record.with_section("compare", better), FILES.get) == ()


def test_a_slice_that_got_worse_is_named() -> None:
    record = changed(parameter("train.max_depth"), record=records.good())
    (found,) = places.parameters(record, FILES.get)
    assert found.message == "train.max_depth 1 → 2; F1 got worse on workingday = 0."


def test_a_parameter_that_is_gone_is_put_where_it_stood() -> None:
    record = changed(parameter("train.lags.first", "3", None))
    (found,) = places.parameters(record, lambda f: None if f == "dvc.lock" else FILES.get(f))
    assert found.message.startswith("train.lags.first 3 → not set; ")
    assert found.line == 3


def test_a_gate_that_failed_without_a_fall_is_told_by_its_message() -> None:
    record = records.regression_of_a_metric()
    assert record.compare is not None
    same = (record.compare.metrics[0].model_copy(update={"base": None, "change": "added"}),)
    compare = record.compare.model_copy(update={"metrics": same, "slices": ()})
    record = changed(parameter("train.lr"), record=record.with_section("compare", compare))
    (found,) = places.parameters(record, lambda _: None)
    assert found.message == "train.lr 1 → 2; f1 0.5812 is below min 0.6."


@pytest.mark.parametrize("file", ["params.py", "params.toml", "conf/params.yaml"])
def test_a_file_without_lines_is_named_alone(file: str) -> None:
    record = changed(parameter("a", file=file))
    (found,) = places.parameters(record, {file: b"{" if file.endswith("yaml") else b"a = 2"}.get)
    assert (found.file, found.line) == (file, None)


@pytest.mark.parametrize("file", ["/etc/passwd", "../../secret.yaml", "a/../../b", "a\0b", "a\\b"])
def test_no_file_outside_of_the_project_is_asked_for(file: str) -> None:
    asked: list[str] = []

    def read(name: str) -> bytes | None:
        asked.append(name)
        return None

    places.of(changed(parameter("a", file=file)), read)
    reason = Reason(message="x", key=("metrics",), file=file)
    places.located(records.good(), [reason], read)
    promises.place(f"{file}.py:Schema", "a", read)
    promises.place(f"{file}.yaml", "a", read)
    assert set(asked) <= {"assay.yaml", "dvc.lock"}


def test_long_names_and_values_are_cut() -> None:
    record = changed(parameter("k" * 10**6, "1" * 10**6, "2" * 10**6))
    (found,) = places.parameters(record, lambda _: None)
    assert len(found.message) < 300


def test_many_parameters_and_many_metrics_take_no_long_time() -> None:
    record = changed(*(parameter(f"serve.p{i}") for i in range(3000)))
    assert record.compare is not None
    many = tuple(
        SliceChange(
            name="s", rows=9, metric=f"m{i}", head=0.1, base=0.2, difference=-0.1, change="worse"
        )
        for i in range(1000)
    )
    compare = record.compare.model_copy(update={"slices": many})
    assert record.evaluate is not None
    assert record.evaluate.head is not None
    metric = record.evaluate.head.metrics[0]
    metrics = tuple(metric.model_copy(update={"name": f"m{i}"}) for i in range(1000))
    head = record.evaluate.head.model_copy(update={"metrics": metrics})
    record = record.with_section("compare", compare)
    record = record.with_section("evaluate", record.evaluate.model_copy(update={"head": head}))
    assert len(places.parameters(record, FILES.get)) == 5  # of F1, whose file is not known


@given(st.binary(max_size=200))
def test_no_lock_breaks_the_search(content: bytes) -> None:
    lineage.behind(lineage.stages(content.decode(errors="replace")), "predictions.parquet")


@pytest.mark.parametrize(
    "lock",
    ["stages: []", "stages: {a: 3}", "stages: {a: {outs: 3, deps: {x: 1}, params: []}}", "[", "3"],
)
def test_a_lock_of_another_kind_says_nothing(lock: str) -> None:
    assert lineage.behind(lineage.stages(lock), "x") is None


# --- all together ------------------------------------------------------------------------------


def test_what_never_ran_is_not_annotated() -> None:
    found = places.of(records.errored_checkout(), lambda _: None)
    assert [reason.file for reason in found if reason.severity == "error"] == [
        "data/raw/hour.csv.dvc"
    ]
    assert not any(reason.message.startswith("Skipped") for reason in found)


@pytest.mark.parametrize("name", records.ALL)
def test_every_reason_of_a_record_stays(name: str) -> None:
    record = records.ALL[name]()
    reasons = [r for _, section in record.sections() for r in section.reasons]
    found = places.located(record, reasons, FILES.get)
    assert [r.message for r in found] == [r.message for r in reasons]
