"""checkout: real git, real DVC, real remotes, and what each of them does when it goes wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import resource
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from assay.errors import RemoteError, RepositoryError
from assay.section import Status
from assay.stages import checkout

from tests.builders import printed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.context import Context

    from tests.repos import Project


def _failure(context: Context, kind: type[Exception] = RemoteError) -> RemoteError:
    with pytest.raises(kind) as caught:
        checkout.run(context)
    assert isinstance(caught.value, RemoteError | RepositoryError)
    return caught.value


def _damage(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"x" + path.read_bytes()[1:])


# --- what is fetched ----------------------------------------------------------------------------


def test_head_and_base_are_fetched_once(cloned: Project) -> None:
    section = checkout.run(cloned.context(base="main"))

    assert section.status is Status.PASS
    assert section.remote == "store"
    assert section.url == str(cloned.remote)
    head, base = section.transfers
    assert (head.revision, head.files, head.cached) == ("head", 6, 0)
    assert head.bytes == sum(p.stat().st_size for p in _placed(cloned))
    assert (base.revision, base.files) == ("base", 1)
    assert (cloned.root / "data/photos/b.jpg").read_text() == "another photo"
    before = cloned.root / ".assay/base"
    assert json.loads((before / "metrics.json").read_text())["accuracy"] < 1
    assert (before / "predictions.csv").read_text() != (cloned.root / "predictions.csv").read_text()
    # Base needs no data and no model.
    assert not (before / "model.bin").exists()
    assert cloned.git("status", "--porcelain") == ""

    again = checkout.run(cloned.context(base="main"))

    assert [(t.revision, t.files, t.bytes) for t in again.transfers] == [("head", 0, 0)]
    assert (before / "predictions.csv").exists()


def _placed(project: Project) -> list[Path]:
    listing = project.object_of("data/photos")
    names = ["data/raw.csv", "data/prepared.csv", "model.bin", "predictions.csv"]
    photos = ["data/photos/a.jpg", "data/photos/b.jpg"]
    # Both photos and the list of them; prepared.csv is a copy of raw.csv, thus the same object.
    return [*(project.root / name for name in (*names[:1], *names[2:], *photos)), listing]


def test_predictions_that_did_not_change_are_not_fetched_for_base(cloned: Project) -> None:
    cloned.commit({"README.md": "A text."})

    section = checkout.run(cloned.context(base="better"))

    assert [t.revision for t in section.transfers] == ["head"]
    assert (cloned.root / ".assay/base/predictions.csv").read_bytes() == (
        cloned.root / "predictions.csv"
    ).read_bytes()


def test_files_of_an_earlier_base_do_not_stay(project: Project) -> None:
    project.write({".assay/base/predictions.csv": "of another base"})
    checkout.run(project.context())
    assert not (project.root / ".assay/base").exists()


def test_a_person_sees_how_far_it_is(cloned: Project) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    context = cloned.context()
    context.console.out = Terminal()
    checkout.run(context)
    assert "Fetched 6 files" in context.console.out.getvalue()


def test_a_repository_without_data_needs_no_remote(cloned: Project) -> None:
    for name in ("dvc.yaml", "dvc.lock", "data/raw.csv.dvc", "data/photos.dvc"):
        (cloned.root / name).unlink()
    cloned.git("config", "user.name", "Ada")
    cloned.write({".dvc/config": ""})

    section = checkout.run(cloned.context())

    assert section.status is Status.PASS
    assert section.remote is None


def test_a_stage_that_trains_here_may_lack_its_outputs(cloned: Project) -> None:
    cloned.object_of("model.bin", where=cloned.remote).unlink()

    section = checkout.run(cloned.context(train="run"))

    assert section.status is Status.PASS
    assert [r.message for r in section.reasons] == [
        "Not in the remote, so it will be made anew: model.bin."
    ]


def test_a_detached_head_and_a_dirty_tree_are_recorded_and_work(cloned: Project) -> None:
    cloned.git("checkout", "--quiet", "--detach")
    cloned.write({"params.yaml": "depth: 7\n"})

    context = cloned.context(base="main")

    assert context.record.head is not None
    assert context.record.head.branch is None
    assert context.record.head.dirty
    assert checkout.run(context).status is Status.PASS


def test_a_project_in_a_folder_of_the_repository(cloned: Project) -> None:
    (cloned.root / "ml").mkdir()
    for name in sorted({path.split("/")[0] for path in cloned.git("ls-files").splitlines()}):
        cloned.git("mv", name, "ml")
    config = (cloned.root / "ml/.dvc/config").read_text().replace("../../", "../../../")
    cloned.commit({"ml/.dvc/config": config})
    cloned.commit({"README.md": "Outside of the project."})
    inner = dataclasses.replace(cloned, root=cloned.root / "ml")

    section = checkout.run(inner.context(base="HEAD~1"))

    assert section.status is Status.PASS
    assert [t.files for t in section.transfers] == [6]
    assert (inner.root / "data/photos/a.jpg").exists()
    assert (inner.root / ".assay/base/predictions.csv").exists()
    assert cloned.git("status", "--porcelain") == ""


# --- what people work on ------------------------------------------------------------------------


def test_data_that_is_saved_nowhere_is_never_overwritten(cloned: Project) -> None:
    cloned.write({"data/raw.csv": "mine", "data/photos/c.jpg": "mine too"})

    section = checkout.run(cloned.context())

    assert (cloned.root / "data/raw.csv").read_text() == "mine"
    assert (cloned.root / "data/photos/c.jpg").read_text() == "mine too"
    assert (cloned.root / "model.bin").exists(), "everything else is in its place"
    (reason,) = section.reasons
    assert section.status is Status.WARN
    assert "data/raw.csv" in reason.message
    assert "data/photos" in reason.message
    assert "left as it is" in reason.message


def test_a_damaged_object_does_not_cost_somebody_their_own_file(cloned: Project) -> None:
    _damage(cloned.object_of("data/raw.csv", where=cloned.remote))
    cloned.write({"data/raw.csv": "mine"})

    section = checkout.run(cloned.context())

    assert section.status is Status.WARN
    assert (cloned.root / "data/raw.csv").read_text() == "mine"


# --- what is missing or damaged -----------------------------------------------------------------


def test_data_that_is_not_in_the_remote(cloned: Project) -> None:
    cloned.object_of("data/raw.csv", where=cloned.remote).unlink()

    error = _failure(cloned.context())

    assert error.exit_code == 3
    assert "data/raw.csv" in error.message
    assert "`store`" in error.message
    assert str(cloned.remote) in error.message
    assert error.hint == "Run `dvc push` where the data is."
    assert not (cloned.root / "data/raw.csv").exists()


def test_outputs_that_are_not_in_the_remote_where_nobody_trains(cloned: Project) -> None:
    cloned.object_of("model.bin", where=cloned.remote).unlink()

    error = _failure(cloned.context(train="verify"))

    assert error.exit_code == 3
    assert "model.bin" in error.message


def test_a_file_of_a_folder_that_is_not_in_the_remote(cloned: Project) -> None:
    listing = cloned.object_of("data/photos", where=cloned.remote)
    member = json.loads(listing.read_bytes())[0]
    md5 = member["md5"]
    (cloned.remote / "files/md5" / md5[:2] / md5[2:]).unlink()

    error = _failure(cloned.context())

    assert error.exit_code == 3
    assert "data/photos" in error.message


@pytest.mark.parametrize("name", ["data/raw.csv", "data/photos"])
def test_a_damaged_object_leaves_nothing_behind(cloned: Project, name: str) -> None:
    _damage(cloned.object_of(name, where=cloned.remote))

    error = _failure(cloned.context())

    assert error.exit_code == 3
    assert name in error.message
    assert "damaged" in error.message
    assert not cloned.object_of(name).exists()
    assert not (cloned.root / name).is_file()
    assert [o for o in cloned.objects() if "tmp" in o] == []


def test_a_remote_that_is_gone(cloned: Project) -> None:
    cloned.remote.rename(cloned.remote.with_name("elsewhere"))

    error = _failure(cloned.context())

    assert error.exit_code == 3
    assert f"the remote `store` ({cloned.remote}) does not exist" in error.message
    assert cloned.objects() == []


def test_base_that_is_not_in_the_remote_is_a_warning(cloned: Project) -> None:
    cloned.git("checkout", "--quiet", "main")
    cloned.object_of("predictions.csv", where=cloned.remote).unlink()
    cloned.git("checkout", "--quiet", "better")

    section = checkout.run(cloned.context(base="main"))

    assert section.status is Status.WARN
    (reason,) = section.reasons
    assert reason.message == ("Base's predictions.csv is not in the remote: no comparison with it.")
    assert not (cloned.root / ".assay/base/predictions.csv").exists()
    assert (cloned.root / "predictions.csv").exists()


def test_base_that_cannot_be_read_is_a_warning(project: Project) -> None:
    """A pull request that mends a broken dvc.yaml must be able to pass."""
    good = (project.root / "dvc.yaml").read_text()
    project.commit({"dvc.yaml": "stages: [not, a, mapping]\n"})
    project.commit({"dvc.yaml": good})

    section = checkout.run(project.context(base="HEAD~1"))

    assert section.status is Status.WARN
    assert "dvc.yaml" in section.reasons[0].message
    assert "no comparison" in section.reasons[0].message


# --- what is not set up -------------------------------------------------------------------------


def test_no_remote(cloned: Project) -> None:
    cloned.write({".dvc/config": ""})

    error = _failure(cloned.context(), RepositoryError)

    assert error.exit_code == 2
    assert "no default remote" in error.message
    assert error.file == ".dvc/config"
    assert "dvc remote add" in (error.hint or "")


def test_no_remote_is_needed_where_everything_is_here(project: Project) -> None:
    project.write({".dvc/config": ""})
    (project.root / "model.bin").unlink()

    assert checkout.run(project.context()).status is Status.PASS
    assert (project.root / "model.bin").exists()


def test_no_dvc_project(cloned: Project) -> None:
    shutil.rmtree(cloned.root / ".dvc")

    error = _failure(cloned.context(), RepositoryError)

    assert error.exit_code == 2
    assert "not a DVC repository" in error.message


def test_no_lock_to_verify(cloned: Project) -> None:
    (cloned.root / "dvc.lock").unlink()

    error = _failure(cloned.context(train="verify"), RepositoryError)

    assert error.exit_code == 2
    assert "dvc.lock" in error.message
    assert "dvc repro" in (error.hint or "")


def test_a_merge_conflict_in_dvc_lock(cloned: Project) -> None:
    lock = cloned.root / "dvc.lock"
    lock.write_text(f"<<<<<<< HEAD\n{lock.read_text()}=======\n>>>>>>> main\n")

    with pytest.raises(Exception, match="merge conflict") as caught:
        checkout.run(cloned.context())

    assert caught.value.where == "dvc.lock:1"  # type: ignore[attr-defined]


# --- disk full ----------------------------------------------------------------------------------


BIG = b"0123456789abcdef" * (1 << 18)


def _track(project: Project, name: str, content: bytes) -> None:
    """Put a file under DVC, and into the remote alone."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    pointer = f"outs:\n- md5: {md5}\n  size: {len(content)}\n  hash: md5\n  path: {name}\n"
    project.write({f"{name}.dvc": pointer})
    stored = project.remote / "files" / "md5" / md5[:2] / md5[2:]
    stored.parent.mkdir(exist_ok=True)
    stored.write_bytes(content)


