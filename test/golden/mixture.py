"""Make mixture.json: what scikit-learn's GaussianMixture finds in saved numbers.

    /usr/bin/python3 test/golden/mixture.py

Needs numpy and scikit-learn (Debian: python3-sklearn). As SafeCLIP's authors call it: two
components, one variable, its defaults for all else. The numbers are like similarities of pairs:
apart, overlapping, and few clean ones in a narrow peak.
"""

import json
import pathlib

import numpy as np
from sklearn.mixture import GaussianMixture

SEED = 2310
CASES = {  # count, mean, standard deviation of each part
    "apart": ((150, 0.05, 0.06), (150, 0.55, 0.1)),
    "overlapping": ((200, 0.2, 0.09), (120, 0.38, 0.07)),
    "few in a narrow peak": ((260, 0.1, 0.12), (24, 0.8, 0.02)),
}


def fit(values):
    mixture = GaussianMixture(n_components=2, random_state=0).fit(values[:, None])
    order = np.argsort(mixture.means_[:, 0])
    found = {
        "weights": mixture.weights_[order].tolist(),
        "means": mixture.means_[order, 0].tolist(),
        "variances": mixture.covariances_[order, 0, 0].tolist(),
    }
    upper = mixture.predict_proba(values[:, None])[:, order[1]]
    return {"values": values.tolist(), **found, "upper": upper.round(9).tolist()}


def main():
    draws = np.random.RandomState(SEED)
    cases = {}
    for name, parts in CASES.items():
        drawn = [draws.normal(mean, std, count) for count, mean, std in parts]
        values = np.concatenate(drawn).round(4)
        cases[name] = fit(values)
        safe = int((np.array(cases[name]["upper"]) >= 0.9).sum())
        print(f"{name}: means {np.round(cases[name]['means'], 4)}, {safe} of {len(values)} safe")
    path = pathlib.Path(__file__).with_name("mixture.json")
    path.write_text(json.dumps(cases))
    print(f"{path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
