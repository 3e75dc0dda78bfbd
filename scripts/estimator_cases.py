"""Every predictor of scikit-learn, LightGBM, XGBoost and CatBoost, fitted on several data sets.

What `estimators.py` exports. All data sets come with scikit-learn or are drawn here; they differ in
what a model is given: named columns, a matrix without names, float32, text and missing values.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import sklearn.datasets
from sklearn import linear_model, tree
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.utils import all_estimators, get_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

ROWS = 120
"""Of each data set: enough to fit, few enough for kernels and processes."""
TEXT, NUMBERS, TRUTHS = ["town", "plan"], ["age", "income"], ["member"]
"""Columns of the mixed table."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """A table to fit on."""

    rows: pd.DataFrame
    truth: NDArray[Any]
    """(n,): labels or numbers above zero."""
    named: bool = True
    """Whether models are fitted on the table, or on a matrix."""
    scaled: bool = True
    """Whether a scaler comes first."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model, and the table that it was fitted on."""

    model: Any
    rows: pd.DataFrame


class CannotFitError(Exception):
    """An estimator is not made for a data set."""


@cache
def classification() -> dict[str, DataSet]:
    """Data sets with labels: two classes or three, numbers or text."""
    cancer = sklearn.datasets.load_breast_cancer(as_frame=True)
    wine = sklearn.datasets.load_wine(as_frame=True)
    iris = sklearn.datasets.load_iris(as_frame=True)
    mixed, score = _mixed()
    return {
        "breast_cancer": DataSet(cancer.data.iloc[:ROWS, :10], cancer.target[:ROWS].to_numpy()),
        "wine": DataSet(wine.data[::2], wine.target_names[wine.target][::2], named=False),
        "iris": DataSet(iris.data.astype(np.float32), iris.target.to_numpy(), scaled=False),
        "mixed": DataSet(mixed, np.where(score > np.median(score), "stays", "leaves")),
    }


@cache
def regression() -> dict[str, DataSet]:
    """Data sets with a number to predict."""
    diabetes = sklearn.datasets.load_diabetes(as_frame=True)
    values, truth = sklearn.datasets.make_friedman1(ROWS, random_state=0)
    columns = [f"x{place}" for place in range(values.shape[1])]
    single = pd.DataFrame(values, columns=columns).astype(np.float32)
    mixed, score = _mixed()
    return {
        "diabetes": DataSet(diabetes.data[:ROWS], diabetes.target[:ROWS].to_numpy()),
        "friedman": DataSet(pd.DataFrame(values, columns=columns), truth, named=False),
        "friedman, float32": DataSet(single, truth, scaled=False),
        "mixed": DataSet(mixed, score - score.min() + 1),
    }


def _mixed() -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Text, truths, whole numbers and missing values, and a number that depends on them."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "age": random.integers(18, 90, ROWS),
            "income": random.lognormal(10, 0.5, ROWS).round(2),
            "town": random.choice(["Bonn", "Köln", "Ulm"], ROWS),
            "plan": random.choice(["a", "b"], ROWS),
            "member": random.random(ROWS) < 0.5,
        }
    )
    score = rows["age"] / 10 + rows["income"] / 1e4 + 2.0 * (rows["town"] == "Ulm")
    score = score + rows["member"] + random.normal(0, 0.5, ROWS)
    rows.loc[::9, "income"] = np.nan
    rows.loc[4::13, "town"] = None
    return rows, score.to_numpy()


def predictors(kind: str) -> dict[str, type]:
    """Every class of scikit-learn of a kind that predicts for rows that it was not fitted on."""
    if kind == "outliers":
        found = [one for one in all_estimators() if hasattr(one[1], "decision_function")]
        known = {**predictors("classifier"), **predictors("regressor")}
        return {name: one for name, one in found if name not in known and _detects(one)}
    return {name: one for name, one in all_estimators(type_filter=kind) if hasattr(one, "predict")}


def _detects(kind: type) -> bool:
    return hasattr(kind, "fit_predict") and not hasattr(kind, "transform")


def foreign() -> dict[str, type]:
    """The predictors of other libraries."""
    names = {
        "lightgbm": ("LGBMClassifier", "LGBMRegressor"),
        "xgboost": ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor"),
        "catboost": ("CatBoostClassifier", "CatBoostRegressor"),
    }
    return {
        name: getattr(import_module(package), name)
        for package, classes in names.items()
        for name in classes
    }


def _line() -> Any:
    return linear_model.LinearRegression()


def _odds() -> Any:
    return linear_model.LogisticRegression(max_iter=300)


def _two(first: Any, second: Any) -> list[tuple[str, Any]]:
    return [("first", first), ("second", second)]


def _classes_two() -> list[tuple[str, Any]]:
    return _two(_odds(), tree.DecisionTreeClassifier(max_depth=3, random_state=0))


def _values_two() -> list[tuple[str, Any]]:
    return _two(_line(), tree.DecisionTreeRegressor(max_depth=3, random_state=0))


