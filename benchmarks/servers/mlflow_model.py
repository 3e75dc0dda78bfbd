"""`python mlflow_model.py MODEL FOLDER`: the scikit-learn model as one of MLflow's.

It answers with `predict_proba`, as the others do, and not with the label alone.
"""

from __future__ import annotations

import sys

import joblib
import mlflow.sklearn

model = joblib.load(sys.argv[1])
mlflow.sklearn.save_model(
    model,
    sys.argv[2],
    pyfunc_predict_fn="predict_proba",
    serialization_format="cloudpickle",
    pip_requirements=[],
)
