"""How the type of a column is written in a Pandera model, from the type that the library reads."""

from __future__ import annotations

import json
import re
from typing import Any

from assay.contract.infer.facts import Declared, Flavour

_PANDAS = {
    "int64": Declared("integer", "int"),
    "float64": Declared("number", "float"),
    "bool": Declared("boolean", "bool"),
    "boolean": Declared("boolean", "pd.BooleanDtype"),
    "category": Declared("category", "pd.CategoricalDtype"),
}
_POLARS = {
    "Int64": Declared("integer", "int"),
    "Float64": Declared("number", "float"),
    "Boolean": Declared("boolean", "bool"),
    "String": Declared("text", "str"),
    "Date": Declared("date", "pl.Date"),
}
_GAPPED_BOOLEAN = Declared("boolean", "pd.BooleanDtype", coerce=True)
_GAPPED = {"UInt", "Int", "Float"}
_NUMBER = re.compile(r"(u?int|float|UInt|Int|Float)(\d+)")
_ZONED = re.compile(r"datetime64\[(\w+), (.+)\]")


def declared(dtype: Any, flavour: Flavour, *, text: bool, boolean: bool) -> Declared:
    """How a column is declared that is read as `dtype`.

    Args:
        dtype: Of pandas or polars.
        flavour: Which of them.
        text: Whether the values are text, which pandas may call `object`.
        boolean: Whether they are true and false, likewise.
    """
    if flavour == "polars":
        return _of_polars(dtype)
    return _of_pandas(str(dtype), text=text, boolean=boolean)


def _of_pandas(dtype: str, *, text: bool, boolean: bool) -> Declared:
    if dtype in _PANDAS:
        return _PANDAS[dtype]
    if found := _NUMBER.fullmatch(dtype):
        kind, bits = found.groups()
        # NumPy's types have names in Pandera, those with gaps are pandas' own.
        written = f"pd.{dtype}Dtype" if kind in _GAPPED else f"pa.{kind.title()}{bits}"
        written = written.replace("Uint", "UInt")
        return Declared("number" if "float" in kind.lower() else "integer", written)
    if found := _ZONED.fullmatch(dtype):
        unit, zone = found.groups()
        written = f'Annotated[pd.DatetimeTZDtype, "{unit}", "{zone}"]'
        return Declared("time", written, zone=zone)
    if dtype.startswith("datetime64"):
        return Declared("time", "pd.Timestamp")
    if text:
        return Declared("text", "pd.StringDtype" if dtype == "string" else "str")
    # True and false with gaps, for which pandas has no plain type, are objects.
    return _GAPPED_BOOLEAN if boolean else Declared("other", _other(dtype))


def _other(dtype: str) -> str:
    return "object" if dtype == "object" else "Any"


def _of_polars(dtype: Any) -> Declared:
    name = str(dtype.base_type())
    if name in _POLARS:
        return _POLARS[name]
    written = _written(dtype)
    if name == "Datetime":
        return Declared("time", written, zone=dtype.time_zone)
    if re.fullmatch(r"U?Int\d+", name):
        return Declared("integer", written)
    kinds = {"Float32": "number", "Categorical": "category", "Enum": "category"}
    kind: Any = kinds.get(name, "other")
    return Declared(kind, written)


def _written(dtype: Any) -> str:
    """A polars type as code, with what is inside of it."""
    name = str(dtype.base_type())
    arguments = {
        "Datetime": lambda: [_text(part) for part in (dtype.time_unit, dtype.time_zone) if part],
        "Duration": lambda: [_text(dtype.time_unit)],
        "Decimal": lambda: [str(dtype.precision), str(dtype.scale)],
        "List": lambda: [_written(dtype.inner)],
        "Array": lambda: [_written(dtype.inner), str(dtype.size)],
        "Struct": lambda: [_fields(dtype)],
        "Enum": lambda: [f"[{', '.join(map(_text, dtype.categories))}]"],
    }
    return f"pl.{name}({', '.join(arguments[name]())})" if name in arguments else f"pl.{name}"


def _fields(dtype: Any) -> str:
    fields = (f"{_text(field.name)}: {_written(field.dtype)}" for field in dtype.fields)
    return f"{{{', '.join(fields)}}}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
