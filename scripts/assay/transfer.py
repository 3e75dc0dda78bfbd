"""Moving objects between a DVC remote and the cache: measured, watched, and checked on arrival."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from assay.section import Fact
from assay.workspace import objects, remotefailure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assay.context import Context
    from assay.process import Completed
    from assay.workspace.dvccli import Dvc, Remote
    from assay.workspace.dvcfiles import Output

_POLL_SECONDS = 0.1


class Transfer(Fact):
    """What one revision needed from the remote."""

    revision: Literal["head", "base"]
    files: int
    """Objects that were fetched now."""
    bytes: int
    seconds: float
    cached: int
    """Objects that were in the cache already."""


def move(
    context: Context,
    dvc: Dvc,
    arguments: Sequence[str],
    outputs: Sequence[Output],
    remote: Remote | None,
    *,
    revision: Literal["head", "base"],
) -> tuple[Transfer, Completed]:
    """Run one `dvc pull` or `fetch`, measure what it moved, and check what it brought.

    Raises:
        RemoteError: DVC failed.
    """
    cache = context.workspace.dvc.cache_dir()
    before = {found.path for found in objects.objects(cache, outputs) if found.present}
    own = dvc.root in cache.parents
    started = set(objects.unfinished(cache)) if own else set()
    start = time.monotonic()
    done = _watched(context, dvc, arguments, outputs, revision=revision)
    seconds = time.monotonic() - start
    found = [o for o in objects.objects(cache, outputs) if o.present and o.path not in before]
    fresh = {o.path: o for o in found}
    damaged = {path for path, item in fresh.items() if not objects.is_intact(item)}
    for path in damaged:
        _remove(path, [dvc.root / item.name for item in found if item.path == path])
        del fresh[path]
    if done.code != 0 and own:  # what DVC was writing when it failed; a cache may be shared
        for path in set(objects.unfinished(cache)) - started:
            path.unlink(missing_ok=True)
    if done.code != 0 and not remotefailure.is_only_unsaved(done):
        absent = [o for o in objects.objects(cache, outputs) if not o.present]
        raise remotefailure.explain(done, remote, absent)
    moved = Transfer(
        revision=revision,
        files=len(fresh),
        bytes=sum(path.stat().st_size for path in fresh),
        seconds=round(seconds, 3),
        cached=len(before),
    )
    return moved, done


def _remove(damaged: Path, placed: Sequence[Path]) -> None:
    """Remove a damaged object and its copies: the next run would take them for good.

    Somebody's own file in that place is not a copy of it, and stays.
    """
    content = objects.content_hash(damaged)
    for path in placed:
        if path.is_file() and objects.content_hash(path) == content:
            path.unlink()
    damaged.unlink()


def _watched(
    context: Context,
    dvc: Dvc,
    arguments: Sequence[str],
    outputs: Sequence[Output],
    *,
    revision: str,
) -> Completed:
    """Run DVC with a progress bar over the bytes that arrive in the cache."""
    if not context.console.interactive or revision == "base":
        return dvc.stream(*arguments, on_line=lambda _: None)
    cache = context.workspace.dvc.cache_dir()
    total = sum(out.size or 0 for out in outputs if out.object_path)
    with context.console.progress() as bar, ThreadPoolExecutor(max_workers=1) as pool:
        task = bar.add_task(f"pulling {revision}", total=total)
        running = pool.submit(dvc.stream, *arguments, on_line=lambda _: None)
        while not running.done():
            start = time.monotonic()
            bar.update(task, completed=_arrived(cache, outputs))
            # Looking at a folder of many files takes a while; do not spend the time on that.
            time.sleep(max(_POLL_SECONDS, 10 * (time.monotonic() - start)))
        return running.result()


def _arrived(cache: Path, outputs: Sequence[Output]) -> int:
    sizes = {}
    for found in objects.objects(cache, outputs):
        with contextlib.suppress(FileNotFoundError):
            sizes[found.path] = found.path.stat().st_size
    return sum(sizes.values())


def present(cache: Path, outputs: Sequence[Output]) -> bool:
    """Whether the cache holds all objects of these outputs."""
    return all(found.present for found in objects.objects(cache, outputs))
