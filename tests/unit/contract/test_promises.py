"""The line that promises a check. Pandera is the oracle: it says what fails, and each line of the
schemas here that promises something says so in a comment."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.pandas as pa
import pytest
from assay.contract import check, promises, schema, usercode
from assay.stages.validate import CheckFailure
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FRAME = pd.DataFrame(
    {
        "hour": [-1, -1, 99],
        "temp": ["a", None, "b"],
        "wind": [1.0, None, -2.0],
        "extra": [1, 2, 3],
    }
)
_MARK = re.compile(r"#!\s*(.*)$")

MODEL = """
    import pandera.pandas as pa
    from pandera.typing import Index

    WIND = pa.Field(
        lt=0,  #! wind: less_than(0)
    )

    class Base(pa.DataFrameModel):
        extra: int = pa.Field(
            description="kept",
            isin=[7],  #! extra: isin([7])
        )

        @pa.check("hour", name="of_base")
        def anything(cls, values):  #! hour: of_base
            return values > 1_000

    class Table(Base):
        # hour: greater_than_or_equal_to(0) is not promised here, nor by "hour" as a text
        hour: int = pa.Field(
            gt=100,  #! hour: greater_than(100)
            ge=0,  #! hour: greater_than_or_equal_to(0)
            unique=True,  #! hour: field_uniqueness
        )
        temperature: float = pa.Field(alias="temp")  #! temp: dtype('float64') | temp: not_nullable
        wind: float = WIND  #! wind: not_nullable
        rain: float  #! rain: column_in_dataframe
        index: Index[int] = pa.Field(
            gt=1,  #! (index): greater_than(1)
        )

        @pa.check("hour")
        def plausible(cls, values):  #! hour: plausible
            return values < 0

        @pa.dataframe_check
        @classmethod
        def adds_up(cls, table):  #! adds_up
            return table["hour"] > 0

        class Config:
            ordered = False
            unique = ["hour", "extra"]
"""
TABLE = """
    import pandera.pandas as pa

    LIMIT = 5

    def even(values):
        return values % 2 == 0

    def bounded(low):
        return pa.Check.ge(low)

    NEVER = pa.Check.gt(1_000)  #! hour: greater_than(1000)
    WIND = pa.Column(
        float,
        pa.Check.isin([9.0]),  #! wind: isin([9.0])
        nullable=False,  #! wind: not_nullable
    )

    BASE = pa.DataFrameSchema(
        {
            "extra": pa.Column(
                bool,  #! extra: dtype('bool')
                unique=True,
            ),
        }
    )
    Table = BASE.add_columns(
        {
            "hour": pa.Column(  #! hour: greater_than_or_equal_to(0)
                int,
                [
                    NEVER,
                    pa.Check.le(LIMIT),  #! hour: less_than_or_equal_to(5)
                    pa.Check(lambda v: v > 1_000, error="must be many"),  #! hour: must be many
                    pa.Check(even),  #! hour: even
                    pa.Check(lambda v: v > 1_000),  #! hour: <lambda>
                    pa.Check(lambda v: v > 1_000, name="named"),  #! hour: named
                    bounded(0),
                    pa.Check.in_range(0, 1),  #! hour: in_range(0, 1)
                    pa.Check.in_range(0, 2),  #! hour: in_range(0, 2)
                ],
                unique=True,  #! hour: field_uniqueness
            ),
            "wind": WIND,
            "rain": pa.Column(  #! rain: column_in_dataframe
                float,
            ),
        }
    )
"""
WHOLE = """
    import pandera.pandas as pa

    COLUMNS = {
        "hour": pa.Column(int, nullable=True, unique=False),
        "temp": pa.Column(str, required=True,
            nullable=False),  #! temp: not_nullable
        "extra": pa.Column(),
    }
    Table = pa.DataFrameSchema(
        COLUMNS,
        checks=[
            pa.Check(lambda t: t["hour"] > 0, name="positive"),  #! positive
        ],
        index=pa.Index(
            int,
            pa.Check.gt(0),  #! (index): greater_than(0)
        ),
        strict=True,  #! wind: column_in_schema
        unique=["hour"],  #! multiple_fields_uniqueness
    )
