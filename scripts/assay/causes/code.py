"""Code that changed between base and head, and the stages of `dvc.yaml` that run it."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from assay import yamlfile
from assay.console import printable
from assay.errors import AssayError, ProgramError
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from assay.workspace.dvcfiles import DvcFiles, Tree
    from assay.workspace.git import Git

How = Literal["added", "removed", "modified"]

_CODE = re.compile(r"(?i)\.(?:py|pyx|ipynb|r|rmd|jl|scala|java|c|cc|cpp|h|hpp|rs|go|sh|sql)$")
# Kept by DVC and git themselves: what they say of data and parameters is reported as that.
_BOOKKEEPING = re.compile(r"(?:^|/)(?:dvc\.(?:yaml|lock)|\.dvcignore|\.git[^/]*|[^/]+\.dvc)$")
_TEST = re.compile(r"(?:^|/)(?:tests?/|test_[^/]*$|[^/]*_test\.py$|conftest\.py$)")
_COUNTED_BYTES = 5_000_000


class CodeChange(Fact):
    """A file of git that differs."""

    path: str
    change: How
    added: int | None
    """Lines; `None` of a file that is no text."""
    removed: int | None


class StageChange(Fact):
    """A stage of `dvc.yaml` that does something else than at base."""

    name: str
    """As DVC calls it, before `foreach` and `matrix` multiply it."""
    change: How
    base_command: str | None = None
    """As dvc.yaml has it; both commands are `None` where they are equal."""
    head_command: str | None = None
    code: tuple[CodeChange, ...] = ()
    """Its dependencies in git that differ; a shared module is under each stage that has it."""
    new_dependencies: tuple[str, ...] = ()
    """Dependencies that the stage did not have at base."""
    lost_dependencies: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Definition:
    command: str
    dependencies: frozenset[str]


def changed_files(git: Git, base: str) -> tuple[CodeChange, ...]:
    """The files that git knows or does not ignore, and that differ from a commit.

    Raises:
        ProgramError: git cannot compare them.
    """
    # No program that a `.gitattributes` names: its `diff` drivers and `textconv` stay unused.
    flags = ("--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--relative")
    done = git.run("diff", *flags, "--end-of-options", base, "--")
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise ProgramError(f"`git diff` failed: {printable(said)}.")
    before, listed = set(git.files(base)), git.working_files()
    now = set(listed)
    rows = done.stdout.decode(errors="surrogateescape").split("\0")[:-1]
    found = {c.path: c for row in rows if (c := _counted(row, before, now)) is not None}
    for path in listed:
        if path not in before and path not in found:  # new, and not added to the index yet
            found[path] = _new(git, path)
    return tuple(found[path] for path in sorted(found))


def _counted(row: str, before: set[str], now: set[str]) -> CodeChange | None:
    added, removed, path = row.split("\t", 2)
    how: How = "added" if path not in before else "modified" if path in now else "removed"
    if how == "modified" and added == removed == "0":
        return None  # only its mode changed
    binary = added == "-"
    return CodeChange(
        path=path,
        change=how,
        added=None if binary else int(added),
        removed=None if binary else int(removed),
    )


def _new(git: Git, path: str) -> CodeChange:
    with (git.project / path).open("rb") as file:
        content = file.read(_COUNTED_BYTES + 1)
    text = len(content) <= _COUNTED_BYTES and b"\0" not in content[:8000]
    lines = content.count(b"\n") + bool(content and not content.endswith(b"\n"))
    return CodeChange(
        path=path, change="added", added=lines if text else None, removed=0 if text else None
    )


def stage_changes(
    head: tuple[Tree, DvcFiles], base: tuple[Tree, DvcFiles], changed: Sequence[CodeChange]
) -> Iterator[StageChange]:
    """The stages that changed, in the order of dvc.yaml; removed ones last."""
    now, then = _definitions(*head), _definitions(*base)
    code = [c for c in changed if _is_code(c.path, head[1], base[1])]
    for name in dict.fromkeys([*now, *then]):
        new, old = now.get(name), then.get(name)
        paths = {p for one in (new, old) if one for p in one.dependencies}
        touched = tuple(c for c in code if _below(c.path, paths))
        if new is None or old is None:
            yield StageChange(
                name=name,
                change="added" if new else "removed",
                base_command=old.command if old else None,
                head_command=new.command if new else None,
                code=touched,
            )
            continue
        same = new.command == old.command
        if same and not touched and new.dependencies == old.dependencies:
            continue
        yield StageChange(
            name=name,
            change="modified",
            base_command=None if same else old.command,
            head_command=None if same else new.command,
            code=touched,
            new_dependencies=tuple(sorted(new.dependencies - old.dependencies)),
            lost_dependencies=tuple(sorted(old.dependencies - new.dependencies)),
        )


def unclaimed(
    head: tuple[Tree, DvcFiles],
    base: tuple[Tree, DvcFiles],
    changed: Sequence[CodeChange],
    *,
    apart: Iterable[str],
) -> Iterator[CodeChange]:
    """Code that no stage declares: often a module that a stage imports all the same.

    Args:
        head: Its files.
        base: Its files.
        changed: What differs.
        apart: Tests and schemas, as `assay.yaml` names them.
    """
    definitions = [*_definitions(*head).values(), *_definitions(*base).values()]
    claimed = {path for one in definitions for path in one.dependencies}
    claimed |= {posixpath.normpath(name.partition(":")[0]) for name in apart}
    for change in changed:
        path = change.path
        if not _CODE.search(path) or _TEST.search(path) or _below(path, claimed):
            continue
        if _is_code(path, head[1], base[1]):
            yield change


def _is_code(path: str, head: DvcFiles, base: DvcFiles) -> bool:
    """Whether a file in git is neither an output, nor parameters, nor bookkeeping."""
    return not _BOOKKEEPING.search(path) and not any(
        path in files.param_files or files.output(path) is not None for files in (head, base)
    )


def _below(path: str, dependencies: set[str]) -> bool:
    """Whether a path is one of the dependencies, or in a folder that is one."""
    if dependencies & {path, "."}:
        return True
    parts = path.split("/")
    return any("/".join(parts[:end]) in dependencies for end in range(1, len(parts)))


def _definitions(tree: Tree, files: DvcFiles) -> dict[str, _Definition]:
    """Command and dependencies of every stage, by its name."""
    found = {}
    for path in dict.fromkeys(name.rpartition(":")[0] or "dvc.yaml" for name in files.stages):
        folder = posixpath.dirname(path)
        stages = _mapping(_mapping(_yaml(tree, path)).get("stages"))
        locked = _mapping(_mapping(_yaml(tree, posixpath.join(folder, "dvc.lock"))).get("stages"))
        for name, definition in stages.items():
            body = _mapping(_mapping(definition).get("do") or definition)
            runs = {k: v for k, v in locked.items() if k == name or k.startswith(f"{name}@")}
            found[f"{path}:{name}" if folder else str(name)] = _Definition(
                command=_command(body.get("cmd")),
                dependencies=frozenset(_dependencies(body, runs, folder)),
            )
    return found


def _yaml(tree: Tree, path: str) -> object:
    """The content of a YAML file of DVC's; nothing where it is damaged, which others report."""
    try:
        return yamlfile.load((tree.read(path) or b"").decode(errors="replace"), file=path)
    except AssayError:
        return None


