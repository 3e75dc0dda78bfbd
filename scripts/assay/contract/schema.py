"""The user's Pandera schema: found by its reference, imported, and recognized for what it is."""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from assay.console import printable
from assay.contract import usercode
from assay.errors import ConfigError, SchemaError

if TYPE_CHECKING:
    from types import ModuleType

Backend = Literal["pandas", "polars", "ibis", "pyspark"]
BACKENDS: tuple[Backend, ...] = ("pandas", "polars", "ibis", "pyspark")
DOCUMENTS = (".yaml", ".yml", ".json")

_API = re.compile(r"pandera\.api\.(\w+)\.(?:container|model)$")
_DOCUMENT_TYPES: dict[str, tuple[Backend, str]] = {
    "dataframe": ("pandas", "pandas_io"),
    "polars_dataframe": ("polars", "polars_io"),
    "ibis_table": ("ibis", "ibis_io"),
    "pyspark_sql_dataframe": ("pyspark", "pyspark_sql_io"),
}
"""The backend, and the module of `pandera.io` that reads it; some are in new versions alone."""
_ROOTS = {"DataFrameSchema", "DataFrameModel"}
# https://github.com/unionai-oss/pandera/issues/2190
_NUMPY = (
    "Panderas before 0.28 do not know `Series[int]` with NumPy 2.4: raise `pandera`, or pin"
    " `numpy<2.4`."
)


@dataclass(frozen=True)
class LoadedSchema:
    """A schema that is ready to validate tables."""

    name: str
    schema: Any
    """A Pandera `DataFrameSchema` of the backend."""
    backend: Backend
    file: str | None = None
    """Where it is written, relative to the project folder."""
    module: ModuleType | None = None
    """That it is from; `None` of a document of Pandera's."""

    @property
    def line(self) -> int | None:
        """The line of `file` where it is defined, as far as that shows it."""
        return None if self.module is None else usercode.line_of(self.module, self.name)


def load(reference: str, root: Path) -> LoadedSchema:
    """Load a schema; call it, and use what it returns, inside `usercode.importable`.

    Args:
        reference: `file.py:Name`, `package.module:Name` or the path of a Pandera YAML or JSON
            file. The name may be left out where the module defines exactly one schema.
        root: The project folder.

    Raises:
        SchemaError: There is no such schema, its code raises, or its backend is not supported.
    """
    with warnings.catch_warnings():
        # Deprecations in the user's code or in Pandera are no reason to stop, whatever
        # PYTHONWARNINGS says.
        warnings.simplefilter("ignore")
        if reference.lower().endswith(DOCUMENTS):
            loaded = _from_document(reference, root)
        else:
            loaded = _from_module(reference, root)
    _refuse_settings(loaded)
    return loaded


def kind_of(candidate: object) -> str | None:
    """The Pandera backend of a table schema or model (`pandas`, `pyspark`, ...), else `None`."""
    for cls in inspect.getmro(candidate if isinstance(candidate, type) else type(candidate)):
        found = _API.match(cls.__module__)
        is_model = isinstance(candidate, type)
        if (
            found
            and cls.__name__ in _ROOTS
            and is_model == (cls.__name__ == "DataFrameModel")
            and found[1] not in {"base", "dataframe"}
        ):
            return found[1]
    return None


def _from_module(reference: str, root: Path) -> LoadedSchema:
    target, _, name = reference.rpartition(":") if ":" in reference else (reference, "", "")
    if name and not name.replace(".", "_").isidentifier():
        raise SchemaError(f"`{printable(name)}` is not the name of a schema.", hint=usercode.FORMS)
    if not target.endswith(".py") and not all(p.isidentifier() for p in target.split(".")):
        raise SchemaError(f"`{printable(reference)}` does not name a schema.", hint=usercode.FORMS)
    module = usercode.import_module(target, root)
    file = usercode.relative(getattr(module, "__file__", None), root)
    name = name or _only_schema(module, target, file)
    found = _attribute(module, name, target, file)
    return _recognize(found, name=name, root=root, module=module, file=file)


def _candidates(module: ModuleType) -> list[str]:
    """The schemas that a module defines; what it only imports does not count."""
    return [
        name
        for name, value in vars(module).items()
        if kind_of(value) is not None
        and not (isinstance(value, type) and value.__module__ != module.__name__)
    ]


def _only_schema(module: ModuleType, target: str, file: str | None) -> str:
    names = _candidates(module)
    if len(names) == 1:
        return names[0]
    if not names:
        raise SchemaError(
            f"{printable(target)} defines no Pandera schema.",
            hint="Define a `DataFrameModel` or a `DataFrameSchema` in it.",
            file=file,
        )
    listed = ", ".join(f"`{name}`" for name in names)
    raise SchemaError(
        f"{printable(target)} defines {len(names)} schemas: {listed}.",
        hint=f"Say which: `schema: {printable(target)}:{names[0]}`.",
        file=file,
    )


