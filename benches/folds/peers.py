"""Forecasts by statsforecast on the folds of the bench, for comparison.

In, on stdin: a line for each fold, `trace step begin origin horizon path`, where begin..origin are the lines of values
that a model is given. Out, a line for each fold and model: `model trace origin seconds median,... p90,...`.
Leaves with 3 where statsforecast is not installed.

Models without a season are given the last two days. MSTL is given all of it, in means of five minutes where a step is
shorter: on 20,000 minutes a fit takes it half a minute.
"""

import sys
import time
import warnings

try:
    import numpy as np
    from statsforecast import models
except ImportError:
    sys.exit(3)

warnings.simplefilter("ignore")


def values_of(path):
    with open(path, encoding="ascii") as file:
        lines = file.read().split("\n")
    lines = lines[lines.index("value") + 1 :]
    return np.array([float(line) if line else np.nan for line in lines[: -1 if lines[-1] == "" else None]])


def filled(past, day):
    """Missing steps as the day before has them, or else the step before."""
    past = past.copy()
    for at in np.flatnonzero(np.isnan(past)):
        past[at] = past[at - day] if at >= day else past[at - 1] if at else 0.0
    return past


def plain(model):
    def forecast(past, day, horizon):
        told = model().forecast(y=past[-2 * max(day, 288) :], h=horizon, level=[80])
        return told["mean"], told["hi-80"]

    return forecast


def seasonal_naive(past, day, horizon):
    told = models.SeasonalNaive(season_length=day).forecast(y=past, h=horizon, level=[80])
    return told["mean"], told["hi-80"]


def mstl(past, day, horizon):
    ratio = max(1, day // 288)
    past = past[len(past) % ratio :].reshape(-1, ratio).mean(1)
    model = models.MSTL(season_length=[day // ratio], trend_forecaster=models.AutoETS(model="ZZN"))
    told = model.forecast(y=past, h=-(-horizon // ratio), level=[80])
    middles, steps = (np.arange(-(-horizon // ratio)) + 0.5) * ratio, np.arange(horizon) + 0.5
    return tuple(np.interp(steps, middles, told[name]) for name in ("mean", "hi-80"))


MODELS = {
    "AutoETS": plain(lambda: models.AutoETS(model="ZZN")),
    "AutoARIMA": plain(lambda: models.AutoARIMA()),
    "theta": plain(lambda: models.DynamicOptimizedTheta()),
    "seasonal naive": seasonal_naive,
    "MSTL": mstl,
}


def main():
    traces = {}
    for line in sys.stdin:
        trace, step, begin, origin, horizon, path = line.rstrip("\n").split(" ", 5)
        if trace not in traces:
            traces[trace] = values_of(path)
        day = 86400 // int(step)
        past = filled(traces[trace][int(begin) : int(origin)], day)
        for name, forecast in MODELS.items():
            before = time.process_time()
            median, high = forecast(past, day, int(horizon))
            row = [",".join(f"{value:.9g}" for value in values) for values in (median, high)]
            print(name, trace, origin, f"{time.process_time() - before:.4f}", *row, sep="\t", flush=True)


main()