GIVEN: Mapping[str, Callable[[], dict[str, Any]]] = {
    "CCA": lambda: {"n_components": 1},
    "PLSCanonical": lambda: {"n_components": 1},
    "CatBoostClassifier": lambda: CATBOOST,
    "CatBoostRegressor": lambda: CATBOOST,
    "ClassifierChain": lambda: {"estimator": _odds()},
    "FixedThresholdClassifier": lambda: {"estimator": _odds(), "threshold": 0.4},
    "LGBMClassifier": lambda: {"verbose": -1},
    "LGBMRegressor": lambda: {"verbose": -1},
    "LocalOutlierFactor": lambda: {"novelty": True},
    "MultiOutputClassifier": lambda: {"estimator": _odds()},
    "MultiOutputRegressor": lambda: {"estimator": _line()},
    "OneVsOneClassifier": lambda: {"estimator": _odds()},
    "OneVsRestClassifier": lambda: {"estimator": _odds()},
    "OutputCodeClassifier": lambda: {"estimator": _odds()},
    "QuadraticDiscriminantAnalysis": lambda: {"reg_param": 0.1},
    "RadiusNeighborsClassifier": lambda: {"radius": 4.0, "outlier_label": "most_frequent"},
    "RadiusNeighborsRegressor": lambda: {"radius": 4.0},
    "RegressorChain": lambda: {"estimator": _line()},
    "SelfTrainingClassifier": lambda: {"estimator": _odds()},
    "StackingClassifier": lambda: {"estimators": _classes_two()},
    "StackingRegressor": lambda: {"estimators": _values_two()},
    "TheilSenRegressor": lambda: {"max_subpopulation": 500},
    "TransformedTargetRegressor": lambda: {"func": np.log, "inverse_func": np.exp},
    "TunedThresholdClassifierCV": lambda: {"estimator": _odds()},
    "VotingClassifier": lambda: {"estimators": _classes_two(), "voting": "soft"},
    "VotingRegressor": lambda: {"estimators": _values_two()},
}
"""Arguments, where the defaults are none, too slow, or answer one number alone."""
CATBOOST: dict[str, Any] = {
    "iterations": 20,
    "random_seed": 0,
    "verbose": False,
    "allow_writing_files": False,
}
QUICK: Mapping[str, Any] = {"n_estimators": 20, "random_state": 0}
"""Of every estimator that has such a parameter and is not given one."""


def made(kind: type) -> Any:
    """An estimator that is not fitted yet."""
    given = GIVEN.get(kind.__name__, dict)()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the next scikit-learn has no more
        known = kind(**given).get_params()
        return kind(**{name: value for name, value in QUICK.items() if name in known} | given)


def fit(kind: type, data: DataSet, *, several: bool = False) -> Fitted:
    """An estimator on a data set, behind what it needs.

    Args:
        kind: The class.
        data: What it is fitted on.
        several: Whether there is a second target.

    Raises:
        CannotFitError: It is not made for that.
    """
    estimator = made(kind)
    targets = get_tags(estimator).target_tags
    if several and not (targets.multi_output and targets.single_output):
        raise CannotFitError("It takes one target.")
    rows = data.rows[_only(data.rows)] if kind.__name__ == "IsotonicRegression" else data.rows
    front = _front(estimator, rows, scaled=data.scaled)
    model = make_pipeline(*front, estimator) if front else estimator
    given = rows if data.named else rows.to_numpy()
    truth = _truth(estimator, data)
    if several or not targets.single_output:
        truth = _several(truth)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(given, truth)
    except Exception as error:  # whatever an estimator says
        raise CannotFitError(f"{type(error).__name__}: {error}") from error
    return Fitted(model, rows)


def _only(rows: pd.DataFrame) -> list[str]:
    """The one column for a model of one."""
    return ["income"] if "income" in rows else [rows.columns[2]]


def _front(estimator: Any, rows: pd.DataFrame, *, scaled: bool) -> list[Any]:
    """What turns a table into numbers that an estimator takes."""
    name = type(estimator).__name__
    scaler = MinMaxScaler() if get_tags(estimator).input_tags.positive_only else StandardScaler()
    if name == "CategoricalNB":
        scaler = KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf")
    if len(rows.columns) == 1:
        return [SimpleImputer(), scaler]
    if "town" not in rows:
        return [scaler] if scaled or name == "CategoricalNB" else []
    text: Any = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    if name == "CategoricalNB":
        text = OrdinalEncoder(encoded_missing_value=3)
    number = make_pipeline(SimpleImputer(), scaler)
    columns = [("number", number, NUMBERS), ("text", text, TEXT), ("as is", "passthrough", TRUTHS)]
    return [ColumnTransformer(columns)]


def _truth(estimator: Any, data: DataSet) -> NDArray[Any]:
    """Labels as an estimator takes them: of two classes, or some unknown."""
    name, truth = type(estimator).__name__, data.truth
    tags = get_tags(estimator)
    if tags.classifier_tags is not None and not tags.classifier_tags.multi_class:
        truth = np.where(truth == truth[0], "yes", "no")
    if name == "SelfTrainingClassifier":
        truth = np.unique(truth, return_inverse=True)[1]
        truth[::5] = -1
    if name.startswith("XGB") and truth.dtype.kind in "US":
        truth = np.unique(truth, return_inverse=True)[1]
    return truth


def _several(truth: NDArray[Any]) -> NDArray[Any]:
    """(n, 2): a second target beside the first; of labels, whether each of two holds."""
    if truth.dtype.kind == "f":
        return np.column_stack([truth, np.sqrt(truth) + np.arange(len(truth)) % 7])
    classes = np.unique(truth)
    return np.column_stack([truth == classes[0], np.arange(len(truth)) % 3 == 0]).astype(int)