def _attribute(module: ModuleType, name: str, target: str, file: str | None) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            names = _candidates(module)
            close = difflib.get_close_matches(name, names, n=1)
            guess = f"Did you mean `{close[0]}`? " if close else ""
            listed = ", ".join(f"`{n}`" for n in names) or "none"
            raise SchemaError(
                f"{printable(target)} has no `{name}`.",
                hint=f"{guess}Schemas in it: {listed}.",
                file=file,
            )
        found = getattr(found, part)
    return found


def _recognize(
    found: Any,
    *,
    name: str,
    root: Path,
    module: ModuleType,
    file: str | None,
) -> LoadedSchema:
    kind = kind_of(found)
    if kind is None:
        what = type(found).__name__ if not isinstance(found, type) else f"class {found.__name__}"
        raise SchemaError(
            f"`{name}` is not a schema of a table, but a {what}.",
            hint="It should be a Pandera `DataFrameModel` or `DataFrameSchema`.",
            file=file,
            line=usercode.line_of(module, name),
        )
    if kind not in BACKENDS:
        raise SchemaError(
            f"`{name}` is a Pandera schema for {kind}, which is not supported.",
            hint=f"Supported: {', '.join(BACKENDS)}.",
            file=file,
            line=usercode.line_of(module, name),
        )
    if isinstance(found, type):
        try:
            found = cast("Any", found).to_schema()
        except Exception as error:
            place = usercode.user_line(error, root)
            raise SchemaError(
                f"Pandera refuses `{name}`: {type(error).__name__}: {usercode.first_line(error)}",
                hint=_NUMPY if "to a NumPy dtype" in str(error) else None,
                file=place[0] or file,
                line=place[1] if place[0] else usercode.line_of(module, name),
            ) from error
    return LoadedSchema(name=name, schema=found, backend=kind, file=file, module=module)


def _from_document(reference: str, root: Path) -> LoadedSchema:
    """A schema in Pandera's own YAML or JSON format."""
    path, shown = root / reference, printable(reference)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SchemaError(f"The schema file {shown} does not exist.", hint=usercode.FORMS) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SchemaError(f"The schema file {shown} cannot be read: {why}.") from error
    content = _parse(text, reference)
    if not isinstance(content, dict) or "columns" not in content:
        raise SchemaError(
            f"{shown} is not a schema in Pandera's format: it has no `columns`.",
            hint="Write it with Pandera's `schema.to_yaml()`.",
            file=reference,
        )
    kind = str(content.get("schema_type") or "dataframe")
    if kind not in _DOCUMENT_TYPES:
        raise SchemaError(
            f"{shown} is a Pandera schema of type `{printable(kind)}`, which is not supported.",
            hint=f"Supported: {', '.join(f'`{name}`' for name in _DOCUMENT_TYPES)}.",
            file=reference,
        )
    backend, reader = _DOCUMENT_TYPES[kind]
    try:
        deserialize = importlib.import_module(f"pandera.io.{reader}").deserialize_schema
    except ImportError as error:
        missing = "pandera[io]" if error.name is None else error.name.split(".")[0]
        raise SchemaError(
            f"{shown} cannot be read, because {missing} is not installed.",
            hint=f"Add `{missing}` to the project's requirements, or raise its version.",
            file=reference,
        ) from error
    try:
        schema = deserialize(content)
    except Exception as error:
        raise SchemaError(
            f"Pandera cannot read {shown}: {type(error).__name__}: {usercode.first_line(error)}",
            hint="Write it with Pandera's `schema.to_yaml()`.",
            file=reference,
        ) from error
    name = str(content.get("name") or Path(reference).stem)
    return LoadedSchema(name=name, schema=schema, backend=backend, file=reference)


def _parse(text: str, reference: str) -> Any:
    if not reference.lower().endswith(".json"):
        from assay import yamlfile

        try:
            return yamlfile.load(text, file=reference)
        except ConfigError as error:
            raise SchemaError(
                error.message, hint=error.hint, file=error.file, line=error.line
            ) from error
    try:
        return json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise SchemaError(f"This is not valid JSON: {error}.", file=reference, line=line) from error


def _refuse_settings(loaded: LoadedSchema) -> None:
    """Where Pandera lets everything pass, or speaks another language, nothing must look checked."""
    from pandera.config import CONFIG, get_config_context

    if not get_config_context().validation_enabled:
        raise SchemaError(
            "Pandera's validation is switched off, so that nothing would be checked.",
            hint="Remove PANDERA_VALIDATION_ENABLED=False, or what sets it in the schema's code.",
        )
    if loaded.backend != "pandas" and getattr(CONFIG, "use_narwhals_backend", False):
        raise SchemaError(
            f"Pandera's Narwhals backend is switched on: Assay needs its own for {loaded.backend}.",
            hint="Remove PANDERA_USE_NARWHALS_BACKEND, or what sets it in the schema's code.",
        )
