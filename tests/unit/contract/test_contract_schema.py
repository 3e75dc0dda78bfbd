"""Finding and loading the user's schema."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest
from assay.contract import schema, usercode
from assay.errors import SchemaError

from tests.builders import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

try:
    importlib.import_module("pandera.io.pandas_io")
except ImportError:  # older versions of Pandera need the extra `io` to read YAML
    HAS_IO = False
else:
    HAS_IO = True
needs_io = pytest.mark.skipif(not HAS_IO, reason="pandera[io] is not installed")

MODEL = """\
import pandera.pandas as pa

class Schema(pa.DataFrameModel):
    hour: int = pa.Field(ge=0, le=23)
"""
POLARS = """\
import pandera.polars as pa

Schema = pa.DataFrameSchema({"hour": pa.Column(int, pa.Check.in_range(0, 23))})
"""
YAML = """\
schema_type: dataframe
version: 0.24.0
columns:
  hour:
    dtype: int64
    nullable: false
    checks: {in_range: {min_value: 0, max_value: 23}}
    required: true
checks: null
index: null
coerce: false
strict: false
"""


@pytest.fixture(autouse=True)
def _modules_of_their_own() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith(("pandera", "pandas", "polars", "numpy", "pyarrow")):
            del sys.modules[name]


def load(root: Path, reference: str) -> schema.LoadedSchema:
    with usercode.importable(root):
        return schema.load(reference, root)


def test_load_model_of_pandas(tmp_path):
    write(tmp_path, {"schema.py": MODEL})
    loaded = load(tmp_path, "schema.py:Schema")
    assert (loaded.name, loaded.backend, loaded.file) == ("Schema", "pandas", "schema.py")
    assert loaded.line == 3
    assert list(loaded.schema.columns) == ["hour"]


def test_load_object_of_polars(tmp_path):
    write(tmp_path, {"schema.py": POLARS})
    loaded = load(tmp_path, "schema.py:Schema")
    assert loaded.backend == "polars"
    assert loaded.line == 3


@needs_io
@pytest.mark.parametrize("name", ["contract.yaml", "contract.yml"])
def test_load_pandera_yaml(tmp_path, name):
    write(tmp_path, {name: YAML})
    loaded = load(tmp_path, name)
    assert (loaded.name, loaded.backend) == ("contract", "pandas")
    assert list(loaded.schema.columns) == ["hour"]


@needs_io
def test_load_pandera_json(tmp_path):
    text = '{"schema_type": "dataframe", "columns": {"hour": {"dtype": "int64"}}}'
    write(tmp_path, {"contract.json": text})
    try:
        loaded = load(tmp_path, "contract.json")
    except SchemaError as error:  # old Panderas want every key, and say so as a `SchemaError`
        assert "Pandera cannot read contract.json" in error.message  # noqa: PT017
    else:
        assert list(loaded.schema.columns) == ["hour"]


@pytest.mark.parametrize("reference", ["schema.py", "schemas.main", "schemas.main:Schema"])
def test_load_name_left_out_and_module_in_src(tmp_path, reference):
    write(
        tmp_path, {"schema.py": MODEL, "src/schemas/__init__.py": "", "src/schemas/main.py": MODEL}
    )
    assert load(tmp_path, reference).name == "Schema"


def test_load_file_in_package_with_relative_import_and_neighbour(tmp_path):
    write(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/limits.py": "LAST = 23\n",
            "pkg/schema.py": "from .limits import LAST\n" + MODEL.replace("23", "LAST"),
            "loose/limits2.py": "LAST = 23\n",
            "loose/other.py": "from limits2 import LAST\n" + MODEL.replace("23", "LAST"),
        },
    )
    assert load(tmp_path, "pkg/schema.py:Schema").file == "pkg/schema.py"
    assert load(tmp_path, "loose/other.py:Schema").file == "loose/other.py"


def test_load_file_whose_name_shadows_a_module(tmp_path):
    write(tmp_path, {"types.py": MODEL, "json.py": "raise RuntimeError('not me')"})
    assert load(tmp_path, "types.py").name == "Schema"


def test_load_leaves_the_path_and_the_folder_as_they_were(tmp_path):
    write(tmp_path, {"sub/schema.py": MODEL})
    before = list(sys.path), sys.dont_write_bytecode
    load(tmp_path, "sub/schema.py")
    assert (list(sys.path), sys.dont_write_bytecode) == before
    assert not list(tmp_path.rglob("__pycache__"))


BAD = {
    "missing file": ("nope.py:Schema", {}, "The file nope.py does not exist.", None),
    "folder": ("nope.py:S", {"nope.py/x": ""}, "The file nope.py is a folder.", None),
    "missing module": ("nope.schema:S", {}, "There is no module `nope.schema`.", None),
    "missing name": (
        "schema.py:Schem",
        {"schema.py": MODEL},
        "schema.py has no `Schem`.",
        ("schema.py", None),
    ),
    "two schemas": (
        "schema.py",
        {"schema.py": MODEL + MODEL.replace("Schema(", "Other(")},
        "schema.py defines 2 schemas: `Schema`, `Other`.",
        ("schema.py", None),
    ),
    "no schema": (
        "schema.py",
        {"schema.py": "from pandera.pandas import DataFrameModel\n"},
        "schema.py defines no Pandera schema.",
        ("schema.py", None),
    ),
    "not a schema": (
        "schema.py:x",
        {"schema.py": "\nx = 3\n"},
        "`x` is not a schema of a table, but a int.",
        ("schema.py", 2),
    ),
    "a column, not a table": (
        "schema.py:x",
        {"schema.py": "import pandera.pandas as pa\nx = pa.Column(int)\n"},
        "`x` is not a schema of a table, but a Column.",
        ("schema.py", 2),
    ),
    "raises": (
        "schema.py:Schema",
        {"schema.py": "from helper import f\n\nf()\n", "helper.py": "def f():\n    1 / 0\n"},
        "schema.py cannot be imported: ZeroDivisionError: division by zero.",
        ("helper.py", 2),
    ),
    "raises without words": (
        "schema.py:Schema",
        {"schema.py": "raise KeyError\n"},
        "schema.py cannot be imported: KeyError: no message.",
        ("schema.py", 1),
    ),
    "syntax": (
        "schema.py:Schema",
        {"schema.py": "a = 1\nb = = 2\n"},
        "schema.py cannot be imported: SyntaxError: invalid syntax.",
        ("schema.py", 2),
    ),
    "import of what is not there": (
        "schema.py:Schema",
        {"schema.py": "import os\nimport not_there.at_all\n"},
        "schema.py imports `not_there`, which is not installed.",
        ("schema.py", 2),
    ),
    "exit": (
        "schema.py:Schema",
        {"schema.py": "import sys\nsys.exit(0)\n"},
        "schema.py ends the program when it is imported (sys.exit).",
        ("schema.py", 2),
    ),
    "refused by pandera": (
        "schema.py:Schema",
        {
            "schema.py": "import pandera.pandas as pa\n\nclass Schema(pa.DataFrameModel):\n"
            "    a: int\n    @pa.check('b')\n    def f(cls, s):\n        return True\n"
        },
        "Pandera refuses `Schema`: SchemaInitError: ",
        ("schema.py", 3),
    ),
    "not a reference": (
        "not a module!",
        {},
        "`not a module!` does not name a schema.",
        None,
    ),
    "not a name": ("schema.py:a-b", {}, "`a-b` is not the name of a schema.", None),
    "no document": ("c.yaml", {}, "The schema file c.yaml does not exist.", None),
    "broken yaml": ("c.yaml", {"c.yaml": "a: [1\n"}, "This is not valid YAML: ", ("c.yaml", 2)),
    "broken json": (
        "c.json",
        {"c.json": '{"a": 1,\n]'},
        "This is not valid JSON: ",
        ("c.json", 2),
    ),
    "other yaml": (
        "c.yaml",
        {"c.yaml": "columns_: {}\n"},
        "c.yaml is not a schema in Pandera's format: it has no `columns`.",
        ("c.yaml", None),
    ),
    "yaml of another backend": (
        "c.yaml",
        {"c.yaml": "schema_type: tensordict\ncolumns: {}\n"},
        "c.yaml is a Pandera schema of type `tensordict`, which is not supported.",
        ("c.yaml", None),
    ),
    "yaml in another encoding": (
        "c.yaml",
        {"c.yaml": "columns: {caf\xe9: {}}\n".encode("latin-1")},
        "The schema file c.yaml cannot be read: it is not UTF-8.",
        None,
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_load_bad_input(tmp_path, case):
    reference, files, message, place = BAD[case]
    write(tmp_path, files)
    with pytest.raises(SchemaError) as caught:
        load(tmp_path, reference)
    assert caught.value.message.startswith(message)
    assert caught.value.exit_code == 2
    if place is not None:
        assert (caught.value.file, caught.value.line) == place


def test_load_by_a_pandera_that_is_too_old_for_numpy(tmp_path):
    code = f"""\
{MODEL}
    @classmethod
    def to_schema(cls):
        raise ValueError("Could not convert Series[int] to a NumPy dtype (via `.dtype`).")
