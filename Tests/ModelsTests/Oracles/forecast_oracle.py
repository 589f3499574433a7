"""Writes forecast.expected.json: an LSTM's forward pass in numpy, and statsmodels' smoothing, tests and
autocorrelations on series that the script makes. Run with numpy and statsmodels; their versions are noted."""

import json

import numpy
import statsmodels
from statsmodels.tsa.holtwinters import ExponentialSmoothing
from statsmodels.tsa.seasonal import seasonal_decompose
from statsmodels.tsa.stattools import acf, kpss, pacf

generator = numpy.random.default_rng(20241231)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def lstm(hidden, outputs, steps):
    weights = generator.normal(0, 0.5, 4 * hidden + 4 * hidden**2 + 4 * hidden + outputs * hidden + outputs)
    window = generator.normal(0, 1, steps)
    parts = numpy.split(weights, numpy.cumsum([4 * hidden, 4 * hidden**2, 4 * hidden, outputs * hidden]))
    w, u, b = parts[0], parts[1].reshape(4 * hidden, hidden), parts[2]
    v, c = parts[3].reshape(outputs, hidden), parts[4]
    state, cell = numpy.zeros(hidden), numpy.zeros(hidden)
    for value in window:
        i, f, g, o = numpy.split(w * value + u @ state + b, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * numpy.tanh(g)
        state = sigmoid(o) * numpy.tanh(cell)
    return {"hidden": hidden, "outputs": outputs, "weights": weights.tolist(), "window": window.tolist(),
            "expected": (v @ state + c).tolist()}


def series(n):
    t = numpy.arange(n)
    return 50 + 0.3 * t + 8 * numpy.sin(2 * numpy.pi * t / 7) + generator.normal(0, 4, n)


def smoothing(y, alpha, beta, gamma, period, damping):
    level = y[:period].mean() if gamma else y[0]
    trend = None
    if beta is not None:
        trend = (y[period:2 * period].mean() - level) / period if gamma else y[1] - y[0]
    seasons = y[:period] - level if gamma else None
    model = ExponentialSmoothing(
        y, trend="add" if beta is not None else None, damped_trend=damping != 1,
        seasonal="add" if gamma else None, seasonal_periods=period if gamma else None,
        initialization_method="known", initial_level=level, initial_trend=trend, initial_seasonal=seasons)
    fit = model.fit(smoothing_level=alpha, smoothing_trend=beta, smoothing_seasonal=gamma,
                    damping_trend=damping if damping != 1 else None, optimized=False)
    return {"alpha": alpha, "beta": beta, "gamma": gamma, "period": period, "damping": damping,
            "forecast": fit.forecast(14).tolist(), "sse": float(fit.sse)}


y = series(120)
walk = numpy.cumsum(generator.normal(0, 1, 200))
parts = seasonal_decompose(y, period=7)
even = seasonal_decompose(y, period=12)
none = lambda values: [None if numpy.isnan(v) else float(v) for v in values]  # noqa: E731
result = {
    "source": f"numpy {numpy.__version__}, statsmodels {statsmodels.__version__}",
    "tolerance": "relative 1e-9, p 1e-3",
    "lstm": [lstm(4, 3, 9), lstm(1, 1, 1), lstm(7, 12, 28)],
    "series": y.tolist(), "walk": walk.tolist(),
    "smoothing": [smoothing(y, 0.3, None, None, 1, 1), smoothing(y, 0.4, 0.1, None, 1, 1),
                  smoothing(y, 0.4, 0.1, None, 1, 0.9), smoothing(y, 0.2, None, 0.15, 7, 1),
                  smoothing(y, 0.25, 0.05, 0.1, 7, 1)],
    "acf": acf(y, nlags=21, fft=False).tolist(), "pacf": pacf(y, nlags=21, method="ldb").tolist(),
    "kpss": [{"name": name, "lags": lags, "statistic": float(kpss(v, "c", nlags=lags)[0]), "p": float(kpss(v, "c", nlags=lags)[1])}
             for name, v in (("series", y), ("walk", walk)) for lags in (0, 4, 11)],
    "decomposition": {str(p): {"trend": none(d.trend), "seasonal": none(d.seasonal), "rest": none(d.resid)}
                      for p, d in ((7, parts), (12, even))},
}
with open("forecast.expected.json", "w") as file:
    json.dump(result, file)
