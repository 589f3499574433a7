"""Makes clv_reasons.expected.json: exact Shapley values of a lifetime value by shap, the value by lifetimes.

    python -m venv v && v/bin/pip install lifetimes==0.11.3 shap==0.51.0 && v/bin/python clv_reasons_oracle.py
"""

import json
from pathlib import Path

import lifetimes
import numpy as np
import shap
from lifetimes import BetaGeoFitter, GammaGammaFitter

bgnbd = {"r": 0.6, "alpha": 20.0, "a": 0.9, "b": 3.0}
money = {"p": 5.0, "q": 4.0, "v": 30_000.0}
mean = [1.7, 61.5, 140.25, 36_500.0]
discount, horizon, month = 0.02, 90, 30
buyers = [[4, 100, 130, 41_000], [1, 12, 300, 9_000], [30, 200, 210, 36_500], [0, 0, 15, 36_500]]

purchases, spend = BetaGeoFitter(), GammaGammaFitter()
purchases.params_, spend.params_ = bgnbd, money


def value(rows):
    x, recency, age, amount = np.asarray(rows, float).T
    age = np.maximum(age, recency)
    until = [np.zeros(len(x))] + [
        purchases.conditional_expected_number_of_purchases_up_to_time(end, x, recency, age)
        for end in range(month, horizon + 1, month)]
    paid = spend.conditional_expected_average_profit(x, amount)
    return paid * sum((until[n] - until[n - 1]) / (1 + discount) ** n for n in range(1, len(until)))


explain = shap.explainers.Exact(value, shap.maskers.Independent(np.array([mean]), max_samples=1))
found = explain(np.array(buyers, float))
result = {
    "source": f"shap {shap.__version__}, lifetimes {lifetimes.__version__}, numpy {np.__version__}",
    "tolerance": "1e-9 of the value", "bgnbd": bgnbd, "gamma_gamma": money, "mean_buyer": mean,
    "discount_monthly": discount, "horizon_d": horizon, "mean_value": float(value([mean])[0]),
    "buyers": [{"buyer": buyer, "value": float(value([buyer])[0]), "contributions": list(map(float, parts))}
               for buyer, parts in zip(buyers, found.values, strict=True)]}
Path(__file__).with_name("clv_reasons.expected.json").write_text(json.dumps(result, indent=1) + "\n")
