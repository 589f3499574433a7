"""Losses per iteration of implicit's alternating least squares from factors that anybody can write down.

implicit begins with numpy's random numbers; here both sides begin with 0.01 * frac((n + 1) * golden ratio),
n being the place of the number in its matrix, so that another program can be held to every iteration.
Needs implicit 0.7.3, numpy, scipy. Writes als_start.expected.json beside the als.*.csv it reads.
"""

import json
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares

HERE = Path(__file__).resolve().parent
GOLDEN = 0.6180339887498949


def start(rows, factors):
    n = np.arange(1, rows * factors + 1, dtype=np.float64)
    return (0.01 * np.modf(n * GOLDEN)[0]).astype(np.float32).reshape(rows, factors)


expected = {}
for name in ("cdnow_price_points", "digits_pixels", "mnist_pixels"):
    table = np.loadtxt(HERE / f"als.{name}.csv", delimiter=",", skiprows=1, dtype=np.int64)
    users, items = table[:, 0].max() + 1, table[:, 1].max() + 1
    train = table[table[:, 3] == 0]
    counts = sp.csr_matrix((train[:, 2].astype(np.float32), (train[:, 0], train[:, 1])), shape=(users, items))
    expected[name] = {}
    for solver, use_cg in (("cg", True), ("exact", False)):
        model = AlternatingLeastSquares(
            factors=20, regularization=0.1, alpha=15.0, iterations=30, use_cg=use_cg, num_threads=1,
            calculate_training_loss=True, random_state=0)
        model.user_factors, model.item_factors = start(users, 20), start(items, 20)
        losses = []
        model.fit(counts, show_progress=False, callback=lambda i, s, loss: losses.append(float(loss)))
        expected[name][solver] = losses
result = {
    "source": "implicit 0.7.3 als.AlternatingLeastSquares(factors=20, regularization=0.1, alpha=15.0, "
    "iterations=30), one thread",
    "start": "0.01 * frac((n + 1) * 0.6180339887498949), users' and items' factors each row by row, float32",
    "tolerance": {"relative": 1e-3},
    "expected": expected,
}
(HERE / "als_start.expected.json").write_text(json.dumps(result, indent=1) + "\n")
