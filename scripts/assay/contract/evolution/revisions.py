"""The schemas of two revisions: base's files beside head's, each loaded in a process of its own."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from assay import process
from assay.console import printable
from assay.contract.evolution import reach
from assay.contract.evolution.compare import compare
from assay.contract.evolution.job import Described, Wanted
from assay.contract.evolution.section import SchemaComparison
from assay.errors import AssayError, OutsideError, ProgramError, SchemaError
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from assay.context import Context
    from assay.workspace.git import Git

LARGEST = 1 << 20
"""Bytes: a larger file is no code, and nothing that code reads when it is imported."""
_READ = {".py", ".json", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".txt", ".csv", ".tsv"}
"""What a module is, or reads when it is imported."""


@dataclass(frozen=True)
class Asked:
    """A schema to compare."""

    reference: str
    sensitive: frozenset[str] = frozenset()
    """Columns of which no value may be told."""


def of(context: Context) -> tuple[SchemaComparison, ...]:
    """What became of the schemas of `data` since base, as far as there is anything to tell.

    Nothing that goes wrong is raised: it is the problem of a comparison.
    """
    base = context.record.base
    hidden: dict[str, frozenset[str]] = {}
    for spec in context.config.data:
        reference = spec.pandera_schema
        hidden[reference] = hidden.get(reference, frozenset()).union(spec.sensitive)
    if base is None:
        return ()
    asked = [Asked(reference, sensitive) for reference, sensitive in hidden.items()]
    git, console = context.workspace.git, context.console
    try:
        with console.untrusted():
            found = comparisons(git, base.sha, asked, environ=context.environ, on_line=console.raw)
    except AssayError as error:
        prefix = "What changed in the schemas is not known: "
        problem = Reason.of(error, severity="warning", prefix=prefix)
        return tuple(SchemaComparison(reference=each.reference, problem=problem) for each in asked)
    return tuple(one for one in found if one.changes or one.added or one.problem is not None)


def comparisons(
    git: Git,
    base: str,
    asked: Sequence[Asked],
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
) -> tuple[SchemaComparison, ...]:
    """What became of some schemas between a commit and the work tree.

    Nothing is run where no file changed that could matter.

    Args:
        git: The repository, seen from the project folder.
        base: The commit.
        asked: The schemas.
        environ: Of this process; the user's code sees it without secrets.
        on_line: Takes each line that the user's code prints.

    Raises:
        OutsideError: Base's files cannot be written, or Python cannot be started.
    """
    if not asked or not _may_differ(git, base, asked):
        return tuple(SchemaComparison(reference=each.reference) for each in asked)
    references = [each.reference for each in asked]
    with exported(git, base) as root:
        before = described(root, references, environ=environ, on_line=on_line)
    after = described(git.project, references, environ=environ, on_line=on_line)
    files = set(git.files(base))
    return tuple(
        _compared(each, before[each.reference], after[each.reference], files) for each in asked
    )


def base_schema(
    git: Git,
    base: str,
    reference: str,
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
) -> Described:
    """One schema as it was at a commit.

    Raises:
        OutsideError: The files cannot be written, or Python cannot be started.
    """
    with exported(git, base) as root:
        return described(root, [reference], environ=environ, on_line=on_line)[reference]


def _compared(asked: Asked, base: Described, head: Described, files: set[str]) -> SchemaComparison:
    if head.problem is not None:  # validate tells more of it, at its place
        return SchemaComparison(reference=asked.reference, problem=_note(head.problem, "now"))
    if base.problem is not None:
        target = asked.reference.partition(":")[0]
        if target.endswith(".py") and target not in files:
            return SchemaComparison(reference=asked.reference, added=True)
        return SchemaComparison(reference=asked.reference, problem=_note(base.problem, "at base"))
    if base.description is None or head.description is None:
        raise AssertionError("a schema was neither described nor refused")
    changes = compare(base.description, head.description, asked.sensitive)
    return SchemaComparison(reference=asked.reference, changes=changes)


def _note(problem: Reason, when: str) -> Reason:
    message = f"The schema cannot be compared; {when}: {problem.message}"
    return Reason(message=message, severity="note", hint=problem.hint)


def _may_differ(git: Git, base: str, asked: Sequence[Asked]) -> bool:
    """Whether anything changed that a schema is made of; loading it twice takes seconds."""
    changed = _changed(git, base)
    if changed is None:
        return True
    return any(reach.matters(each.reference, changed, git.project) for each in asked)


def _changed(git: Git, base: str) -> set[str] | None:
    """Files that are not now what they were, or that are new; `None` where git cannot tell."""
    told: set[str] = set()
    for command in (
        ("diff", "--name-only", "-z", "--no-renames", "--relative", base, "--"),
        ("ls-files", "-z", "--others", "--exclude-standard"),
    ):
        done = git.run(*command)
        if done.returncode != 0:
            return None
        told.update(done.stdout.decode(errors="surrogateescape").split("\0")[:-1])
    return told


@contextmanager
def exported(git: Git, base: str) -> Iterator[Path]:
    """A folder with the project's code as it was at a commit; gone afterwards.

    Raises:
        OutsideError: It cannot be written.
    """
    # macOS' folder for temporary files is a link, and a module's file is not named by it.
    with tempfile.TemporaryDirectory(prefix="assay-base-", ignore_cleanup_errors=True) as folder:
        root = Path(folder).resolve()
        changed = _changed(git, base)
        try:
            for name in git.files(base):
                # A tree that was made by hand may have an entry `..`.
                if PurePosixPath(name).suffix.lower() in _READ and ".." not in name.split("/"):
                    _export(git, base, name, root / name, known=changed)
        except OSError as error:
            raise OutsideError(
                f"Base's files cannot be written: {error.strerror or error}.",
                hint="Free some space in the folder for temporary files.",
            ) from error
        yield root


def _export(git: Git, base: str, name: str, target: Path, *, known: set[str] | None) -> None:
    """One file: copied where it is still the same, since asking git takes a process each."""
    path = git.project / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if known is not None and name not in known and path.is_file():
        if path.stat().st_size <= LARGEST:
            shutil.copyfile(path, target)
    elif (content := git.read(base, name)) is not None and len(content) <= LARGEST:
        target.write_bytes(content)


def described(
    root: Path,
    references: Sequence[str],
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
) -> dict[str, Described]:
    """Schemas of a project folder, loaded in a process of its own.

    Raises:
        ProgramError: Python cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="assay-schemas-") as folder:
        job, results = Path(folder, "job.json"), Path(folder, "results.jsonl")
        wanted = Wanted(root=str(root), references=tuple(references))
        job.write_text(wanted.model_dump_json(), encoding="utf-8")
        results.touch()
        # -P: a folder `assay` in the user's project must not stand in for this package.
        argv = [sys.executable, "-P", "-m", "assay.contract.evolution", str(job), str(results)]
        env = process.user_environment(environ)
        done = process.stream(argv, cwd=root, env=env, on_line=on_line)
        lines = results.read_text(encoding="utf-8").splitlines()
    found = {each.reference: each for each in map(Described.model_validate_json, lines)}
    for reference in references:
        if reference not in found:
            found[reference] = _died(done, reference)
    return found


def _died(done: process.Completed, reference: str) -> Described:
    """The process ended before it was through."""
    kind = ProgramError if done.code < 0 else SchemaError
    said = printable(next(iter(done.tail.splitlines()[-1:]), ""))[:200]
    error = kind(
        f"The process that loads {printable(reference)} {done.ending}"
        f"{f': {said}' if said else '.'}",
        hint="Look for what the module calls when it is imported.",
    )
    return Described(reference=reference, problem=Reason.of(error), exit_code=error.exit_code)
