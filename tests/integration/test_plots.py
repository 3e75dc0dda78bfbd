"""The plots that dvc.yaml declares, made by DVC itself."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from assay.plots import _renamed, declared_plots

if TYPE_CHECKING:
    from tests.repos import Project

PLOTS = """\
plots:
  - roc.csv: {x: fpr, y: tpr, title: "ROC $(touch pwned)"}
  - pictures/confusion matrix.png
"""
# The smallest PNG that there is.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def _plotted(project: Project, *, bend: float) -> None:
    """DVC looks at nothing but the plots."""
    for name in ("dvc.lock", "data/raw.csv.dvc", "data/photos.dvc"):
        (project.root / name).unlink(missing_ok=True)
    rows = [f"{step / 10},{(step / 10) ** bend}" for step in range(11)]
    project.commit(
        {
            "dvc.yaml": PLOTS,
            "roc.csv": "\n".join(["fpr,tpr", *rows]) + "\n",
            "pictures/confusion matrix.png": PNG,
        }
    )


def test_head_over_base(project: Project) -> None:
    _plotted(project, bend=0.5)
    _plotted(project, bend=0.2)

    context = project.context(base="HEAD~1")
    plots, reasons = declared_plots(context)

    assert reasons == []
    state = context.workspace.state
    assert all((state / plot.file).is_file() for plot in plots)
    (curve,) = [plot for plot in plots if plot.kind == "vega"]
    content = json.loads((state / curve.file).read_text())
    rows = content["data"]["values"]
    assert {row["rev"] for row in rows} == {"head", "base"}
    assert content["encoding"]["color"]["scale"]["domain"] == ["head", "base"]
    assert project.git("rev-parse", "--short", "HEAD~1") not in json.dumps(content)
    images = {plot.revision: plot.file for plot in plots if plot.kind == "image"}
    assert set(images) == {"head", "base"}
    assert all((state / file).read_bytes() == PNG for file in images.values())
    assert not list(project.root.rglob("pwned"))


def test_without_base(project: Project) -> None:
    _plotted(project, bend=0.5)
    context = project.context()
    plots, reasons = declared_plots(context)
    assert reasons == []
    assert {plot.kind for plot in plots} == {"vega", "image"}
    assert [plot.revision for plot in plots if plot.kind == "image"] == ["head"]


def test_a_plot_of_something_damaged_is_no_failure(project: Project) -> None:
    _plotted(project, bend=0.5)
    project.write({"roc.csv": ""})
    plots, _ = declared_plots(project.context())
    assert [plot.kind for plot in plots] == ["image"]


def test_plots_that_dvc_cannot_make_are_a_note(project: Project) -> None:
    _plotted(project, bend=0.5)
    project.write({"dvc.yaml": f"{PLOTS}nonsense: 1\n"})
    plots, (reason,) = declared_plots(project.context())
    assert plots == ()
    assert reason.severity == "note"
    assert reason.file == "dvc.yaml"
    assert "could not be made: './dvc.yaml' validation failed" in reason.message


def test_without_plots_dvc_is_not_asked(project: Project) -> None:
    project.write({".assay/plots/old.vl.json": "{}"})
    assert declared_plots(project.context()) == ((), [])
    assert not (project.root / ".assay/plots").exists()


def test_only_revisions_are_renamed() -> None:
    """A column of the user's may hold the word by which DVC calls what is checked out."""
    rows = [{"rev": "workspace", "place": "workspace"}, {"rev": "ab12", "place": "x"}, "odd"]
    content = {"data": {"values": rows}, "scale": {"domain": ["workspace", "ab12"]}}
    assert _renamed(content, {"workspace": "head", "ab12": "base"}) == {
        "data": {
            "values": [{"rev": "head", "place": "workspace"}, {"rev": "base", "place": "x"}, "odd"]
        },
        "scale": {"domain": ["head", "base"]},
    }
