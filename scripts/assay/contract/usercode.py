"""The user's own code: imported as their programs would, with errors at the user's own lines."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assay.console import printable
from assay.contract import declared
from assay.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

FORMS = "Write `file.py:Name`, `package.module:Name`, or the path of a Pandera YAML or JSON file."


@contextmanager
def importable(root: Path) -> Iterator[None]:
    """Let the project's modules be imported, as when its own programs run; undone at the end."""
    path, bytecode = list(sys.path), sys.dont_write_bytecode
    source = root / "src"
    sys.path[:0] = [str(root), *([str(source)] if source.is_dir() else [])]
    # A check must not leave files in the user's repository.
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = bytecode


def import_module(target: str, root: Path) -> ModuleType:
    """Import `package.module`, or a `.py` file given by its path below `root`.

    Raises:
        SchemaError: It does not exist, or its code raises.
    """
    if target.endswith(".py"):
        return _import_file(target, root)
    return _guarded(lambda: importlib.import_module(target), target, root)


def _import_file(target: str, root: Path) -> ModuleType:
    path = root / target
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise SchemaError(f"The file {printable(target)} {what}.", hint=FORMS)
    top, dotted = _package(path)
    if str(top) not in sys.path:
        sys.path.insert(0, str(top))  # its neighbours, as `python file.py` would find them
    if "." in dotted:
        # Part of a package: by its full name, or relative imports in it would not work.
        module = _guarded(lambda: importlib.import_module(dotted), target, root)
        if Path(module.__file__ or "").resolve() != path.resolve():
            raise SchemaError(
                f"{printable(target)} is imported as `{dotted}`, but that is another module: "
                f"{printable(str(module.__file__))}.",
                hint="Rename one of the two packages.",
            )
        return module
    name = dotted if dotted.isidentifier() and dotted not in sys.modules else f"_assay_{dotted}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # noqa: S101 (a .py file always has a loader)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # type hints are resolved by looking the module up
    loader = spec.loader

    def execute() -> ModuleType:
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return _guarded(execute, target, root)


def _package(path: Path) -> tuple[Path, str]:
    """The folder from which `path` is imported, and the dotted name by which."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _guarded(action: Callable[[], ModuleType], target: str, root: Path) -> ModuleType:
    """Run the user's module; whatever it raises becomes a `SchemaError` at the user's line."""
    try:
        return action()
    except (Exception, SystemExit) as error:
        raise _import_error(error, target, root) from error


def _import_error(error: BaseException, target: str, root: Path) -> SchemaError:
    file, line = user_line(error, root)
    shown = printable(target)
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        missing = error.name.split(".")[0]
        if target.split(".", maxsplit=1)[0] == missing and file is None:
            return SchemaError(f"There is no module `{shown}`.", hint=FORMS)
        hint = f"Add `{missing}` to the project's requirements, or correct the import."
        return SchemaError(
            f"{shown} imports `{error.name}`, which is not installed.",
            hint=hint,
            file=file,
            line=line,
        )
    if isinstance(error, SystemExit):
        return SchemaError(
            f"{shown} ends the program when it is imported (sys.exit).",
            hint='Put what is meant for a script below `if __name__ == "__main__":`.',
            file=file,
            line=line,
        )
    text = error.msg if isinstance(error, SyntaxError) else first_line(error)
    hint = "Import it in a Python shell of the project to see the whole traceback."
    if isinstance(error, ImportError) and _passed_through(error, "pyspark"):
        hint = "PySpark may not work with this version of pandas: try one below 3 (`pandas<3`)."
    return SchemaError(
        f"{shown} cannot be imported: {type(error).__name__}: {text}.".replace("..", "."),
        hint=hint,
        file=file,
        line=line,
    )


def _passed_through(error: BaseException, package: str) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if package in Path(trace.tb_frame.f_code.co_filename).parts:
            return True
        trace = trace.tb_next
    return False


def first_line(error: BaseException) -> str:
    """What an exception of the user's says, on one line."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001 (the user's exception class may be broken)
        lines = []
    return printable(lines[0])[:300] if lines else "no message"


def user_line(error: BaseException, root: Path) -> tuple[str | None, int | None]:
    """The deepest place in the user's own code that an exception passed through."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return relative(error.filename, root), error.lineno
    place: tuple[str | None, int | None] = (None, None)
    trace = error.__traceback__
    while trace is not None:
        if file := relative(trace.tb_frame.f_code.co_filename, root):
            place = (file, trace.tb_lineno)
        trace = trace.tb_next
    return place


def relative(file: str | None, root: Path) -> str | None:
    """`file` relative to the project, if it is the user's own and not an installed package."""
    if file is None:
        return None
    path, root = Path(file).resolve(), root.resolve()
    if not path.is_relative_to(root) or "site-packages" in path.parts:
        return None
    return path.relative_to(root).as_posix()


def line_of(module: ModuleType, name: str) -> int | None:
    """The line where a module's source defines something, as far as it shows that."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    defined = declared.top(tree.body).get(name.partition(".")[0])
    return None if defined is None else defined.lineno
