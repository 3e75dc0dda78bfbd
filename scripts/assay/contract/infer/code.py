"""A proposal as Python that a person would have written, in the form that `ruff format` gives."""

from __future__ import annotations

import importlib
import keyword
import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from assay.console import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.infer.facts import ColumnProposal, Flavour, Proposal, Setting

WIDTH = 88
"""Characters of a line: what `ruff format` and Black take by default."""

# Names that mean something else in the module or in a Pandera model.
_TAKEN = {
    *("pa", "pd", "pl", "Series", "Annotated", "Any", "ZoneInfo", "datetime", "date", "Config"),
    *("int", "float", "str", "bool", "object", "classmethod"),
}


def code(proposal: Proposal) -> str:
    """The source of a module with one `DataFrameModel`."""
    taken = _taken(proposal.flavour)
    attributes = _attributes([column.name for column in proposal.columns], taken)
    blocks = [[f"    {_quoted(proposal.docstring, 3)}"]]
    fields: list[str] = []
    for column in proposal.columns:
        fields += _field(column, attributes[column.name], proposal.flavour)
    blocks += [fields, _config(proposal)]
    blocks += [
        _check(name, attributes[name], proposal.flavour, taken) for name in proposal.in_order
    ]
    body = "\n\n".join("\n".join(lines) for lines in blocks)
    imports = "\n\n".join("\n".join(lines) for lines in _imports(proposal) if lines)
    return f"{imports}\n\n\nclass {proposal.name}(pa.DataFrameModel):\n{body}\n"


def _imports(proposal: Proposal) -> tuple[list[str], list[str]]:
    """What the standard library has, and what others have; each in the order of `ruff`."""
    written = " ".join(column.written for column in proposal.columns)
    values = [value for column in proposal.columns for _, value in column.settings]
    moments = any(isinstance(value, datetime) for value in values)
    days = any(isinstance(value, date) and not isinstance(value, datetime) for value in values)
    typing = [name for name in ("Annotated", "Any") if re.search(rf"\b{name}\b", written)]
    if proposal.flavour == "polars":
        zones = any(
            column.zone and any(isinstance(value, datetime) for _, value in column.settings)
            for column in proposal.columns
        )
        named = [name for name, used in (("date", days), ("datetime", moments)) if used]
        standard = [f"from datetime import {', '.join(named)}"] if named else []
        standard += ["from zoneinfo import ZoneInfo"] if zones else []
        needed = "pl." in written or bool(proposal.in_order)
        return standard, ["import pandera.polars as pa", *(["import polars as pl"] * needed)]
    standard = [f"from typing import {', '.join(typing)}"] if typing else []
    others = ["import pandas as pd"] if "pd." in written or moments else []
    return standard, [*others, "import pandera.pandas as pa", "from pandera.typing import Series"]


def _taken(flavour: Flavour) -> set[str]:
    """Names that a field cannot have."""
    model = importlib.import_module(f"pandera.{flavour}").DataFrameModel
    return {*_TAKEN, *keyword.kwlist, *dir(model)}


def _attributes(names: Sequence[str], taken: set[str]) -> dict[str, str]:
    """For each column the name of its field: the same, where Python and Pandera allow that."""
    found: dict[str, str] = {}
    used = {name for name in names if _allowed(name, taken)}
    for name in names:
        if name in used:
            found[name] = name
            continue
        plain = re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_") or "column"
        plain = f"column_{plain}" if plain[0].isdigit() else plain
        plain = f"{plain}_" if plain in taken else plain
        number, attribute = 2, plain
        while attribute in used:
            attribute, number = f"{plain}_{number}", number + 1
        used.add(attribute)
        found[name] = attribute
    return found


def _allowed(name: str, taken: set[str]) -> bool:
    # Python takes some letters of Unicode for others, and Pandera leaves out what starts with "_".
    return name.isidentifier() and name.isascii() and name[0] != "_" and name not in taken


