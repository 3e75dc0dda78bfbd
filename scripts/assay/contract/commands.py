"""`assay contract infer` and `assay contract diff`, but for the parsing of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import DataError, OutsideError, RepositoryError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from assay.context import Context
    from assay.contract.evolution.section import Description, SchemaComparison
    from assay.contract.infer.facts import Flavour
    from assay.contract.sources.base import Source
    from assay.workspace.git import Git


def infer(
    path: Path,
    *,
    shown: str,
    flavour: Flavour = "pandas",
    class_name: str | None = None,
    sensitive: Collection[str] = (),
) -> str:
    """A schema for a data file, as the source of a Python module.

    Args:
        path: The file, or a folder of parts.
        shown: What messages and the schema's docstring call it.
        flavour: The library whose data frames the schema is for.
        class_name: Of the schema; by default after the file.
        sensitive: Columns of which only the type and whether values may be missing is told.

    Raises:
        DataError: The file cannot be read, or there is nothing in it to learn from.
        OutsideError: A package is missing.
        UsageError: `class_name` is none that a class can have.
    """
    from assay.contract.sources import open_source

    if not path.exists():
        raise DataError(
            f"{printable(shown)} does not exist.",
            hint="Name a data file, or a folder of Parquet files. `dvc pull` fetches what DVC has.",
        )
    source = open_source(path, shown=shown, private=bool(sensitive))
    try:
        return infer_source(source, flavour=flavour, class_name=class_name, sensitive=sensitive)
    finally:
        source.close()


def infer_source(
    source: Source,
    *,
    flavour: Flavour = "pandas",
    class_name: str | None = None,
    sensitive: Collection[str] = (),
) -> str:
    """A schema for any table, as `infer` makes it.

    Raises:
        DataError: The table cannot be read, or there is nothing in it to learn from.
        UsageError: `class_name` is none that a class can have.
    """
    from assay.contract.infer import code, profile, propose
    from assay.contract.infer.facts import Options

    options = Options(class_name=class_name, sensitive=frozenset(sensitive))
    try:
        return code(propose(profile(source, flavour), options))
    except ImportError as error:
        missing = "pandera" if error.name is None else error.name.split(".")[0]
        raise OutsideError(
            f"No schema can be inferred: {missing} is not installed.",
            hint="Install `assay[contract]` in the project's environment.",
        ) from error


def diff(
    base: str,
    head: str | None = None,
    *,
    git: Git,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
    sensitive: Collection[str] = (),
) -> str:
    """What another schema, or another revision of it, does to the data that are accepted, as lines.

    Args:
        base: `schema.py:Schema`, or `schema.py:Schema@main` for what it was at a revision.
        head: Likewise; by default the schema that `base` names, in the work tree.
        git: The repository, seen from the project folder.
        environ: Of this process; the user's code sees it without secrets.
        on_line: Takes each line that the user's code prints.
        sensitive: Columns of which no value may be told.

    Raises:
        RepositoryError: There is no such revision.
        SchemaError: A schema cannot be loaded.
        OutsideError: Files cannot be written, or Python cannot be started.
    """
    from assay.contract.evolution.compare import compare
    from assay.contract.evolution.section import SchemaComparison

    reference = _split(base)[0]
    before, after = (
        _described(named, git, environ=environ, on_line=on_line)
        for named in (base, head or reference)
    )
    changes = compare(before, after, sensitive)
    found = SchemaComparison(reference=_split(head or reference)[0], changes=changes)
    return "\n".join(_lines(found) or ["The schemas accept the same data."])


def diff_of(context: Context) -> str:
    """What became of every schema of `assay.yaml` since base, for a terminal.

    Raises:
        RepositoryError: There is no base to compare with.
        OutsideError: Files cannot be written, or Python cannot be started.
    """
    from assay.contract.evolution import revisions

    if context.record.base is None:
        raise RepositoryError(
            "There is no base to compare the schemas with.", hint="Name one: `--base main`."
        )
    found = revisions.of(context)
    told = [f"{printable(one.reference)}\n{_indented(one)}" for one in found]
    return "\n".join(told or ["No schema changed what it accepts."])


def _indented(comparison: SchemaComparison) -> str:
    lines = list(_lines(comparison))
    if comparison.added:
        lines.append("new: base has no such schema")
    if comparison.problem is not None:
        lines.append(comparison.problem.message)
    return "\n".join(f"  {line}" for line in lines)


def _lines(comparison: SchemaComparison) -> list[str]:
    from assay.report import contractchange, escape

    words = {True: "breaking", False: "compatible", None: "perhaps breaking"}
    return [
        f"{words[change.breaking]:<16}  {escape.text(contractchange.sentence(change))}"
        f" ({contractchange.told(change)})"
        for change in comparison.changes
    ]


def _split(named: str) -> tuple[str, str | None]:
    reference, at, revision = named.partition("@")
    return reference, revision if at else None


def _described(
    named: str, git: Git, *, environ: Mapping[str, str], on_line: Callable[[str], None]
) -> Description:
    from assay.contract.evolution import revisions

    reference, revision = _split(named)
    if revision is None:
        found = revisions.described(git.project, [reference], environ=environ, on_line=on_line)[
            reference
        ]
    else:
        sha = git.resolve(revision)
        if sha is None:
            raise RepositoryError(
                f"There is no revision `{printable(revision)}`.",
                hint="Name a branch, a tag or a commit; in a shallow clone, fetch it first.",
            )
        found = revisions.base_schema(git, sha, reference, environ=environ, on_line=on_line)
    if found.description is not None:
        return found.description
    problem = found.problem
    message = "It could not be loaded." if problem is None else problem.message
    # In the work tree the file stands before the message.
    where = f"{printable(reference)} at {printable(revision)}: " if revision else ""
    kind = OutsideError if found.exit_code == OutsideError.exit_code else SchemaError
    raise kind(
        f"{where}{message}",
        hint=problem.hint if problem else None,
        file=problem.file if problem and not revision else None,
        line=problem.line if problem and not revision else None,
    )