"""
    write(tmp_path, {"schema.py": code})
    with pytest.raises(SchemaError, match="Pandera refuses `Schema`: ValueError") as caught:
        load(tmp_path, "schema.py")
    assert caught.value.hint is not None
    assert "pin `numpy<2.4`" in caught.value.hint


@needs_io
def test_load_yaml_that_pandera_refuses(tmp_path):
    write(tmp_path, {"c.yaml": YAML.replace("int64", "no_such_type")})
    with pytest.raises(SchemaError, match=r"Pandera cannot read c\.yaml: TypeError: "):
        load(tmp_path, "c.yaml")


@pytest.mark.parametrize(("name", "missing"), [(None, "pandera[io]"), ("polars", "polars")])
def test_load_yaml_without_what_reads_it(tmp_path, monkeypatch, name, missing):
    def refuse(module: str) -> None:
        raise ImportError("missing", name=name)

    monkeypatch.setattr("assay.contract.schema.importlib.import_module", refuse)
    write(tmp_path, {"c.yaml": YAML})
    with pytest.raises(SchemaError) as caught:
        load(tmp_path, "c.yaml")
    assert caught.value.message == f"c.yaml cannot be read, because {missing} is not installed."


def test_load_names_what_could_be_meant(tmp_path):
    write(tmp_path, {"schema.py": MODEL})
    with pytest.raises(SchemaError) as caught:
        load(tmp_path, "schema.py:Schem")
    assert caught.value.hint == "Did you mean `Schema`? Schemas in it: `Schema`."


def test_load_pyspark_that_is_too_old_for_pandas(tmp_path):
    broken = "from pandas.tseries.frequencies import NoSuchName\n"
    write(tmp_path, {"pyspark/__init__.py": broken, "schema.py": "import pyspark\n"})
    with pytest.raises(SchemaError, match="cannot be imported: ImportError") as caught:
        load(tmp_path, "schema.py")
    assert "`pandas<3`" in caught.value.hint


@pytest.mark.parametrize(
    ("library", "kind"), [("ibis", "ibis_table"), ("pyspark", "pyspark_sql_dataframe")]
)
def test_load_document_of_another_backend(tmp_path, library, kind):
    reader = {"ibis": "ibis_io", "pyspark": "pyspark_sql_io"}[library]
    try:
        importlib.import_module(f"pandera.io.{reader}")
    except ImportError:
        write(tmp_path, {"c.yaml": f"schema_type: {kind}\ncolumns: {{}}\n"})
        with pytest.raises(SchemaError, match=r"c\.yaml cannot be read, because .* not installed"):
            load(tmp_path, "c.yaml")
        return
    text = YAML.replace("schema_type: dataframe", f"schema_type: {kind}")
    write(tmp_path, {"c.yaml": text.replace("index: null\n", "")})
    assert load(tmp_path, "c.yaml").backend == library


def test_load_schema_of_ibis(tmp_path):
    pytest.importorskip("pandera.ibis")
    code = MODEL.replace("pandera.pandas", "pandera.ibis")
    write(tmp_path, {"schema.py": code})
    loaded = load(tmp_path, "schema.py")
    assert (loaded.backend, loaded.name, loaded.line) == ("ibis", "Schema", 3)


@pytest.mark.parametrize("kind", ["xarray", "tensordict"])
def test_load_backend_that_is_not_supported(tmp_path, kind):
    # These libraries are not installed here: a class that says where it comes from is enough.
    code = f"""\
