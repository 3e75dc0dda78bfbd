"""Promises beside a schema as `assay.yaml` writes them: what is allowed, and what is said else."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from assay import config
from assay.configdata import DataSpec
from assay.errors import ConfigError

ENTRY = "data: [{path: a.csv, schema: s.py, %s}]"

MISTAKES = {
    "data: [{schema: s.py}]": "`data.0` has no `path` (or `connection` and `table`).",
    "data: [{schema: s.py, connection: URL}]": "`data.0` has no `table`.",
    "data: [{schema: s.py, table: t}]": "`data.0` has no `connection`.",
    "data: [{schema: s.py, connection: URL, table: t, remote: true}]": (
        "`data.0` has `remote`, which is for files that DVC tracks, and no `path`."
    ),
    "data: [{schema: s.py, connection: URL, table: t, disjoint_from: a.csv}]": (
        "`data.0` has `disjoint_from` for a table of a database, which needs `disjoint_on`."
    ),
    ENTRY % "connection: URL, table: t": (
        "`data.0` has `path` and `connection` or `table`; a file, or a table of a database."
    ),
    ENTRY % "engine: spork": "`data.0.engine` is 'spork'.",
    ENTRY % "disjoint_on: a": "`data.0` has `disjoint_on` and no `disjoint_from`; name the other "
    "file.",
    ENTRY % "max_shared: 2": "`data.0.max_shared` is 2 (a number).",
    ENTRY % "references: [{columns: a}]": "`data.0.references.0.to` is required.",
    ENTRY % "references: [{columns: [], to: b}]": "`data.0.references.0.columns` is [] (a list).",
    ENTRY % "references: [{columns: a, to: ../b}]": (
        "`data.0.references.0.to` is '../b', which is not inside of the project."
    ),
    ENTRY % "references: [{columns: [a, b], to: b, to_columns: c}]": (
        "`data.0.references.0` has 2 `columns` and 1 `to_columns`; they belong together one by one."
    ),
    ENTRY % "fresh: {column: t}": "`data.0.fresh.within` is required.",
    ENTRY % "fresh: {column: t, within: 2 dayz}": (
        "`data.0.fresh.within` is '2 dayz', which is no time span as `36 h`, `2 days` or"
        " `1 day 12 h`."
    ),
    ENTRY % "fresh: {column: t, within: 1 d, zone: Berlin}": (
        "`data.0.fresh.zone` is 'Berlin', which is no time zone; name one as `Europe/Berlin`."
    ),
    ENTRY % "rows: {min: 5, max: 4}": (
        "`data.0.rows` has `min` (5) above `max` (4); nothing could pass."
    ),
    ENTRY % "rows: {max_drop: 10}": "`data.0.rows.max_drop` is 10 (a number).",
    ENTRY
    % "labels: {missing: 0}": "`data.0` has `labels` and no `label`; name the label's column.",
    ENTRY % "label: y, labels: {min_share: 0.6, max_share: 0.5}": (
        "`data.0.labels` has `min_share` (0.6) above `max_share` (0.5); nothing could pass."
    ),
    ENTRY % "label: y, labels: {classes: [a, b], min_share: 0.6}": (
        "`data.0.labels` has a `min_share` (0.6) that 2 classes cannot all have."
    ),
    ENTRY % "label: y, labels: {classes: [a, a]}": (
        "`data.0.labels` names one of its `classes` twice."
    ),
    ENTRY % "expect: {reference: base}": (
        "`data.0.expect` has no bound: add `default: {psi: 0.2}`, or bounds to `columns`."
    ),
    ENTRY % "expect: {reference: base, columns: {x: {pzi: 1}}}": (
        "Unknown key `data.0.expect.columns.x.pzi`."
    ),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    assert caught.value.message == MISTAKES[text]
    assert caught.value.exit_code == 2
    assert caught.value.line == 1


def test_a_url_in_place_of_its_name_is_not_repeated() -> None:
    text = "data: [{schema: s.py, connection: 'postgresql://me:pa55@host/db', table: t}]"
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    assert "`data.0.connection` is not the name of an environment variable" in caught.value.message
    assert "pa55" not in f"{caught.value.message}{caught.value.hint}{caught.value!r}"


def test_an_entry_of_before_means_what_it_meant() -> None:
    entry = config.parse("data: [{path: a.csv, schema: s.py, disjoint_from: b.csv}]").data[0]
    assert not entry.promises_more
    assert (entry.engine, entry.max_shared, entry.remote) == ("duckdb", 0.0, False)


FULL = """
data:
  - path: data/orders/*.parquet
    schema: schema.py:Orders
    key: id
    label: churned
    disjoint_from: data/train.parquet
    disjoint_on: customer
    references:
      - {columns: country, to: data/countries.csv, to_columns: code}
    fresh: {column: at, within: 36 h, zone: Europe/Berlin}
    rows: {min: 1000, max_drop: 0.1, max_growth: 0.5}
    labels: {classes: [true, false], min_share: 0.05, conflicting: 0.01}
    expect:
      reference: base
      default: {psi: 0.2}
      columns: {id: {}, note: null, amount: {ks: 0.1}}
  - {connection: WAREHOUSE, table: public.orders, schema: s.py, engine: spark}
"""


def test_all_promises_survive_the_record() -> None:
    whole = config.parse(FULL)
    first, second = whole.data
    assert first.promises_more
    assert (second.path, second.promises_more) == ("", False)
    assert first.expect is not None
    assert [name for name, bounds in first.expect.columns.items() if bounds.set] == ["amount"]
    again = type(whole).model_validate_json(whole.model_dump_json(by_alias=True))
    assert again == whole


def test_editors_know_the_keys() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(config.json_schema()))
    assert validator.is_valid(yaml.safe_load(FULL))
    assert not validator.is_valid(yaml.safe_load(ENTRY % "fresh: {colum: t}"))
    described = DataSpec.model_json_schema()["properties"]
    assert "default" not in described["path"], "an empty path is none"