def _field(column: ColumnProposal, attribute: str, flavour: Flavour) -> Iterator[str]:
    if column.note is not None:
        yield f"    # {column.note}"
    annotation = column.written if flavour == "polars" else f"Series[{column.written}]"
    settings = [(name, _value(value, column, flavour)) for name, value in column.settings]
    if attribute != column.name:
        settings.insert(0, ("alias", _quoted(column.name)))
    if not settings:
        yield f"    {attribute}: {annotation}"
        return
    head = f"    {attribute}: {annotation} = pa.Field("
    yield from _call(head, [f"{name}={value}" for name, value in settings], column)


def _call(head: str, arguments: list[str], column: ColumnProposal) -> Iterator[str]:
    """A call on one line; else its arguments on one, or on one each."""
    line = f"{head}{', '.join(arguments)})"
    if len(line) <= WIDTH:
        yield line
        return
    yield head
    inside = f"        {', '.join(arguments)}"
    if len(inside) <= WIDTH:
        yield inside
    else:
        for argument in arguments:
            yield from _argument(argument, column)
    yield "    )"


def _argument(argument: str, column: ColumnProposal) -> Iterator[str]:
    line = f"        {argument},"
    listed = next((value for name, value in column.settings if name == "isin"), None)
    if len(line) <= WIDTH or not argument.startswith("isin=") or not isinstance(listed, tuple):
        yield line
        return
    yield "        isin=["
    for value in listed:
        yield f"            {_literal(value)},"
    yield "        ],"


def _config(proposal: Proposal) -> list[str]:
    lines = ["    class Config:", "        strict = True"]
    if proposal.unique:
        line = f"        unique = [{', '.join(map(_quoted, proposal.unique))}]"
        if len(line) > WIDTH:
            listed = [f"            {_quoted(name)}," for name in proposal.unique]
            line = "\n".join(["        unique = [", *listed, "        ]"])
        lines.append(line)
    return lines


def _check(column: str, attribute: str, flavour: Flavour, taken: set[str]) -> list[str]:
    """A check that time does not go back: Pandera has none built in."""
    method = f"{attribute.strip('_')}_in_order"
    method = f"{method}_" if method in taken else method
    if flavour == "polars":
        signature = f"    def {method}(cls, data: pa.PolarsData) -> pl.LazyFrame:"
        answer = "        return data.lazyframe.select(pl.col(data.key).is_sorted())"
    else:
        signature = f"    def {method}(cls, values: Series) -> bool:"
        answer = "        return values.is_monotonic_increasing"
    return [
        f"    @pa.check({_quoted(column)})",
        "    @classmethod",
        signature,
        '        """Rows follow the clock."""',
        answer,
    ]


def _value(value: Setting, column: ColumnProposal, flavour: Flavour) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_literal(each) for each in value)}]"
    if isinstance(value, datetime) and flavour == "polars":
        zone = f", tzinfo=ZoneInfo({_quoted(column.zone)})" if column.zone else ""
        return f"datetime({value.year}, {value.month}, {value.day}{zone})"
    if isinstance(value, datetime):
        zone = f", tz={_quoted(column.zone)}" if column.zone else ""
        return f'pd.Timestamp("{value:%Y-%m-%d}"{zone})'
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})"
    return _literal(value)


def _literal(value: object) -> str:
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str, quotes: int = 1) -> str:
    """A string as `ruff format` writes it: double quotes, unless others need fewer backslashes."""
    if quotes == 3:
        safe = printable(text).replace("\\", "\\\\").replace('"', "'")
        return f'"""{safe}"""'
    if "\\" in text and text.isprintable() and '"' not in text and not text.endswith("\\"):
        return f'r"{text}"'
    inner = repr(f"{text}'\"")[1:-1].removesuffix("\\'\"")  # with both quotes, repr takes '
    inner = inner.replace("\\'", "'")
    if text.count('"') > text.count("'"):
        return "'" + inner.replace("'", "\\'") + "'"
    return '"' + inner.replace('"', '\\"') + '"'
