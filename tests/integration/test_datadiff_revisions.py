"""Which data files changed, and base's version of them: real git, real DVC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.datadiff import revisions
from assay.datadiff.revisions import changes, leaks, needed
from assay.datadiff.section import Leakage
from assay.section import Reason

if TYPE_CHECKING:
    from assay.context import Context

    from tests.repos import Project

CONFIG = """\
data:
  - {path: data/raw.csv, schema: schema.py:S, key: id, label: y}
"""
PARTS = """\
data:
  - {path: "data/*/*.csv", schema: schema.py:S, key: id}
"""


def _edit(project: Project) -> None:
    """Ten rows changed, ten gone, five new."""
    path = project.root / "data/raw.csv"
    header, *rows = path.read_text().splitlines()
    rows = [row.replace("spring", "winter") for row in rows[:20]] + rows[30:]
    rows += [f"{i},1,autumn" for i in range(900, 905)]
    path.unlink()
    path.write_text("\n".join([header, *rows]) + "\n")


def _needed(context: Context) -> list[str]:
    assert context.record.base is not None
    base = context.workspace.files_at(context.record.base.sha)
    return [out.path for out in needed(context.config, context.workspace.head_files(), base)]


def test_a_changed_file_under_dvc_is_compared(project: Project) -> None:
    _edit(project)
    project.dvc("add", "--quiet", "data/raw.csv")
    project.commit()
    context = project.context(base="main", config=CONFIG)
    (found,) = changes(context)
    assert found.path == "data/raw.csv"
    assert found.problems == ()
    assert found.rows is not None
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (5, 10, 10)
    season = next(c for c in found.columns if c.name == "season")
    assert (season.changed_rows, season.new, season.new_examples) == (10, 2, ("winter", "autumn"))
    assert found.label is not None
    assert _needed(context) == ["data/raw.csv"]


def test_unchanged_data_is_not_compared(project: Project) -> None:
    context = project.context(base="main", config=CONFIG)
    assert changes(context) == ()
    assert _needed(context) == []


def test_a_change_that_dvc_does_not_know_yet(project: Project) -> None:
    _edit(project)
    (found,) = changes(project.context(base="main", config=CONFIG))
    assert found.rows is not None
    assert found.rows.added == 5


def test_base_that_was_not_fetched_is_a_problem(project: Project) -> None:
    path = project.object_of("data/raw.csv")
    _edit(project)
    project.dvc("add", "--quiet", "data/raw.csv")
    project.commit()
    path.unlink()
    (found,) = changes(project.context(base="main", config=CONFIG))
    assert found.rows is None
    assert found.problems[0].message == (
        "Base's data/raw.csv was not fetched: what changed is not known."
    )


def test_a_damaged_head_is_a_problem_and_no_error(project: Project) -> None:
    path = project.root / "data/raw.csv"
    path.unlink()
    path.write_text("id,y,season\n1,2\n")
    (found,) = changes(project.context(base="main", config=CONFIG))
    (problem,) = found.problems
    assert problem.message == (
        "What changed in the data is not known: data/raw.csv is ragged: line 2 has 2 fields,"
        " where the header has 3."
    )
    assert (problem.severity, problem.key) == ("warning", ("data", 0, "path"))


def test_data_in_git_and_in_several_parts(project: Project) -> None:
    project.git("checkout", "--quiet", "-b", "parts", "main")
    project.commit({"data/parts/a.csv": "id,x\n1,2\n2,3\n", "data/parts/b.csv": "id,x\n3,4\n"})
    base = project.git("rev-parse", "HEAD")
    project.commit({"data/parts/a.csv": "id,x\n2,3\n", "data/parts/c.csv": "id,x\n1,2\n4,5\n"})
    (found,) = changes(project.context(base=base, config=PARTS))
    assert found.problems == ()
    assert found.rows is not None
    assert (found.rows.head, found.rows.base) == (4, 3)
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (1, 0, 0)


def test_data_in_a_folder_under_dvc(project: Project) -> None:
    for number, ids in enumerate(("1,2\n2,3\n", "3,4\n")):
        project.write({f"data/tables/{number}.csv": f"id,x\n{ids}"})
    project.dvc("add", "--quiet", "data/tables")
    base = project.commit()
    (project.root / "data/tables/1.csv").unlink()
    project.write({"data/tables/1.csv": "id,x\n3,5\n"})
    project.dvc("add", "--quiet", "data/tables")
    project.commit()
    context = project.context(base=base, config=PARTS)
    (found,) = changes(context)
    assert found.rows is not None
    assert (found.rows.changed, found.rows.unchanged) == (1, 2)
    assert _needed(context) == ["data/tables"]


def test_a_new_file_has_nothing_to_be_compared_with(project: Project) -> None:
    base = project.git("rev-parse", "HEAD")
    project.commit({"data/new/a.csv": "id\n1\n"})
    (found,) = changes(project.context(base=base, config=PARTS))
    assert [p.message for p in found.problems] == [
        "data/*/*.csv is not in base: there is nothing to compare it with."
    ]


def test_without_a_base_there_is_no_change(project: Project) -> None:
    assert changes(project.context(config=CONFIG)) == ()


def test_leakage_between_two_files(project: Project) -> None:
    rows = (project.root / "data/raw.csv").read_text().splitlines()
    project.write({"data/test.csv": "\n".join([*rows[:5], "777,1,spring"]) + "\n"})
    config = """\
data:
  - {path: data/test.csv, schema: schema.py:S, key: id, disjoint_from: data/raw.csv}
  - {path: data/test.csv, schema: schema.py:S, disjoint_from: data/absent.csv}
"""
    found, problem = leaks(project.context(base="main", config=config))
    assert isinstance(found, Leakage)
    assert (found.rows, found.shared_rows, found.shared_keys) == (5, 4, 4)
    assert isinstance(problem, Reason)
    assert problem.message == ("The rows in common are not known: data/absent.csv does not exist.")
    assert problem.key == ("data", 1, "disjoint_from")


def test_a_pattern_of_many_stars_is_quick_to_match() -> None:
    name = "/".join("abcdefghijklmnopqrstuvwxyz")
    assert revisions._matches(f"{name}.csv", "**/" * 30 + "*.csv")
    assert not revisions._matches(f"{name}.csv", "**/" * 30 + "*.parquet")
    assert revisions._matches("a/b.csv", "a/**/b.csv")
    assert not revisions._matches("a/b/c.csv", "a/*.csv")