@pytest.fixture
def small_cache(cloned: Project) -> Iterator[Path]:
    """A cache of two megabytes; only root can mount one, and not in every container."""
    folder = cloned.cache
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(cloned: Project, small_cache: Path) -> None:
    _track(cloned, "big.bin", BIG)

    error = _failure(cloned.context())

    assert error.exit_code == 3
    assert "the disk is full" in error.message
    assert "Free some space" in (error.hint or "")
    assert not (cloned.root / "big.bin").exists()
    assert [p for p in small_cache.rglob("*") if "tmp" in p.name] == []


def test_a_file_that_is_larger_than_allowed(cloned: Project) -> None:
    """As a full disk, but any user may have it: the kernel refuses to write more."""
    _track(cloned, "big.bin", BIG)
    context = cloned.context()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, limits[1]))
    try:
        error = _failure(context)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert error.exit_code == 3
    assert "File too large" in error.message
    assert not (cloned.root / "big.bin").exists()
    assert [o for o in cloned.objects() if "tmp" in o] == []


# --- names --------------------------------------------------------------------------------------

HOSTILE = (
    "plain name",
    "$(touch pwned)",
    "`touch pwned`",
    'quote\'d "twice"',
    "-rf",
    "--help",
    "semi;colon & more | pipes",
    "ünï 🚲",
    "::error::no",
    "glob*[a]?",
)


