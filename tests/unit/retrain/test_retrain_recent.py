"""Both models on rows that neither was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from assay import config as configs
from assay.evaluation import Found, parse
from assay.gates.judge import judge
from assay.inference import metrics as measures
from assay.inference import samples
from assay.inference.recent import WHERE, Recent, recent
from assay.pairing import Paired, RowMatch
from assay.report import escape, newer
from assay.section import Status
from assay.stages.evaluate import EvaluateSection, Evaluation
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

if TYPE_CHECKING:
    from pathlib import Path

    from assay.config import Config
    from assay.section import Reason

ROWS = 400
CONFIG = """\
predictions: {path: p.csv, truth: y, score: s, key: id}
metrics: {roc_auc: {min: 0.6, max_regression: 0.01}}
retrain: {recent: {time: time, trained_on: train.csv}}
"""
DAYS = pd.date_range("2012-01-01", periods=ROWS, freq="D").strftime("%Y-%m-%d")


def config(text: str = CONFIG) -> Config:
    return configs.parse(text)


def found(scores: Any, times: Any = DAYS, truth: Any = None) -> Found:
    y = np.arange(ROWS) % 2 if truth is None else truth
    frame = pd.DataFrame({"id": np.arange(ROWS), "time": times, "y": y, "s": scores})
    spec = config().predictions
    assert spec is not None
    return Found(frame=frame, predictions=parse(frame, spec, like=None))


def told(skill: float, seed: int) -> Any:
    """Scores of a model: the more skill, the closer to the truth."""
    noise = np.random.default_rng(seed).uniform(0, 1, ROWS)
    return np.clip(skill * (np.arange(ROWS) % 2) + (1 - skill) * noise, 0.01, 0.99)


HEAD, BASE = found(told(0.4, 1)), found(told(0.1, 2))
SAME = RowMatch(shared=ROWS, only_head=0, only_base=0, truth_differs=0, by_key=True)


def asked(
    root: Path,
    *,
    head_until: str = "2012-10-01",
    base_until: str = "2012-06-01",
    head: Found = HEAD,
    base: Found = BASE,
    given: Config | None = None,
) -> tuple[Recent | None, tuple[Reason, ...]]:
    folders = root / "head", root / "base"
    for folder, until in zip(folders, (head_until, base_until), strict=True):
        folder.mkdir(exist_ok=True)
        if until:
            (folder / "train.csv").write_text(f"x,time\n1,2011-01-01\n2,{until}\n")
    return recent(
        head, Paired(SAME, base), given or config(), folders, measured=["roc_auc"], own={}
    )


def test_only_rows_newer_than_the_training_data_of_both_count(tmp_path: Path) -> None:
    known, reasons = asked(tmp_path)
    assert known is not None
    assert reasons == ()
    assert (known.trained_until, known.first, known.last) == (
        "2012-10-01",
        "2012-10-02",
        "2013-02-03",
    )
    mask = np.array(DAYS) > "2012-10-01"
    assert (known.rows, known.of, known.whole) == (mask.sum(), ROWS, False)
    (evidence,) = known.evidence
    truth = np.arange(ROWS) % 2
    # scikit-learn is the oracle.
    assert HEAD.frame is not None
    assert BASE.frame is not None
    assert evidence.head == pytest.approx(roc_auc_score(truth[mask], HEAD.frame["s"][mask]))
    assert evidence.base == pytest.approx(roc_auc_score(truth[mask], BASE.frame["s"][mask]))


def test_the_champion_is_not_judged_on_what_it_knows_either(tmp_path: Path) -> None:
    known, _ = asked(tmp_path, head_until="2012-03-01", base_until="2012-10-01")
    assert known is not None
    assert known.trained_until == "2012-10-01"


def section(known: Recent | None) -> EvaluateSection:
    rows = samples.samples(HEAD, Paired(SAME, BASE), config(), {})
    assert rows is not None
    evidence, _ = measures.whole(rows, ["roc_auc"])
    values = [
        Evaluation.model_validate(
            {"metrics": [{"name": "roc_auc", "value": v, "source": "p.csv", "recomputed": True}]}
        )
        for v in (evidence[0].head, evidence[0].base)
    ]
    return EvaluateSection(
        status=Status.PASS, head=values[0], base=values[1], evidence=evidence, recent=known
    )


def test_the_gates_are_held_against_them_too(tmp_path: Path) -> None:
    known, _ = asked(tmp_path)
    gates = judge(config(), section(known))
    assert [(gate.rule, gate.slice, gate.result) for gate in gates] == [
        ("min", None, "passed"),
        ("max_regression", None, "passed"),
        ("min", WHERE, "passed"),
        ("max_regression", WHERE, "passed"),
    ]
    swapped, _ = asked(tmp_path, head=BASE, base=HEAD)
    worse = judge(config(), section(swapped))
    assert [gate.result for gate in worse if gate.slice] == ["passed", "failed"]
    assert f"roc_auc on {WHERE}" in worse[-1].message


def test_an_evaluation_set_of_the_newest_rows_is_it_already(tmp_path: Path) -> None:
    known, reasons = asked(tmp_path, head_until="2011-12-31", base_until="2011-06-01")
    assert known is not None
    assert known.whole
    assert reasons == ()
    assert len(judge(config(), section(known))) == 2
    (phrase,) = newer.phrases(known)
    assert escape.text(phrase).startswith(
        "On all 400 labelled rows from 2012-01-01 to 2013-02-03, newer than all that either model "
        "was trained on (until 2011-12-31): ROC AUC 0.5"
    )


def test_where_no_row_is_newer_that_is_said_and_nothing_passes_for_it(tmp_path: Path) -> None:
    known, (reason,) = asked(tmp_path, head_until="2013-02-03")
    assert known is not None
    assert known.rows == 0
    assert reason.severity == "warning"
    assert reason.message.startswith("No evaluated row is newer than what the models were trained")
    gates = [gate for gate in judge(config(), section(known)) if gate.slice == WHERE]
    assert [gate.result for gate in gates] == ["not decided"]
    assert list(newer.phrases(known)) == []


def test_too_few_rows_decide_nothing(tmp_path: Path) -> None:
    known, _ = asked(tmp_path, head_until="2013-01-20")
    assert known is not None
    assert known.rows == 14
    gates = [gate for gate in judge(config(), section(known)) if gate.slice == WHERE]
    assert [(gate.result, gate.message) for gate in gates] == [
        ("not decided", f"roc_auc on {WHERE}: 14 rows, and 30 are needed")
    ]


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("", "Base: train.csv is not there, so which rows are new to both models is not known."),
        ("soon", "`time` of train.csv is neither dates nor numbers."),
        ("", ""),
    ],
)
def test_what_cannot_be_known_is_a_warning(tmp_path: Path, until: str, message: str) -> None:
    if message:
        _, (reason,) = asked(tmp_path, base_until=until)
        assert (reason.severity, reason.message) == ("warning", message)
        return
    (tmp_path / "base").mkdir()
    (tmp_path / "base/train.csv").write_text("x\n1\n")
    _, (reason,) = asked(tmp_path, base_until="")
    assert "Base: train.csv: `time` cannot be read" in reason.message


def test_dates_that_are_numbers_at_base_are_no_dates(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/train.csv").write_text("x,time\n1,8759\n")
    _, (reason,) = asked(tmp_path, base_until="")
    assert "and numbers in the other" in reason.message


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([*DAYS[1:], None], "has no value in 1 rows"),
        (np.arange(ROWS), "dates in one of the evaluated rows and"),
        (["x"] * ROWS, "is neither dates nor numbers"),
    ],
)
def test_a_column_that_puts_nothing_in_order(tmp_path: Path, times: Any, message: str) -> None:
    _, (reason,) = asked(tmp_path, head=found(told(0.4, 1), times))
    assert message in reason.message


def test_the_table_of_features_may_have_the_column(tmp_path: Path) -> None:
    """In another order, as its key says."""
    assert HEAD.frame is not None
    assert BASE.frame is not None
    table = HEAD.frame[["id", "time"]].iloc[::-1]
    (tmp_path / "head").mkdir()
    table.to_csv(tmp_path / "head/features.csv", index=False)
    bare = [
        Found(frame=one.frame.drop(columns="time"), predictions=one.predictions)
        for one in (HEAD, BASE)
        if one.frame is not None
    ]
    named = config(CONFIG.replace("key: id", "key: id, features: features.csv"))
    assert asked(tmp_path, head=bare[0], base=bare[1], given=named) == asked(tmp_path)


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    text = CONFIG.replace("time: time", "time: when")
    known, (reason,) = asked(tmp_path, given=config(text))
    assert known is None
    assert "when" in reason.message


def test_models_that_cannot_be_asked_about_the_same_rows_are_not_compared(tmp_path: Path) -> None:
    apart = Paired(SAME.model_copy(update={"pairing": "unpaired"}), BASE)
    known, (reason,) = recent(
        HEAD, apart, config(), (tmp_path, tmp_path), measured=["roc_auc"], own={}
    )
    assert known is None
    assert reason.severity == "warning"


def test_without_the_key_nothing_is_looked_at(tmp_path: Path) -> None:
    plain = config("predictions: {path: p.csv, truth: y, score: s}")
    assert asked(tmp_path, given=plain) == (None, ())


@given(until=st.lists(st.integers(-5, ROWS + 5), min_size=2, max_size=2))
@settings(max_examples=15)
def test_no_row_of_the_training_data_is_ever_counted(until: list[int]) -> None:
    import tempfile
    from pathlib import Path

    numbers = np.arange(ROWS)
    head, base = found(told(0.4, 1), numbers), found(told(0.1, 2), numbers)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, last in zip(("head", "base"), until, strict=True):
            (root / name).mkdir()
            (root / name / "train.csv").write_text(f"time\n{last - 3}\n{last}\n")
        known, _ = recent(
            head,
            Paired(SAME, base),
            config(CONFIG.replace("min: 0.6, ", "")),
            (root / "head", root / "base"),
            measured=["roc_auc"],
            own={},
        )
    assert known is not None
    assert known.rows == sum(numbers > max(until))
    assert known.first is None or int(known.first) > max(until)