"""
DOCUMENT = """
    schema_type: dataframe
    columns:
      hour:  #! hour: unknown
        dtype: int64
        nullable: false
        unique: true  #! hour: field_uniqueness
        greater_than: 0  #! hour: greater_than(0)
      temp:
        dtype: object
        nullable: false  #! temp: not_nullable
        required: true
        checks:
          str_matches: x  #! temp: str_matches('x')
      wind:
        dtype: int64  #! wind: dtype('int64')
        nullable: true
        checks:
          - value: 0
            options: {check_name: less_than}
          - value: 5  #! wind: greater_than(5)
            options: {check_name: greater_than}
    index:
      - dtype: int64
        nullable: false
        greater_than: 1  #! (index): greater_than(1)
    strict: true  #! extra: column_in_schema
"""


def marked(text: str) -> dict[str, int]:
    """The promises of a source by `column: check`, or `check` of the whole table."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _MARK.search(line):
            found |= {promise.strip(): number for promise in match[1].split(" | ")}
    return found


def failures(root: Path, reference: str, files: Mapping[str, str]) -> set[tuple[Any, str]]:
    """What Pandera says of the frame, by column and check."""
    for file, text in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    with usercode.importable(root):
        loaded = schema.load(reference, root)
        found = check.check(FRAME, loaded, root=root, sensitive=())
    return {(failure.column, failure.check) for failure in found.failures}


def named(column: str | None, what: str) -> str:
    return what if column is None else f"{column}: {what}"


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("model_schema.py", MODEL),
        ("table_schema.py", TABLE),
        ("whole_schema.py", WHOLE),
    ],
)
def test_every_failure_is_put_on_the_line_that_promises_it(
    tmp_path: Path, file: str, source: str
) -> None:
    text = textwrap.dedent(source)
    expected = marked(text)
    found = failures(tmp_path, f"{file}:Table", {file: text})
    place = promises.lines_of(f"{file}:Table", {file: text.encode()}.get)
    assert {named(*one): place(*one) for one in found} == {
        one: (file, line) for one, line in expected.items()
    }


def test_a_document_says_where_each_check_is() -> None:
    text = textwrap.dedent(DOCUMENT)
    for promise, line in marked(text).items():
        column, _, what = promise.partition(": ")
        place = promises.place("s.yaml", column, {"s.yaml": text.encode()}.get, what)
        assert place == ("s.yaml", line), promise


def test_a_document_of_panderas_own_writing_is_read() -> None:
    table = pa.DataFrameSchema(
        {"hour": pa.Column(int, [pa.Check.gt(0), pa.Check.isin([3])], unique=True)}, strict=True
    )
    text = table.to_yaml()
    assert text is not None
    lines = text.splitlines()
    place = promises.lines_of("s.yaml", {"s.yaml": text.encode()}.get)
    for column, what, key in (
        ("hour", "greater_than(0)", "greater_than"),
        ("hour", "isin([3])", "isin"),
        ("hour", "field_uniqueness", "unique"),
        ("hour", "dtype('int64')", "dtype"),
        ("wind", "column_in_schema", "strict"),
    ):
        found = place(column, what)
        assert found is not None
        assert lines[found[1] - 1].strip(" -").startswith((key, f"check_name: {key}", "value"))


BASE = """
    class Root(DataFrameModel):
        hour: int = Field(
            ge=0,
        )

        @pa.check("hour")
        def sane(cls, values):
            return values

        class Config:
            strict = True
"""


@pytest.mark.parametrize(
    ("files", "reference"),
    [
        (
            {"base.py": BASE, "s.py": "from base import Root\n\nclass S(Root):\n    a: int"},
            "s.py:S",
        ),
        ({"d/base.py": BASE, "d/s.py": "from base import Root as R\nclass S(R): ..."}, "d/s.py:S"),
        ({"d/base.py": BASE, "d/s.py": "from .base import Root\nclass S(Root[int]): ..."}, "d.s:S"),
        ({"d/base.py": BASE, "d/s.py": "from . import base\nclass S(base.Root): ..."}, "d/s.py:S"),
        ({"d/base.py": BASE, "d/e/s.py": "from ..base import Root"}, "d/e/s.py:Root"),
        ({"src/d/base.py": BASE, "s.py": "import d.base as b\nclass S(b.Root): ..."}, "s.py:S"),
        ({"d/__init__.py": BASE, "s.py": "from d import Root\nclass S(Root): ..."}, "s.py:S"),
    ],
)
def test_what_is_inherited_from_another_file_is_put_on_that_file(
    files: dict[str, str], reference: str
) -> None:
    contents = {file: textwrap.dedent(text).encode() for file, text in files.items()}
    base = next(file for file, text in files.items() if text is BASE)
    lines = textwrap.dedent(BASE).splitlines()
    place = promises.lines_of(reference, contents.get)
    for column, what, text in (
        ("hour", "greater_than_or_equal_to(0)", "        ge=0,"),
        ("hour", "not_nullable", "    hour: int = Field("),
        ("hour", "sane", "    def sane(cls, values):"),
        ("new", "column_in_schema", "        strict = True"),
    ):
        assert place(column, what) == (base, lines.index(text) + 1)