def test_names_are_never_run_and_always_shown_escaped(cloned: Project) -> None:
    for name in HOSTILE:
        cloned.write({f"data/{name}": f"content of {name}"})
    names = [f"data/{name}" for name in HOSTILE]
    cloned.git("checkout", "--quiet", "-b", "$(touch${IFS}pwned)'\"&;|")
    cloned.dvc("add", "--quiet", "--", *names)
    cloned.dvc("push", "--quiet", "--", *names)
    cloned.commit()
    shutil.rmtree(cloned.cache)
    for name in names:
        (cloned.root / name).unlink()

    context = cloned.context(base="main", github=True)
    checkout.run(context)

    for name in HOSTILE:
        assert (cloned.root / "data" / name).read_text() == f"content of {name}"
    assert not list(cloned.root.rglob("pwned"))

    for name in HOSTILE:
        cloned.object_of(f"data/{name}", where=cloned.remote).unlink()
    shutil.rmtree(cloned.cache)
    for name in names:
        (cloned.root / name).unlink()
    error = _failure(context)
    assert "data/$(touch pwned)" in error.message
    assert "and 5 more" in error.message
    assert not list(cloned.root.rglob("pwned"))
    assert printed(context).count("::") == 0


def test_what_dvc_files_say_cannot_reach_out_of_the_project(cloned: Project) -> None:
    outside = cloned.root.parent / "secret"
    outside.write_text("secret")
    md5 = "d41d8cd98f00b204e9800998ecf8427e"
    cloned.commit(
        {
            "data/evil.dvc": f"outs:\n- md5: {md5}\n  hash: md5\n  path: ../../secret\n",
            "data/hash.dvc": "outs:\n- md5: ../../../../../secret\n  hash: md5\n  path: stolen\n",
        }
    )
    context = cloned.context()
    files = context.workspace.head_files()

    assert all(".." not in out.path for out in files.outputs)
    assert files.output("data/stolen").object_path is None  # type: ignore[union-attr]


def test_data_is_not_placed_through_a_link_that_came_with_the_repository(cloned: Project) -> None:
    outside = cloned.root.parent / "outside"
    outside.mkdir()
    pointer = (
        "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  hash: md5\n  path: link/sub/.bashrc\n"
    )
    (cloned.root / "link").symlink_to(outside)
    cloned.commit({"evil.dvc": pointer})

    error = _failure(cloned.context(), RepositoryError)

    assert "link/sub/.bashrc would be written outside of the project" in error.message
    assert (error.file, error.exit_code) == ("link", 2)
    assert not any(outside.iterdir())

    # The same link made by whoever owns the machine: where it leads is not ours to judge.
    cloned.git("rm", "--cached", "--quiet", "link")
    cloned.git("commit", "--quiet", "-m", "no link")
    assert "is not in the remote" in _failure(cloned.context()).message
