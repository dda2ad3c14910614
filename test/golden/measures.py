"""What scikit-learn and PyTorch make of a few saved embeddings: writes measures.json beside itself.

Run: /usr/bin/python3 test/golden/measures.py (Debian: python3-sklearn, python3-torch). The embeddings
are clusters with overlap, rounded to three decimals so that every program reads the same numbers.
"""

import json
import pathlib

import numpy as np
import sklearn
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

WIDTH = 6
CLASSES = 4
ROWS = 61  # not a multiple of CLASSES: a first gradient of exactly 0 has no sign for AdamW to follow
LAMBDAS = (0.01, 1.0, 30.0)
EPOCHS = 32
RECALLS = (0.5, 0.9)


def embeddings():
    random = np.random.default_rng(7)
    centres = random.normal(size=(CLASSES, WIDTH))
    labels = random.integers(CLASSES, size=ROWS)
    return np.round(centres[labels] + random.normal(size=(ROWS, WIDTH)), 3), labels


def regression(x, y, strength):
    """Minimises sum of losses + strength / 2 |W|^2; the tolerance is far below the test's."""
    model = LogisticRegression(C=1 / strength, tol=1e-9, max_iter=100000)
    model.fit(x, y)
    return {
        "lambda": strength,
        "weight": model.coef_.T.flatten().tolist(),
        "probabilities": model.predict_proba(x).flatten().tolist(),
    }


def probe(x, y):
    """METHOD's recipe from zero weights, all rows in one batch, so that no order matters."""
    layer = torch.nn.Linear(WIDTH, CLASSES, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    groups = [
        {"params": [layer.weight], "weight_decay": 0.01},
        {"params": [layer.bias], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=0.005)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    inputs, targets = torch.tensor(x), torch.tensor(y)
    for _ in range(EPOCHS):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(layer(inputs), targets).backward()
        optimiser.step()
        schedule.step()
    weight = layer.weight.detach().T.flatten().tolist()
    return {"epochs": EPOCHS, "weight": weight, "bias": layer.bias.detach().tolist()}


def detected(x, y):
    """A score with ties: the first coordinate to one decimal; class 0 is to be detected."""
    scores, positive = np.round(x[:, 0], 1), y == 0
    precision, recall, thresholds = precision_recall_curve(positive, scores)
    # Thresholds rise and recall falls; the last point, recall 0, is at no threshold.
    at = [precision[np.flatnonzero(recall >= share)[-1]] for share in RECALLS]
    curve = {"scores": thresholds, "recalls": recall[:-1], "precisions": precision[:-1]}
    return {
        "scores": scores.tolist(),
        "positive": positive.tolist(),
        "auroc": roc_auc_score(positive, scores),
        "averagePrecision": average_precision_score(positive, scores),
        "curve": {name: values[::-1].tolist() for name, values in curve.items()},
        "precisionAt": dict(zip(RECALLS, at)),
    }


def main():
    x, y = embeddings()
    golden = {
        "madeBy": {"sklearn": sklearn.__version__, "torch": torch.__version__},
        "width": WIDTH,
        "classes": CLASSES,
        "features": x.flatten().tolist(),
        "labels": y.tolist(),
        "regressions": [regression(x, y, strength) for strength in LAMBDAS],
        "probe": probe(x, y),
        "detection": detected(x, y),
    }
    text = json.dumps(golden, separators=(",", ":"))
    pathlib.Path(__file__).with_suffix(".json").write_text(f"{text}\n")


main()
