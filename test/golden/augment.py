"""What torchvision makes of a small image with fixed parameters: writes augment.json beside itself.

Run: /usr/bin/python3 test/golden/augment.py (Debian: python3-torch, python3-torchvision). Each case is
a draw as `augment` takes it, σ of the blur in pixels, and what torchvision makes of the float image,
before it is normalised; the last case is normalised too.
"""

import json
import math
import pathlib

import torch
import torchvision
import torchvision.transforms.functional as F

SOURCE = 20  # pixels; 3 · 20² bytes are whole words
SIZE = 12
CHANGES = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
WHOLE = (3, 5, 12, 12)  # a box of the size made: no resizing


def picture():
    """A coloured disc on a gradient, with some texture: u8[3, SOURCE, SOURCE]."""
    image = torch.zeros(3, SOURCE, SOURCE)
    for row in range(SOURCE):
        for column in range(SOURCE):
            disc = math.hypot(row - 8, column - 11) < 6
            texture = 30 * math.sin(1.7 * row + 0.9 * column) + 20 * math.cos(0.6 * row * column)
            colour = (230, 60, 90) if disc else (12 * row, 128 + 6 * column, 250 - 11 * column)
            for channel, value in enumerate(colour):
                image[channel, row, column] = value + texture * (1 - 0.4 * channel)
    image[:, 0, :] = torch.tensor([[0.0], [0.0], [0.0]])  # black, white, gray and pure colours
    image[:, 5, 6:9] = 255
    image[:, 6, 6:9] = 77
    image[:, 7, 6:9] = torch.eye(3) * 255
    image[:, 8, 6:9] = 255 - torch.eye(3) * 255
    return image.clamp(0, 255).round().to(torch.uint8)


def draw(
    box=WHOLE, flip=False, order=(0, 1, 2, 3), factors=(1, 1, 1, 0), gray=False, sigma=0, taps=3
):
    names = ("top", "left", "height", "width")
    changes = ("brightness", "contrast", "saturation", "hue")
    drawn = {**dict(zip(names, box)), "flip": int(flip), **dict(zip(changes, factors))}
    return {**drawn, "grayscale": int(gray), "order": list(order), "sigma": sigma, "taps": taps}


def apply(image, size, drawn):
    """What the pipeline of torchvision's transforms does with these parameters."""
    box = [drawn[k] for k in ("top", "left", "height", "width")]
    y = F.resized_crop(image, *box, [size, size], antialias=True)
    if drawn["flip"]:
        y = F.hflip(y)
    factors = [drawn[k] for k in ("brightness", "contrast", "saturation", "hue")]
    for which in drawn["order"]:
        if factors[which] != (0 if which == 3 else 1):
            y = CHANGES[which](y, factors[which])
    if drawn["grayscale"]:
        y = F.rgb_to_grayscale(y, 3)
    if drawn["sigma"]:
        y = F.gaussian_blur(y, [drawn["taps"]] * 2, [drawn["sigma"]] * 2)
    return y


CASES = {
    "crop": (SIZE, draw()),
    "resized_crop, both axes shrunk": (SIZE, draw((1, 2, 19, 17))),
    "resized_crop, shrunk 4 times": (5, draw((0, 0, 20, 20))),
    "resized_crop, both axes grown": (SIZE, draw((6, 4, 5, 7))),
    "resized_crop, one shrunk and one grown": (SIZE, draw((0, 13, 20, 3))),
    "hflip": (SIZE, draw(flip=True)),
    "adjust_brightness, darker": (SIZE, draw(factors=(0.6, 1, 1, 0))),
    "adjust_brightness, brighter": (SIZE, draw(factors=(1.5, 1, 1, 0))),
    "adjust_contrast, less": (SIZE, draw(factors=(1, 0.5, 1, 0))),
    "adjust_contrast, more": (SIZE, draw(factors=(1, 1.45, 1, 0))),
    "adjust_saturation, less": (SIZE, draw(factors=(1, 1, 0.55, 0))),
    "adjust_saturation, more": (SIZE, draw(factors=(1, 1, 1.5, 0))),
    "adjust_hue, forwards": (SIZE, draw(factors=(1, 1, 1, 0.1))),
    "adjust_hue, backwards": (SIZE, draw(factors=(1, 1, 1, -0.1))),
    "adjust_hue, half around": (SIZE, draw(factors=(1, 1, 1, 0.5))),
    "rgb_to_grayscale": (SIZE, draw(gray=True)),
    "gaussian_blur, 3 taps": (SIZE, draw(sigma=0.7)),
    "gaussian_blur, 21 taps": (SIZE, draw(sigma=2.0, taps=21)),
    "gaussian_blur, narrow": (SIZE, draw(sigma=0.1, taps=5)),
    "chain": (
        SIZE,
        draw((1, 2, 19, 17), True, (2, 1, 3, 0), (1.2, 0.7, 1.4, -0.08), sigma=1.1, taps=5),
    ),
    "chain, contrast first": (
        SIZE,
        draw((4, 4, 8, 9), False, (1, 3, 0, 2), (0.8, 1.3, 0.6, 0.05), sigma=0.4),
    ),
    "chain, contrast last, gray": (
        SIZE,
        draw((0, 0, 20, 15), True, (0, 3, 2, 1), (1.3, 0.6, 1.5, 0.1), gray=True, sigma=0.9),
    ),
}


def values(tensor):
    """Row by row with the channels last, to 7 decimals."""
    return [round(v, 7) for v in tensor.permute(1, 2, 0).flatten().tolist()]


def case(name, size, drawn, normalised, y):
    facts = {"name": name, "size": size, "draw": drawn, "normalised": normalised}
    return {**facts, "expected": values(y)}


def main():
    image = picture()
    real = image.to(torch.float32) / 255
    made = {name: (size, drawn, apply(real, size, drawn)) for name, (size, drawn) in CASES.items()}
    cases = [case(name, size, drawn, False, y) for name, (size, drawn, y) in made.items()]
    size, drawn, y = made["chain"]
    cases.append(case("chain, normalised", size, drawn, True, F.normalize(y, MEAN, STD)))
    golden = {
        "madeBy": {"torch": torch.__version__, "torchvision": torchvision.__version__},
        "source": SOURCE,
        "image": image.permute(1, 2, 0).flatten().tolist(),
        "cases": [],
    }
    head = json.dumps(golden, separators=(",", ":"))[:-2]
    body = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    pathlib.Path(__file__).with_suffix(".json").write_text(f"{head}\n{body}\n]}}\n")


main()
