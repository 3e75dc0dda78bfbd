"""Which changes of files can change a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.contract.evolution.reach import matters

from tests.builders import write

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = {
    "schema.py": "from limits import HIGH\nimport pkg.words\nfrom pkg import more as m\n",
    "limits.py": "import json\nHIGH = json.load(open('limits.json'))['high']\n",
    "pkg/__init__.py": "",
    "pkg/words.py": "from . import deep\nfrom .near import X\n",
    "pkg/more.py": "",
    "pkg/deep.py": "",
    "pkg/near.py": "X = 1\n",
    "train.py": "import yaml\nyaml.safe_load(open('params.yaml'))\n",
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("schema.py", True),
        ("limits.py", True),
        ("limits.json", True),
        ("config/limits.json", True),  # by whatever path
        ("pkg/__init__.py", True),
        ("pkg/words.py", True),
        ("pkg/more.py", True),
        ("pkg/deep.py", True),
        ("pkg/near.py", True),
        ("train.py", False),
        ("params.yaml", False),
        ("tests/test_schema.py", False),
        ("README.md", False),
    ],
)
def test_what_a_schema_is_made_of(tmp_path: Path, changed: str, expected: bool) -> None:
    write(tmp_path, PROJECT)
    assert matters("schema.py:Schema", {changed}, tmp_path) is expected


def test_modules_by_name_and_documents(tmp_path: Path) -> None:
    write(tmp_path, {"src/pkg/schema.py": "import pkg.limits\n", "src/pkg/limits.py": ""})
    assert matters("pkg.schema:Schema", {"src/pkg/limits.py"}, tmp_path)
    assert not matters("pkg.schema:Schema", {"src/pkg/other.py"}, tmp_path)
    assert matters("schema.yaml", {"schema.yaml"}, tmp_path)
    assert not matters("schema.yaml", {"other.yaml"}, tmp_path)


def test_modules_that_import_each_other_and_broken_ones(tmp_path: Path) -> None:
    write(tmp_path, {"schema.py": "import a\n", "a.py": "import schema\n", "b.py": "import ("})
    assert not matters("schema.py", {"c.py"}, tmp_path)
    assert not matters("b.py", {"c.py"}, tmp_path)
