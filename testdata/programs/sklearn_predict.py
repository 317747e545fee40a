"""scikit-learn: loads a pipeline that was trained before, by joblib, and predicts with it."""

import sys
from pathlib import Path

import truth

truth.follow(sys.argv[1])
state = Path(sys.argv[2])

import quiet  # noqa: E402, F401
import joblib  # noqa: E402

pipeline = joblib.load(state / "iris.joblib")
assert pipeline.predict([[5.1, 3.5, 1.4, 0.2]]).tolist() == [0]
