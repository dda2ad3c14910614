"""MAT-files as SciPy writes them, and what is in them: writes mat/*.mat and mat/values.json.

Run: python3 test/golden/mat.py (scipy 1.17.1). `imagelabels`, `setid` and the Cars files are small
ones of the layout of the Flowers102 and Stanford Cars labels; the others are for the reader's sake.
"""

import json
import pathlib

import numpy as np
import scipy.io

folder = pathlib.Path(__file__).parent / "mat"
folder.mkdir(exist_ok=True)


def save(name, variables, compressed=True):
    scipy.io.savemat(folder / f"{name}.mat", variables, do_compression=compressed, oned_as="row")


def structs(rows):
    """A 1 × N structure array; every field a 1 × 1 array or a text, as MATLAB makes them."""
    kinds = [(field, object) for field in rows[0]]
    array = np.empty((1, len(rows)), dtype=kinds)
    for i, row in enumerate(rows):
        for field, value in row.items():
            array[0, i][field] = value
    return array


def cells(values):
    array = np.empty((1, len(values)), dtype=object)
    for i, value in enumerate(values):
        array[0, i] = value
    return array


numbers = {
    dtype: np.array([[1, 2, 3], [4, 5, 100]], dtype=dtype)
    for dtype in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
}
numbers["negative"] = np.array([[-1.5, 2.25e-300]])
numbers["scalar"] = np.array([[7]], dtype="uint8")
numbers["cube"] = np.arange(24, dtype="uint16").reshape(2, 3, 4)
numbers["empty"] = np.zeros((0, 3))
save("numbers", numbers)
save("numbers_plain", numbers, compressed=False)
texts = {"word": "tench", "accents": "Škoda é 日本", "none": "", "list": cells(["a", "longer text", 3.5, ""])}
nested = structs([{"name": "one", "inner": structs([{"x": 1.0}])}, {"name": "two", "inner": cells([2.0])}])
save("texts", {**texts, "nested": nested})
values = {name: {"shape": a.shape, "data": a.ravel(order="F").tolist()} for name, a in numbers.items()}
(folder / "values.json").write_text(json.dumps(values) + "\n")

# Flowers102: labels from 1 of images 1 …, and the numbers of the images of each split.
save("imagelabels", {"labels": np.array([[1, 1, 2, 2, 102, 102]], dtype="uint8")})
save("setid", {"trnid": np.array([[1, 3]], "uint16"), "valid": np.array([[5]], "uint16"), "tstid": np.array([[2, 4, 6]], "uint16")})

# Stanford Cars: boxes, class from 1, file.
def car(number, kind):
    box = {side: np.array([[3]], "uint8") for side in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")}
    return {**box, "class": np.array([[kind]], "uint8"), "fname": f"{number:05}.jpg"}


save("cars_train_annos", {"annotations": structs([car(1, 1), car(2, 196), car(3, 1)])})
save("cars_test_annos_withlabels", {"annotations": structs([car(1, 196), car(2, 1)])})
