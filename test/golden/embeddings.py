"""What scikit-learn makes of a model's embeddings, as `roclip evaluate --embeddings` writes them.

Run: /usr/bin/python3 test/golden/embeddings.py <file> prints the measures of any run's file; without a
file they are those of embeddings.safetensors, and go to embeddings.json beside it (Debian:
python3-sklearn, python3-torch). That file is of a small model, trained on labelled emoji with poison:

  roclip poison --image-size 16 --backdoor-count 0 --poison-targets 1 --poison-captions-per-target 1 \
    --out emoji
  grep -v ,, emoji/train.csv | head -n -1 > train.csv   # what has a label, and is not poisoned
  grep -v ,, emoji/test.csv > test.csv
  roclip train --data train.csv --images emoji/images --test test.csv --min-class 20 \
    --image-size 16 --embedding 8 --batch 64 --epochs 30 --augment-enabled false \
    --eda-enabled false --defence clip --poison-targets 4 --backdoor-count 24 --out run
  roclip evaluate run --embeddings embeddings.safetensors
"""

import json
import pathlib
import sys

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score, recall_score, roc_auc_score

from clip import read_safetensors

LAMBDA = 1.0


def accuracy(labels, predictions):
    """The class mean is over the classes that occur: recall_score would count others as 0."""
    occurring = np.unique(labels)
    return {
        "top1": accuracy_score(labels, predictions),
        "classMean": recall_score(labels, predictions, labels=occurring, average="macro"),
        "predictions": predictions.tolist(),
    }


def measures(arrays):
    wide = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    labels = np.asarray(arrays["test.labels"], np.int64)
    nearest = np.argmax(wide["test.images"] @ wide["classes"].T, axis=1)
    model = LogisticRegression(C=1 / LAMBDA, tol=1e-9, max_iter=100000)
    model.fit(wide["clean.features"], arrays["clean.labels"])
    similarity = np.sum(wide["pairs.images"] * wide["pairs.texts"], axis=1)
    attacked = arrays["pairs.attacked"] == 1
    return {
        "zeroShot": accuracy(labels, nearest),
        "regression": {
            "lambda": LAMBDA,
            **accuracy(labels, model.predict(wide["test.features"]).astype(np.int64)),
        },
        "detection": {
            "auroc": roc_auc_score(attacked, -similarity),
            "averagePrecision": average_precision_score(attacked, -similarity),
        },
    }


def main():
    here = pathlib.Path(__file__)
    given = sys.argv[1] if len(sys.argv) > 1 else None
    arrays, _ = read_safetensors(given or here.with_suffix(".safetensors"))
    found = measures(arrays)
    if given:
        for group in found.values():
            group.pop("predictions", None)
        print(json.dumps(found, indent=2))
        return
    golden = {"madeBy": {"sklearn": sklearn.__version__}, **found}
    text = json.dumps(golden, separators=(",", ":"))
    here.with_suffix(".json").write_text(f"{text}\n")


main()
