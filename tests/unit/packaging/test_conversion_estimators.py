"""Estimators of every family, as ONNX: their answers are scikit-learn's own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import (
    calibration,
    cluster,
    covariance,
    cross_decomposition,
    datasets,
    discriminant_analysis,
    dummy,
    ensemble,
    gaussian_process,
    isotonic,
    kernel_ridge,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    semi_supervised,
    svm,
    tree,
)
from sklearn.gaussian_process import kernels
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, StandardScaler

from tests.unit.packaging.conversions import agree

if TYPE_CHECKING:
    import pandas as pd

LOGISTIC = linear_model.LogisticRegression()
STUMP = tree.DecisionTreeClassifier(max_depth=2, random_state=0)
LEAF = tree.DecisionTreeRegressor(max_depth=3, random_state=0)
PAIR = [("logistic", LOGISTIC), ("tree", STUMP)]
PAIR_OF_REGRESSORS = [("ridge", linear_model.Ridge()), ("tree", LEAF)]

CLASSIFIERS: list[Any] = [
    LOGISTIC,
    linear_model.RidgeClassifier(),
    linear_model.SGDClassifier(loss="modified_huber", random_state=0),
    linear_model.SGDClassifier(loss="log_loss", random_state=0),
    svm.LinearSVC(),
    svm.SVC(),
    svm.SVC(kernel="poly", break_ties=True),
    svm.NuSVC(nu=0.3, decision_function_shape="ovo", kernel="sigmoid"),
    discriminant_analysis.LinearDiscriminantAnalysis(),
    discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1),
    naive_bayes.GaussianNB(),
    naive_bayes.BernoulliNB(),
    neighbors.KNeighborsClassifier(),
    neighbors.KNeighborsClassifier(weights="distance", metric="manhattan"),
    neighbors.RadiusNeighborsClassifier(radius=0.4, outlier_label="most_frequent"),
    neighbors.NearestCentroid(),
    semi_supervised.LabelSpreading(kernel="knn"),
    semi_supervised.LabelPropagation(),
    gaussian_process.GaussianProcessClassifier(kernels.RBF(2.0), optimizer=None),
    neural_network.MLPClassifier((8,), max_iter=20, random_state=0),
    tree.DecisionTreeClassifier(random_state=0),
    ensemble.ExtraTreesClassifier(5, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=4, random_state=0),
    ensemble.AdaBoostClassifier(n_estimators=4, random_state=0),
    ensemble.BaggingClassifier(STUMP, n_estimators=4, max_features=0.5, random_state=0),
    ensemble.BaggingClassifier(svm.LinearSVC(), n_estimators=3, random_state=0),
    ensemble.VotingClassifier(PAIR, voting="soft", weights=[1, 3]),
    ensemble.VotingClassifier(PAIR),
    ensemble.StackingClassifier(PAIR, passthrough=True, cv=2),
    calibration.CalibratedClassifierCV(STUMP, method="isotonic", cv=2),
    calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2),
    multiclass.OneVsRestClassifier(LOGISTIC),
    multiclass.OneVsOneClassifier(svm.LinearSVC()),
    multiclass.OutputCodeClassifier(LOGISTIC, random_state=0),
    model_selection.GridSearchCV(STUMP, {"max_depth": [1, 3]}, cv=2),
    dummy.DummyClassifier(),
]
OF_TWO: list[Any] = [
    linear_model.LogisticRegression(solver="liblinear"),
    svm.SVC(),
    gaussian_process.GaussianProcessClassifier(),
    ensemble.GradientBoostingClassifier(n_estimators=4, loss="exponential", random_state=0),
    ensemble.AdaBoostClassifier(n_estimators=4, random_state=0),
    neural_network.MLPClassifier((8,), max_iter=20, random_state=0),
    model_selection.FixedThresholdClassifier(LOGISTIC, threshold=0.8, pos_label="setosa"),
    model_selection.TunedThresholdClassifierCV(LOGISTIC, scoring="accuracy", cv=2),
    calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2),
    ensemble.StackingClassifier(PAIR, cv=2),
    multiclass.OneVsOneClassifier(LOGISTIC),
    multiclass.OneVsRestClassifier(svm.LinearSVC()),
    discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1),
]
REGRESSORS: list[Any] = [
    linear_model.Lasso(),
    linear_model.GammaRegressor(),
    linear_model.TweedieRegressor(power=0),
    linear_model.RANSACRegressor(random_state=0),
    cross_decomposition.PLSRegression(),
    svm.SVR(),
    kernel_ridge.KernelRidge(kernel="laplacian"),
    neighbors.KNeighborsRegressor(weights="distance"),
    neighbors.RadiusNeighborsRegressor(radius=3.0, weights="distance"),
    gaussian_process.GaussianProcessRegressor(
        kernels.Matern(nu=1.5) * 2.0 + kernels.WhiteKernel() + kernels.DotProduct(),
        optimizer=None,
        normalize_y=True,
    ),
    neural_network.MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=20, activation="tanh", random_state=0
    ),
    tree.ExtraTreeRegressor(random_state=0),
    ensemble.RandomForestRegressor(5, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=5, random_state=0),
    ensemble.AdaBoostRegressor(n_estimators=6, random_state=0),
    ensemble.VotingRegressor(PAIR_OF_REGRESSORS, weights=[2, 1]),
    ensemble.StackingRegressor(PAIR_OF_REGRESSORS, cv=2),
    dummy.DummyRegressor(strategy="median"),
]
OTHERS: list[Any] = [
    cluster.KMeans(3, n_init=1, random_state=0),
    cluster.Birch(n_clusters=3),
    mixture.GaussianMixture(2, covariance_type="tied", random_state=0),
    ensemble.IsolationForest(n_estimators=8, max_samples=40, random_state=0),
    ensemble.IsolationForest(n_estimators=8, max_samples=1, random_state=0),
    ensemble.IsolationForest(n_estimators=8, max_samples=2, random_state=0),
    svm.OneClassSVM(nu=0.2),
    linear_model.SGDOneClassSVM(random_state=0),
    covariance.EllipticEnvelope(random_state=0),
    neighbors.LocalOutlierFactor(novelty=True),
]


def name(estimator: Any) -> str:
    return type(estimator).__name__


@cache
def iris() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    found = datasets.load_iris(as_frame=True)
    rows = found.data.rename(columns=lambda one: one.replace(" (cm)", "").replace(" ", "_"))
    rows = rows + np.random.default_rng(0).normal(scale=0.4, size=rows.shape)
    return rows, found.target_names[found.target].astype(object)


@cache
def diabetes() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    rows, values = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    return rows.iloc[:200], values.to_numpy()[:200]


@pytest.mark.filterwarnings("ignore")  # what training warns of is not the export's matter
class TestEstimators:
    @pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name)
    def test_three_classes(self, estimator):
        rows, labels = iris()
        agree(make_pipeline(StandardScaler(), estimator).fit(rows[::2], labels[::2]), rows)

    @pytest.mark.parametrize("estimator", OF_TWO, ids=name)
    def test_two_classes(self, estimator):
        rows, labels = iris()[0][:100], iris()[1][:100]
        agree(make_pipeline(StandardScaler(), estimator).fit(rows[::2], labels[::2]), rows)

    @pytest.mark.parametrize("estimator", REGRESSORS, ids=name)
    def test_numbers(self, estimator):
        rows, values = diabetes()
        agree(make_pipeline(StandardScaler(), estimator).fit(rows[::2], values[::2]), rows)

    @pytest.mark.parametrize("estimator", OTHERS, ids=name)
    def test_clusters_and_outliers(self, estimator):
        rows, _ = iris()
        agree(make_pipeline(StandardScaler(), estimator).fit(rows[::2]), rows)

    @pytest.mark.parametrize("count", [2, 3])
    def test_probabilities_of_support_vectors_stop_where_libsvm_stops(self, count):
        rows, labels = iris()[0][: count * 50], iris()[1][: count * 50]
        agree(svm.SVC(C=0.1, probability=True, random_state=0).fit(rows, labels), rows)

    def test_models_of_counts(self):
        rows, labels = iris()
        for model in (naive_bayes.MultinomialNB(), naive_bayes.ComplementNB()):
            agree(make_pipeline(MinMaxScaler(), model).fit(rows, labels), rows)
        bins = KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf")
        agree(make_pipeline(bins, naive_bayes.CategoricalNB()).fit(rows, labels), rows)

    def test_isotonic_regression_beyond_what_was_fitted(self):
        rows, values = diabetes()
        one = rows[["bmi"]]
        for outside in ("clip", "nan"):
            model = isotonic.IsotonicRegression(out_of_bounds=outside).fit(one[:50], values[:50])
            agree(model, one)


class TestSeveralOutputs:
    @pytest.mark.parametrize(
        "estimator",
        [
            multioutput.MultiOutputClassifier(LOGISTIC),
            multioutput.ClassifierChain(LOGISTIC, order=[1, 0]),
            multiclass.OneVsRestClassifier(LOGISTIC),
            ensemble.RandomForestClassifier(4, random_state=0),
            neighbors.KNeighborsClassifier(),
            linear_model.RidgeClassifier(),
        ],
        ids=name,
    )
    def test_labels_that_hold_together(self, estimator):
        rows, labels = iris()
        both = np.stack([labels == "setosa", rows["petal_length"] > 4], axis=1).astype(int)
        agree(estimator.fit(rows, both), rows)

    @pytest.mark.parametrize(
        "estimator",
        [
            multioutput.MultiOutputRegressor(linear_model.Ridge()),
            multioutput.RegressorChain(LEAF, order=[1, 0]),
            linear_model.MultiTaskLasso(),
            ensemble.ExtraTreesRegressor(4, random_state=0),
            neighbors.KNeighborsRegressor(),
            cross_decomposition.CCA(1),
        ],
        ids=name,
    )
    def test_several_numbers(self, estimator):
        rows, values = diabetes()
        agree(estimator.fit(rows, np.stack([values, np.sin(values) * values], axis=1)), rows)