def _mapping(value: object) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _list(mapping: Mapping[str, Any], key: str) -> list[Any]:
    value = mapping.get(key)
    return value if isinstance(value, list) else []


def _command(value: object) -> str:
    lines = value if isinstance(value, list) else [value or ""]
    return "\n".join(str(line).strip() for line in lines)


def _dependencies(body: Mapping[str, Any], runs: Mapping[str, Any], folder: str) -> Iterator[str]:
    """Paths relative to the project; where dvc.yaml has `${...}`, those that dvc.lock holds."""
    wdir = str(body.get("wdir") or ".")
    texts = [str(next(iter(d), "")) if isinstance(d, dict) else str(d) for d in _list(body, "deps")]
    for text in texts:
        if "${" not in f"{wdir}{text}":
            yield posixpath.normpath(posixpath.join(folder, wdir, text))
    if not any("${" in f"{wdir}{text}" for text in texts):
        return
    for name, entry in runs.items():
        item = name.partition("@")[2]
        at = re.sub(r"\$\{\s*(?:item|key)\s*\}", lambda _, item=item: item, wdir)  # type: ignore[misc]
        for dependency in _list(_mapping(entry), "deps"):
            if path := _mapping(dependency).get("path"):
                yield posixpath.normpath(posixpath.join(folder, at, str(path)))
