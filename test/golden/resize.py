"""What PIL and torchvision make of small images when CLIP preprocesses them: writes resize.json beside
itself.

Run: /usr/bin/python3 test/golden/resize.py (Debian: python3-pil, python3-torchvision). Each case is a PNG;
what PIL's bicubic filter makes of the square that ours cuts out; and what `_transform` of openai/CLIP makes
of the whole image, where that cuts the same square (as torchvision rounds, it may be another).
"""

import base64
import io
import json
import math
import pathlib

import numpy as np
import PIL
import torchvision
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

# width, height and size of the result; pixels
CASES = (
    (12, 12, 12),  # as it is
    (32, 20, 20),  # only cut
    (20, 20, 12),  # only made smaller, and so on to both
    (36, 24, 12),
    (24, 48, 12),
    (80, 60, 6),
    (40, 28, 12),  # the margin is odd from here on, or the long side no whole number
    (33, 12, 12),
    (37, 25, 13),
    (60, 80, 32),
)


def picture(width, height):
    """A coloured disc on a gradient, with a texture finer than the result's pixels."""
    image = np.zeros((height, width, 3))
    for row in range(height):
        for column in range(width):
            y, x = row / height, column / width
            texture = 30 * math.sin(1.7 * row + 0.9 * column) + 20 * math.cos(0.6 * row * column)
            disc = math.hypot(y - 0.4, x - 0.55) < 0.3
            colour = (230, 60, 90) if disc else (230 * y, 128 + 120 * x, 250 - 200 * x)
            image[row, column] = [v + texture * (1 - 0.4 * c) for c, v in enumerate(colour)]
    return Image.fromarray(image.clip(0, 255).round().astype(np.uint8))


def cut(extent, short, size):
    """Where our square begins: centred, but for half a pixel of the result where the margin is odd."""
    scale = size / short
    long_side = math.floor(extent * scale + 0.5)
    first = (long_side - size + 1) // 2
    return (first - long_side / 2) / scale + extent / 2


def torchvision_cut(extent, short, size):
    long_side = int(size * extent / short)
    return round((long_side - size) / 2) * extent / long_side, long_side / extent


def case(width, height, size):
    image, short = picture(width, height), min(width, height)
    left, top = (cut(extent, short, size) for extent in (width, height))
    box = (left, top, left + short, top + short)
    ours = image.resize((size, size), Image.Resampling.BICUBIC, box)
    theirs = Compose([Resize(size, InterpolationMode.BICUBIC), CenterCrop(size)])(image)
    same = [(left, size / short), (top, size / short)] == [
        torchvision_cut(extent, short, size) for extent in (width, height)
    ]
    png = io.BytesIO()
    image.save(png, "png", optimize=True)
    return {
        "size": size,
        "png": base64.b64encode(png.getvalue()).decode(),
        "pixels": np.asarray(ours).flatten().tolist(),
        "torchvision": np.asarray(theirs).flatten().tolist() if same else None,
    }


def main():
    made_by = {"PIL": PIL.__version__, "torchvision": torchvision.__version__}
    golden = {"madeBy": made_by, "cases": [case(*sizes) for sizes in CASES]}
    text = json.dumps(golden, separators=(",", ":"))
    pathlib.Path(__file__).with_suffix(".json").write_text(f"{text}\n")


main()