class DataFrameSchema:
    __module__ = "pandera.api.{kind}.container"

Schema = DataFrameSchema()
"""
    write(tmp_path, {"schema.py": code})
    with pytest.raises(SchemaError, match=f"a Pandera schema for {kind}") as caught:
        load(tmp_path, "schema.py:Schema")
    assert caught.value.hint == "Supported: pandas, polars, ibis, pyspark."
    assert caught.value.line == 4


@pytest.mark.parametrize("library", ["pandera", "polars"])
def test_load_without_the_library(tmp_path, monkeypatch, library):
    for name in [n for n in sys.modules if n.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    write(tmp_path, {"schema.py": f"import {library}\n"})
    with pytest.raises(SchemaError, match=f"imports `{library}`, which is not") as caught:
        load(tmp_path, "schema.py")
    assert caught.value.hint == (
        f"Add `{library}` to the project's requirements, or correct the import."
    )


def test_load_while_validation_is_switched_off(tmp_path):
    code = "from pandera.config import CONFIG\n"
    write(tmp_path, {"schema.py": code + MODEL})
    from pandera import config

    with (
        config.config_context(validation_enabled=False),
        pytest.raises(SchemaError, match="validation is switched off"),
    ):
        load(tmp_path, "schema.py:Schema")


def test_load_while_pandera_uses_narwhals(tmp_path, monkeypatch):
    from pandera import config

    write(tmp_path, {"schema.py": POLARS, "frames.py": MODEL})
    monkeypatch.setattr(config.CONFIG, "use_narwhals_backend", True, raising=False)
    assert load(tmp_path, "frames.py:Schema").backend == "pandas"
    with pytest.raises(SchemaError, match="Narwhals backend is switched on") as caught:
        load(tmp_path, "schema.py:Schema")
    assert caught.value.exit_code == 2
    assert "PANDERA_USE_NARWHALS_BACKEND" in str(caught.value.hint)


def test_load_warnings_of_user_code_are_no_errors(tmp_path):
    write(tmp_path, {"schema.py": "import warnings\nwarnings.warn('old')\n" + MODEL})
    assert load(tmp_path, "schema.py").name == "Schema"
