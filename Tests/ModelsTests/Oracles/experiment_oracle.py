"""Makes experiment.expected.json: differences of two groups by statsmodels and numpy.

    python -m venv v && v/bin/pip install scipy==1.17.1 statsmodels==0.15.0 && v/bin/python experiment_oracle.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
import statsmodels
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import (
    confint_proportions_2indep, proportion_confint, proportion_effectsize, proportions_ztest)
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

proportions = []
for a, n, b, m in [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (0, 10, 0, 10), (0, 500, 3, 480),
                   (120, 10_000, 90, 10_000), (4321, 90_000, 400, 10_000), (1, 1, 0, 1), (300, 300, 299, 300)]:
    p, q = a / n, b / m
    variance = p * (1 - p) / n + q * (1 - q) / m
    pooled = (a + b) / (n + m)
    case = {"treated": [a, n], "held_out": [b, m], "difference": p - q,
            "newcombe": confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff"),
            "wald": confint_proportions_2indep(a, n, b, m, method="wald", compare="diff"),
            "wilson": proportion_confint(a, n, method="wilson"),
            "p": proportions_ztest([a, b], [n, m])[1] if 0 < pooled < 1 else 1.0}
    if variance > 0:
        # Johari et al. 2017, equation for normal data with known variance, mixture N(0, 0.02^2).
        tau = 0.02 ** 2
        ratio = np.sqrt(variance / (variance + tau)) * np.exp(tau * (p - q) ** 2 / (2 * variance * (variance + tau)))
        case["always_valid"] = min(1.0, 1 / ratio)
    proportions.append(case)

means = []
for seed, n, m, effect, kept in [(1, 200, 150, 3.0, 0.8), (2, 40, 400, 0.0, 0.0), (3, 1000, 100, -1.5, 1.4)]:
    random = np.random.default_rng(seed)
    x = random.gamma(0.7, 30, n + m).round(2)
    y = (kept * x + random.gamma(0.5, 20, n + m)).round(2)
    y[:n] += effect
    slope = np.cov(y, x, ddof=0)[0, 1] / np.var(x)
    adjusted = y - slope * (x - x.mean())
    sharp = CompareMeans(DescrStatsW(adjusted[:n]), DescrStatsW(adjusted[n:]))
    plain = CompareMeans(DescrStatsW(y[:n]), DescrStatsW(y[n:]))
    means.append({
        "treated": [list(row) for row in zip(y[:n], x[:n])], "held_out": [list(row) for row in zip(y[n:], x[n:])],
        "slope": slope, "difference": adjusted[:n].mean() - adjusted[n:].mean(),
        "interval": sharp.zconfint_diff(usevar="unequal"), "p": sharp.ztest_ind(usevar="unequal")[1],
        "plain_difference": y[:n].mean() - y[n:].mean(), "plain_se": plain.std_meandiff_separatevar})

powers = []
for p, q, n, m in [(0.12, 0.10, 3000, 3000), (0.05, 0.04, 90_000, 10_000), (0.5, 0.45, 100, 50)]:
    effect = proportion_effectsize(p, q)
    size = NormalIndPower().solve_power(effect_size=effect, nobs1=None, alpha=0.05, power=0.8, ratio=n / m)
    powers.append({"shares": [p, q], "counts": [n, m], "effect": effect,
                   "power": NormalIndPower().power(effect, n, 0.05, ratio=m / n), "held_out_needed": size})

quantiles = [[share, norm.ppf(share)] for share in [1e-12, 1e-4, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999999]]
tree = {"source": f"statsmodels {statsmodels.__version__}, scipy {scipy.__version__}, numpy {np.__version__}",
        "proportions": proportions, "means": means, "powers": powers, "quantiles": quantiles}
Path(__file__).with_name("experiment.expected.json").write_text(
    json.dumps(tree, default=lambda value: value.tolist() if hasattr(value, "tolist") else list(value)) + "\n")