def test_a_base_that_is_not_in_the_project_leaves_the_class() -> None:
    source = b"from lib import Root\n\n\nclass S(Root):\n    a: int\n"
    place = promises.lines_of("s.py:S", {"s.py": source}.get)
    assert place("hour", "greater_than(0)") == ("s.py", 4)
    assert place(None, "adds_up") == ("s.py", 4)
    assert place("a", "greater_than(0)") == ("s.py", 5)


def test_two_modules_that_import_a_name_from_each_other_end_the_search() -> None:
    files = {"a.py": b"from b import S\n", "b.py": b"from a import S\n"}
    assert promises.place("a.py:S", "hour", files.get, "isin([1])") is None


@pytest.mark.parametrize(
    "maker",
    [
        "pa.Field(ge=LOW, le=HIGH)",
        "bounded(0)",
        "pa.Field(**OPTIONS)",
        "pa.Field(alias=NAME)",
        "other.FIELD",
        "",
    ],
)
def test_what_the_source_does_not_show_is_put_on_the_column(maker: str) -> None:
    source = f"HIGH = 3\nclass S(M):\n    hour: int{maker and f' = {maker}'}\n".encode()
    for what in ("isin([1])", "dtype('int64')", "not_nullable", "lambda"):
        assert promises.place("s.py:S", "hour", {"s.py": source}.get, what) == ("s.py", 3)


def test_a_field_takes_the_place_of_that_of_the_class_above() -> None:
    source = (
        b"class A(M):\n    hour: int = pa.Field(nullable=False)\nclass S(A):\n    hour: float\n"
    )
    found = promises.place("s.py:S", "hour", {"s.py": source}.get, "not_nullable")
    assert found == ("s.py", 4)


def test_a_reference_without_a_name_finds_the_only_schema() -> None:
    source = b"import x\n\n\nclass S(M):\n    hour: int = F(\n        ge=0)\n"
    place = promises.lines_of("s.py", {"s.py": source}.get)
    assert place("hour", "greater_than_or_equal_to(0)") == ("s.py", 6)
    assert place("other", "greater_than_or_equal_to(0)") is None


def test_failures_are_placed_also_in_columns_of_a_regular_expression() -> None:
    source = b"class S(M):\n    hours: int = pa.Field(alias='hour_.*', regex=True,\n        ge=0)\n"
    table = pa.DataFrameSchema({"hour_.*": pa.Column(int, regex=True), "hour_x": pa.Column(int)})
    known = CheckFailure(check="fresh(1 day)", count=1, file="assay.yaml", line=3)
    beside = CheckFailure(check="rows(min=1000)", count=1)
    broken = CheckFailure(check="greater_than_or_equal_to(0)", column="hour_1", count=2)
    other = CheckFailure(check="isin([1])", column="other", count=2)
    place = promises.lines_of("s.py:S", {"s.py": source}.get)
    found = promises.placed((known, beside, broken, other), place, table)
    assert [(one.file, one.line) for one in found] == [
        ("assay.yaml", 3),
        (None, None),
        ("s.py", 3),
        ("s.py", 1),
    ]
    assert [one.count for one in found] == [1, 1, 2, 2]
    lost = promises.placed((broken,), promises.lines_of("lib.x:S", lambda _: None), table)
    assert lost == (broken,)


_SNIPPETS = st.lists(
    st.sampled_from([*MODEL.splitlines(), *TABLE.splitlines(), *WHOLE.splitlines()]), max_size=30
)


@given(lines=_SNIPPETS, column=st.sampled_from(["hour", "wind", "(index)", None]))
def test_no_source_is_too_odd(lines: list[str], column: str | None) -> None:
    text = textwrap.dedent("\n".join(lines))
    place = promises.lines_of("s.py:Table", {"s.py": text.encode()}.get)
    for what in ("isin([1])", "column_in_schema", "dtype('x')", "in_range(0, 1)", "x"):
        found = place(column, what)
        assert found is None or (found[0] == "s.py" and 1 <= found[1] <= len(lines))
