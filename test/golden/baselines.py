"""Make baselines.safetensors: five steps of CleanCLIP and of SafeCLIP in plain PyTorch.

    /usr/bin/python3 test/golden/baselines.py

The model, its initial parameters, the pairs and the optimiser are training.py's, and so is what is
said there of precision. Written from the papers (Bansal et al. 2023, arXiv:2303.03323, §4; Yang et
al. 2024, arXiv:2310.05862, §4). A step with two views of its pairs encodes them as one batch, the
first views before the second, whose batch norms see both. Second views are made here, by hand: the
augmentations have goldens of their own.

"cleanclip" is five steps of its loss, with weights that differ; "safeclip" is unimodal steps (U),
whose pools are full of unit noise at first and take in the first views after the search, and plain
steps (P) between them.
"""

import json
import pathlib

import numpy as np
import torch
from torch.nn import functional as F
from training import (
    CONFIG,
    MEAN,
    POOL,
    RELU_INPUTS,
    SEED,
    START,
    STD,
    Clip,
    Pool,
    Run,
    draw_data,
    draw_parameters,
    learning_rate,
    pack,
    symmetric_loss,
    under,
    write_safetensors,
)

SETTINGS = {
    "cleanclip": {
        "order": "CCCCC",
        "config": {
            "defence": "cleanclip",
            "pretrained": "a run",
            "cleanclip": {"clipWeight": 0.75, "unimodalWeight": 1.5},
        },
        "roclip": {},
    },
    "safeclip": {
        "order": "UUPUP",
        "config": {"defence": "safeclip", "safeclip": {"poolSize": POOL, "slowEpochs": 0}},
        "roclip": {},
    },
}
KEPT = ("image.projection", "text.projection", "logitScale")  # of the parameters after five steps


def draw_second_views(draws, data):
    """Mirrored images in other colours; captions of which one word differs."""
    turned = data["images"][:, :, ::-1].astype(np.float64)
    gains = draws.uniform(0.6, 1.1, (len(turned), 1, 1, 3))
    tokens = data["tokens"].copy()
    for row, end in zip(tokens, data["ends"]):
        row[draws.randint(1, end)] = draws.randint(1, START)
    return {"images": np.clip(turned * gains, 0, 255).astype(np.uint8), "tokens": tokens}


def one_sided(queries, keys, logit_scale):
    """Cross-entropy of each query's own key among all keys."""
    logits = logit_scale.exp() * queries @ keys.t()
    return F.cross_entropy(logits, torch.arange(len(logits)))


class Baseline(Run):
    """A setting, whose second views are `second`; pools begin with `pools`."""

    def __init__(self, setting, initial, data, second, pools):
        super().__init__(setting, initial, None, data)
        self.second = second
        for pool, rows in zip((self.pool, self.image_pool), pools):
            pool.__dict__.update(Pool(rows, self.dtype).__dict__)

    def encode(self, pairs, views):
        """Unit rows of images and captions, of all views as one batch, apart again."""
        images = np.concatenate([view["images"][pairs] for view in views])
        pixels = torch.from_numpy(images).to(self.dtype) / 255
        pixels = (pixels - pixels.new_tensor(MEAN)) / pixels.new_tensor(STD)
        tokens = np.concatenate([view["tokens"][pairs] for view in views]).astype(np.int64)
        ends = np.tile(self.data["ends"][pairs].astype(np.int64), len(views))
        image = F.normalize(self.model.image(pixels.permute(0, 3, 1, 2)), dim=1)
        text = self.model.text(torch.from_numpy(tokens), torch.from_numpy(ends))
        return image.split(len(pairs)), F.normalize(text, dim=1).split(len(pairs))

    def clean_loss(self, pairs):
        weights, scale = self.config["cleanclip"], self.model.logitScale
        (image, augmented), (caption, edited) = self.encode(pairs, (self.data, self.second))
        clip = symmetric_loss(image, caption, scale, torch.eye(len(pairs), dtype=self.dtype))
        alone = one_sided(image, augmented, scale) + one_sided(caption, edited, scale)
        return weights["clipWeight"] * clip + weights["unimodalWeight"] * alone / 2

    def unimodal_loss(self, pairs):
        (image, again), (caption, edited) = self.encode(pairs, (self.data, self.second))
        losses = []
        for first, second, pool in ((image, again, self.image_pool), (caption, edited, self.pool)):
            near = pool.rows[self.match(first, pool)].clone()
            losses.append(one_sided(second, near, self.model.logitScale))
            pool.push(first.detach(), pairs)
        return sum(losses) / 2

    def plain_loss(self, pairs):
        ((image,), (caption,)) = self.encode(pairs, (self.data,))
        diagonal = torch.eye(len(pairs), dtype=self.dtype)
        return symmetric_loss(image, caption, self.model.logitScale, diagonal)

    def step(self, number):
        pairs = self.data["pairs"][number].astype(np.int64)
        kinds = {"C": self.clean_loss, "U": self.unimodal_loss, "P": self.plain_loss}
        loss = kinds[self.setting["order"][number]](pairs)
        self.optimise(loss, learning_rate(number, self.config["lr"]), False)
        self.losses.append(loss.item())

    def found(self):
        kept = {name: array for name, array in self.parameters().items() if name in KEPT}
        return {"losses": np.array(self.losses), **under("params", kept)}


def main():
    draws = np.random.RandomState(SEED)
    initial = draw_parameters(Clip(CONFIG), draws)  # as training.py draws them
    data = draw_data(draws)
    second = draw_second_views(draws, data)
    noise = draws.standard_normal((2, POOL, CONFIG["embedding"]))
    pools = (noise / np.linalg.norm(noise, axis=2, keepdims=True)).astype(np.float32)
    images = pack(second["images"])
    arrays = {"second.images": images, "second.tokens": second["tokens"], "pools": pools}
    for name, setting in SETTINGS.items():
        run = Baseline(setting, initial, data, second, pools).finish()
        assert RELU_INPUTS[0] > 1e-6, f"a ReLU is open or closed by rounding: {RELU_INPUTS[0]}"
        assert min(run.gaps, default=1) > 1e-4, f"{name}: a match is nearly a tie: {run.gaps}"
        print(f"{name}: losses {[round(x, 4) for x in run.losses]}")
        arrays.update(under(name, run.found()))
    metadata = {"config": json.dumps(CONFIG), "settings": json.dumps(SETTINGS)}
    path = pathlib.Path(__file__).with_name("baselines.safetensors")
    print(f"{write_safetensors(path, arrays, metadata)} bytes")


if __name__ == "__main__":
    main()
