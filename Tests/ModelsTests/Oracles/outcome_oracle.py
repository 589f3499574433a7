"""Writes outcome.expected.json: what scikit-learn, imbalanced-learn and statsmodels say of the inputs beside it.

Run in this folder with the versions that the file names.
"""
import json

import imblearn
import numpy as np
import pandas as pd
import sklearn
import statsmodels
import statsmodels.api as sm
from imblearn.over_sampling import SVMSMOTE
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.svm import SVC


def support_vectors():
    """The parts of SVMSMOTE that involve no chance: support vectors of the minority, noise, danger."""
    data = pd.read_csv("smote.input.csv")
    x, y = data.iloc[:, :4].to_numpy(), data.target.to_numpy()
    machine = SVC(tol=1e-6).fit(x, y)
    alpha = np.abs(machine.dual_coef_[0])
    sign = np.where(y[machine.support_] == 1, 1.0, -1.0)
    gamma = 1 / (x.shape[1] * x.var())
    kernel = np.exp(-gamma * ((x[machine.support_][:, None] - x[machine.support_][None]) ** 2).sum(-1))
    minority = machine.support_[y[machine.support_] == 1]
    sampler = SVMSMOTE(random_state=0)
    sampler._validate_estimator()
    sampler.nn_m_.fit(x)
    noise = sampler._in_danger_noise(sampler.nn_m_, x[minority], 1, y, kind="noise")
    kept = minority[~noise]
    danger = sampler._in_danger_noise(sampler.nn_m_, x[kept], 1, y, kind="danger")
    resampled, labels = SVMSMOTE(random_state=0).fit_resample(x, y)
    made = resampled[len(x):]
    return {
        "gamma": gamma,
        "dual_objective": float(0.5 * (alpha * sign) @ kernel @ (alpha * sign) - alpha.sum()),
        "intercept": float(machine.intercept_[0]),
        "decision_first_20": machine.decision_function(x[:20]).tolist(),
        "support_vectors_of_minority": minority.tolist(),
        "noise": minority[noise].tolist(),
        "danger": kept[danger].tolist(),
        "safe": kept[~danger].tolist(),
        "n_synthetic": int(len(made)),
        "n_after": [int((labels == 0).sum()), int((labels == 1).sum())],
        "mean_synthetic": made.mean(0).tolist(),
        "sd_synthetic": made.std(0).tolist(),
    }


def calibration():
    data = json.load(open("metrics_edge.input.json"))["random_1000_rounded"]
    y, score = np.array(data["y"]), np.array(data["score"])
    isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, y)
    grid = np.linspace(-0.1, 1.1, 61)
    logits = np.log(np.clip(score, 0.005, 0.995) / (1 - np.clip(score, 0.005, 0.995)))
    sigmoid = _SigmoidCalibration().fit(logits, y)
    return {
        "grid": grid.tolist(),
        "isotonic": isotonic.predict(grid).tolist(),
        # p = 1 / (1 + exp(a * score + b)) on the logits of the scores, kept within 0.005 and 0.995.
        "sigmoid_a": float(sigmoid.a_),
        "sigmoid_b": float(sigmoid.b_),
    }


def standard_errors():
    data = pd.read_csv("logistic.fair_input.csv")
    data = data[data.split == "train"]
    x = sm.add_constant(data.drop(columns=["affair", "split"]))
    fit = sm.Logit(data.affair, x).fit(disp=0, tol=1e-12)
    return {
        "names": list(x.columns),
        "coefficients": fit.params.tolist(),
        "standard_errors": fit.bse.tolist(),
        "log_likelihood": float(fit.llf),
    }


if __name__ == "__main__":
    json.dump(
        {
            "source": f"scikit-learn {sklearn.__version__} SVC(tol=1e-6), IsotonicRegression, "
            f"_SigmoidCalibration; imbalanced-learn {imblearn.__version__} SVMSMOTE; "
            f"statsmodels {statsmodels.__version__} Logit",
            "svm_smote": support_vectors(),
            "calibration": calibration(),
            "standard_errors": standard_errors(),
        },
        open("outcome.expected.json", "w"),
        indent=1,
    )
