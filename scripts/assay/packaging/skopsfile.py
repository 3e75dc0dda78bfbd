"""What a file of skops names: the classes and functions that whoever loads it gets. None is run.

skops makes objects without asking their classes, gives them the state that the file holds, and a
function that the file names is a value like any other. So a package is not harmless because it is
well known: `numpy.testing.measure` runs text as code, and so does the state of a distribution of
`scipy.stats`. Vouched for are what estimators consist of, name by name or by place.
"""

from __future__ import annotations

import json
import lzma
import re
import sys
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any

from assay.console import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = frozenset({"sklearn", "numpy", "scipy", "lightgbm", "xgboost", "catboost"})
"""Whose classes and functions may be vouched for."""
_LARGEST = 50_000_000
"""Bytes of the schema."""
_OF_PYTHON = re.compile(
    r"builtins\.(bool|bytearray|bytes|complex|dict|float|frozenset|int|list|map|NoneType|object|set"
    r"|slice|str|tuple|abs|len|max|min|pow|round|sorted|sum)"
    r"|collections\.(Counter|OrderedDict|defaultdict|deque)"
    r"|datetime\.(date|datetime|time|timedelta|timezone)|decimal\.Decimal|zoneinfo\.ZoneInfo"
)
_CLASSES = re.compile(
    r"(sklearn(\.(?!(conftest|datasets|experimental|externals|tests|utils)\.)\w+)+"
    r"|sklearn\.utils\._(bunch|tags)"
    r"|numpy\.random(\.\w+)*|scipy\.(interpolate|sparse|spatial)(\.\w+)*"
    r"|lightgbm\.(basic|sklearn)|xgboost\.(core|sklearn)|catboost\.core)\._?[A-Z]\w*"
    r"|sklearn\.compose\._column_transformer\.make_column_selector"
    r"|numpy\.ma(\.core)?\.MaskedArray|numpy\.(dtype|ndarray|(bool|bytes|object|str|void)_?|u?int\w*|u?long\w*|u?short|u?byte"
    r"|c?(float|longdouble|complex|double|half|single)\w*|datetime64|timedelta64)"
    r"|scipy\.sparse\.\w+\.[a-z]{3}_(array|matrix)"
)
_FUNCTIONS = re.compile(
    # NumPy's functions of numbers, wherever a version of it keeps them.
    r"numpy(\._?core(\.\w+)*)?\.(a?(max|min)|absolute|add|arc(cos|sin|tan)h?|arctan2|argmax|argmin"
    r"|around|asarray|cbrt|ceil|clip|conjugate|copysign|cosh?|deg2rad|degrees|divide|equal|exp2?|expm1|fabs"
    r"|fix|float_power|floor|floor_divide|fmax|fmin|fmod|greater|greater_equal|heaviside|hypot|invert"
    r"|is(finite|inf|nan|nat)|less|less_equal|log|log10|log1p|log2|logaddexp2?|logical_\w+|maximum"
    r"|mean|median|minimum|mod|multiply|nan_to_num|negative|not_equal|positive|power|prod|rad2deg"
    r"|radians|ravel|reciprocal|remainder|rint|round|sign|sinh?|sqrt|square|std|subtract|sum|tanh?"
    r"|true_divide|trunc|var)"
    r"|scipy\.special\._(special_)?ufuncs\.\w+|scipy\._lib(\.\w+)+\.asarray"
    r"|sklearn\.cluster\._kmeans\._kmeans_single_\w+"
    r"|sklearn\.feature_selection\._(mutual_info|univariate_selection)"
    r"\.(chi2|f_\w+|mutual_info_\w+|r_regression)"
    r"|sklearn\.metrics(\.\w+)+_(score|loss|error|deviance|kernel|distances|similarity)"
)
_CALLS = {"PartialNode": "functools.partial", "OperatorFuncNode": "operator"}
"""What these parts of a file are, whatever they say of their class."""
# The last of a part that is encrypted, packed in an unknown way, or nested too deeply.
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(KeyError, ValueError, RuntimeError),
)


class NotSkopsError(ValueError):
    """A file is not one that skops wrote."""


def needed(file: Path | IO[bytes]) -> list[str]:
    """The types and functions that a file of skops names, as `module.name`.

    Raises:
        NotSkopsError: It is none.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo("schema.json").file_size > _LARGEST:
                raise zipfile.BadZipFile("its schema is larger than one can be")
            schema = json.loads(archive.read("schema.json"))
        return sorted(set(_named(schema)))
    except _UNREADABLE as error:
        raise NotSkopsError(f"{type(error).__name__}: {error}") from error


def _named(node: Any) -> Iterator[str]:
    """Iterative, since a file may be nested as deeply as it likes."""
    rest = [node]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            yield from map(printable, _of_node(one))
            rest.extend(one.values())
        elif isinstance(one, list):
            rest.extend(one)


def _of_node(node: dict[str, Any]) -> Iterator[str]:
    kind, content = node.get("__loader__"), node.get("content")
    if "__class__" in node:
        yield _dotted(node.get("__module__"), node["__class__"])
    if isinstance(kind, str) and kind in _CALLS:
        yield _CALLS[kind]
    if isinstance(content, dict) and kind == "MethodNode":
        yield _dotted(node.get("__module__"), node.get("__class__"), content.get("func"))
    if isinstance(content, dict) and kind == "FunctionNode":  # as skops wrote it before 0.6
        yield _dotted(content.get("module_path"), content.get("function"))


def _dotted(*parts: object) -> str:
    names = [part for part in parts if isinstance(part, str)]
    if len(names) < len(parts):
        raise ValueError("a name in it is no text")
    return ".".join(names)


def is_vouched(name: str) -> bool:
    """Whether a name is of what estimators consist of, and harmless whatever is done with it."""
    return any(one.fullmatch(name) for one in (_OF_PYTHON, _CLASSES, _FUNCTIONS))


def is_refused(name: str) -> bool:
    """Whether no model needs what is named: of Python or of a known package, and not vouched for.

    What is neither may be a repository's own: whoever loads it has to know.
    """
    top = name.partition(".")[0]
    return (top in PACKAGES or top in sys.stdlib_module_names) and not is_vouched(name)
