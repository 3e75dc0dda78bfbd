"""Records of runs that know how sure they are: intervals, causes, data, groups, features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.causes import Causes, CodeChange, PackageChange, PythonChange, StageChange
from assay.datadiff.section import (
    Category,
    ColumnChange,
    DataChange,
    LabelBalance,
    Leakage,
    Profile,
    RowChange,
    Shift,
)
from assay.evidence import Evidence, FairnessFact, SliceEvidence
from assay.gates import SignificanceTest
from assay.inference.metrics import LeftOutFact
from assay.inference.worst import Search, WorstSlice
from assay.pairing import RowMatch
from assay.rescoring import FeatureImportance, Importance
from assay.section import Status
from assay.seeds import SeedNoise

from tests.records import change, good, metric_gate, slice_change

if TYPE_CHECKING:
    from assay.record import RunRecord


def evidence(metric: str, base: float, head: float, reach: float, p_value: float) -> Evidence:
    return Evidence(
        metric=metric,
        base=base,
        head=head,
        low=head - base - reach,
        high=head - base + reach,
        confidence=0.95,
        standard_error=reach / 1.96,
        p_value=p_value,
        method="multinomial" if metric == "f1" else "delong",
        units=8735,
    )


def sure(hostile: str = "") -> RunRecord:
    """Better overall, and worse on a slice that a gate watches; with all that may explain it.

    Args:
        hostile: Put behind every name that a repository can choose.
    """
    record = good()
    assert record.compare is not None
    assert record.evaluate is not None
    f1 = evidence("f1", 0.6512, 0.6634, 0.0081, 0.003)
    roc_auc = evidence("roc_auc", 0.8412, 0.8795, 0.0102, 1e-9)
    weekend = evidence("f1", 0.5890, 0.5312, 0.0310, 0.0003)
    rain = evidence("f1", 0.4810, 0.4655, 0.0720, 0.67)
    spring = evidence("f1", 0.6021, 0.6304, 0.0240, 0.021)
    slices = (
        (f"season = 1{hostile}", 2081, spring, "no evidence", 0.042),
        (f"workingday = 0{hostile}", 2752, weekend, "worse", 0.0009),
        (f"weathersit = 3{hostile}", 706, rain, "no evidence", 0.67),
    )
    message = f"f1 on workingday = 0{hostile} fell by 0.0578, more than chance explains"
    message += " (p = 0.00045, corrected for 3 tests)"
    gate = metric_gate("f1", "no_significant_regression", None, 0.0578, passed=False, message="")
    test = SignificanceTest(
        null=0.0, p_value=0.00015, adjusted=0.00045, rank=1, family=3, alpha=0.025
    )
    gate = gate.model_copy(
        update={
            "message": message,
            "slice": f"workingday = 0{hostile}",
            "key": ("metrics", "f1", "slices", "no_significant_regression"),
            "test": test,
        }
    )
    evaluate = record.evaluate.model_copy(
        update={
            "rows": RowMatch(shared=8735, only_head=0, only_base=0, truth_differs=0, by_key=True),
            "evidence": (f1, roc_auc),
            "slices": tuple(
                SliceEvidence(
                    name=name,
                    rows=rows,
                    units=rows,
                    judged=True,
                    evidence=(found,),
                    head={"f1": found.head},
                    base={"f1": found.base},
                )
                for name, rows, found, _, _ in slices
            ),
            "left_out": (
                LeftOutFact(
                    name=f"station{hostile}",
                    reason="too many values",
                    values=312,
                    rows=4110,
                    examples=(f"station = 17{hostile}", "station = 4"),
                ),
            ),
            "fairness": (
                FairnessFact(
                    column=f"member{hostile}",
                    measure="equal_opportunity_difference",
                    head=0.081,
                    base=0.064,
                    low=0.052,
                    high=0.113,
                    groups=("casual", "registered"),
                    apart=("casual", "registered"),
                    excluded={f"guest{hostile}": "too few rows (12 rows)"},
                ),
                FairnessFact(
                    column="member",
                    measure="equalized_odds_ratio",
                    head=None,
                    undefined=f"the group `x{hostile}` has no positive rows",
                ),
            ),
            "search": Search(
                found=WorstSlice(
                    rule=f"temp >= 21.5 and workingday = 0{hostile}",
                    expression=f"temp >= 21.5 and workingday == '0{hostile}'",
                    loss="log loss",
                    rows=611,
                    searched=8735,
                    tested=302,
                    inside=0.084,
                    outside=-0.021,
                    low=0.031,
                    high=0.137,
                    p_value=0.0008,
                    significant=True,
                )
            ),
            "seeds": SeedNoise(
                param="train.seed",
                seeds=(8, 9, 10),
                values={"f1": (0.661, 0.664, 0.662)},
                standard_deviation={"f1": 0.0015},
                seconds=34.1,
            ),
            "importance": Importance(
                metric="f1",
                rows=5000,
                of_rows=8735,
                repeats=5,
                has_base=True,
                more=9,
                features=(
                    FeatureImportance(
                        feature=f"hour{hostile}",
                        head=0.31,
                        head_deviation=0.01,
                        base=0.27,
                        base_deviation=0.01,
                    ),
                    FeatureImportance(feature="lag_24", head=0.12, head_deviation=0.004),
                ),
            ),
        }
    )
    compare = record.compare.model_copy(
        update={
            "status": Status.FAIL,
            "exit_code": 1,
            "metrics": (
                change("f1", 0.6512, 0.6634, configured=True, evidence=f1),
                change("roc_auc", 0.8412, 0.8795, configured=True, evidence=roc_auc),
                *record.compare.metrics[2:],
            ),
            "slices": tuple(
                slice_change("", name, rows, found.base, found.head).model_copy(
                    update={"name": name, "evidence": found, "change": word, "adjusted": p_value}
                )
                for name, rows, found, word, p_value in slices
            ),
            "gates": (*record.compare.gates, gate),
            "causes": causes(hostile),
            "data": (data(hostile),),
            "leakage": (
                Leakage(
                    path=f"data/test.csv{hostile}",
                    other="data/train.csv",
                    rows=8735,
                    shared_rows=12,
                    shared_keys=0,
                    columns=17,
                ),
            ),
        }
    )
    return record.with_section("evaluate", evaluate).with_section("compare", compare)


def causes(hostile: str) -> Causes:
    code = CodeChange(path=f"bikes/featurize.py{hostile}", change="modified", added=14, removed=3)
    return Causes(
        stages=(
            StageChange(name=f"featurize{hostile}", change="modified", code=(code,)),
            StageChange(
                name="train",
                change="modified",
                base_command="python -m bikes.train",
                head_command=f"python -m bikes.train --deep{hostile}",
            ),
        ),
        unclaimed=(CodeChange(path="bikes/util.py", change="added", added=20, removed=0),),
        declared_in="uv.lock",
        packages=(
            PackageChange(name="scikit-learn", base="1.5.2", head=f"1.6.1{hostile}", direct=True),
            PackageChange(name="joblib", base="1.4.0", head="1.4.2", direct=False),
        ),
        python=(PythonChange(file=".python-version", base="3.11", head="3.12"),),
    )


def data(hostile: str) -> DataChange:
    numbers = {"distinct": 40, "minimum": 0.0, "std": 8.0}
    return DataChange(
        path=f"data/raw/hour.csv{hostile}",
        rows=RowChange(
            head=17379,
            base=16100,
            key=("instant",),
            added=1300,
            removed=21,
            changed=77,
            unchanged=16002,
            compared=77,
        ),
        columns=(
            ColumnChange(
                name=f"temp{hostile}",
                change="kept",
                kind="number",
                head_type="DOUBLE",
                base_type="DOUBLE",
                head=Profile(nulls=120, null_share=0.0069, mean=22.4, maximum=41.0, **numbers),
                base=Profile(nulls=0, null_share=0.0, mean=17.1, maximum=39.4, **numbers),
                changed_rows=60,
                shift=Shift(
                    psi=0.31,
                    size="large",
                    within_chance=False,
                    distance=0.22,
                    mean_difference=0.66,
                ),
            ),
            ColumnChange(
                name="weather",
                change="kept",
                kind="category",
                head_type="VARCHAR",
                base_type="VARCHAR",
                head=Profile(nulls=0, null_share=0.0, distinct=5),
                base=Profile(nulls=0, null_share=0.0, distinct=4),
                new=1,
                new_examples=(f"hail{hostile}",),
            ),
            ColumnChange(
                name="station", change="added", kind="category", head_type=f"VARCHAR{hostile}"
            ),
            ColumnChange(name="hum", change="kept", kind="number"),
        ),
        label=LabelBalance(
            column="peak",
            distance=0.02,
            classes=(
                Category(value="0", head=13900, base=13200, head_share=0.8, base_share=0.82),
                Category(value="1", head=3479, base=2900, head_share=0.2, base_share=0.18),
            ),
        ),
    )
