"""Make training.safetensors: ten steps of CLIP and RoCLIP in plain PyTorch, for two settings.

    /usr/bin/python3 test/golden/training.py [--study]

Needs numpy and PyTorch 1.10 or later on the CPU (Debian: python3-torch). It shares no code with
roclip/: the towers are torch.nn modules (the attention is nn.MultiheadAttention, as in OpenAI's
CLIP), the optimiser is torch.optim.AdamW, gradients are autograd's. Everything drawn is rounded to
float32, which the file holds, and then computed in float64, so that the reference's own rounding
does not count and a tolerance in the test is about the engine alone. `--study` prints how far
PyTorch's own float32 is from it: what a right float32 implementation may be off by.

The settings: "ours" is the defaults (an empty pool fed in all epochs, so that it is part full at
the first match and wraps later; images matched to one caption share it as positives), with plain
and matching steps mixed, so that the text tower's optimiser state must wait out the matching steps.
"authors" is the RoCLIP authors' (noise in the pool, fed when matching only; duplicates are
negatives), five plain steps and then five matching ones. "re-encoded" and "both" are five steps of
our switches: matched captions encoded anew, clipped gradients and averaged weights; and captions
matched with a pool of images too, duplicates left out of each other's negatives, by torch.optim.SGD.
All have the same model, data and draws; of the last two the file holds less.
Duplicates as positives or as negatives give one loss (`check`): the captions of a match are copies
of one row, so how a target is shared among their columns does not change its cross-entropy.
"""

import json
import math
import pathlib
import re
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

SEED = 20236
PAIRS, VOCABULARY = 40, 48
START, END, PADDING = VOCABULARY - 2, VOCABULARY - 1, 0
NO_MATCH = 0xFFFFFFFF
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]

# What the test passes to parseConfig. The image side is odd: its bytes do not fill whole words and
# the strided convolutions meet an odd border. eps is larger than usual because with 1e-8 AdamW
# makes full steps of gradients that are zero but for rounding (every key bias's is: softmax does
# not see it), so that no two float32 programs agree on them; `--study` shows it.
CONFIG = {
    "batch": 8,
    "epochs": 1,
    "imageSize": 15,
    "contextLength": 8,
    "image": {"width": 8, "blocks": [1, 1]},
    "text": {"width": 12, "layers": 2, "heads": 2},
    "embedding": 16,
    "lr": 4e-3,
    "warmupSteps": 2,
    "eps": 1e-3,
    "weightDecay": 0.1,
}
BETAS = (0.9, 0.999)
POOL = 24
SETTINGS = {
    "ours": {
        "order": "PPMMPPMPMM",
        "roclip": {
            "poolSize": POOL,
            "poolStart": "captions",
            "poolUpdate": "all",
            "duplicates": "positives",
        },
    },
    "authors": {
        "order": "PPPPPMMMMM",
        "roclip": {
            "poolSize": POOL,
            "poolStart": "noise",
            "poolUpdate": "matching",
            "duplicates": "negatives",
        },
    },
    "re-encoded": {
        "order": "PMPMP",
        "config": {"clipNorm": 8.0, "ema": 0.75},
        "roclip": {
            "poolSize": POOL,
            "textGradient": "re-encoded",
            "duplicates": "negatives",
        },
    },
    "both": {
        "order": "PPMPM",
        "config": {"optimiser": "sgd", "lr": 0.05, "momentum": 0.8},
        "roclip": {
            "poolSize": POOL,
            "direction": "both",
            "duplicates": "excluded",
        },
    },
}


RELU_INPUTS = [math.inf]  # the smallest magnitude that met a ReLU so far


def relu(x):
    """ReLU. Where its input is rounding away from 0, other programs may rightly find it closed."""
    RELU_INPUTS[0] = min(RELU_INPUTS[0], float(x.detach().abs().min()))
    return F.relu(x)


class Block(nn.Module):
    def __init__(self, old, new, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(old, new, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(new)
        self.shortcut = nn.ModuleDict()
        if old != new:
            self.shortcut["conv"] = nn.Conv2d(old, new, 1, stride, bias=False)
            self.shortcut["norm"] = nn.BatchNorm2d(new)
        self.conv2 = nn.Conv2d(new, new, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(new)

    def forward(self, x):
        y = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        if self.shortcut:
            x = self.shortcut["norm"](self.shortcut["conv"](x))
        return relu(y + x)


class ImageTower(nn.Module):
    def __init__(self, width, blocks, embedding):
        super().__init__()
        stem = {"conv": nn.Conv2d(3, width, 3, 2, 1, bias=False), "norm": nn.BatchNorm2d(width)}
        self.stem = nn.ModuleDict(stem)
        layers, old = [], width
        for stage, count in enumerate(blocks):
            for i in range(count):
                new = width << stage
                layers.append(Block(old, new, 2 if stage > 0 and i == 0 else 1))
                old = new
        self.blocks = nn.ModuleList(layers)
        self.projection = nn.Linear(old, embedding, bias=False)

    def forward(self, x):
        x = relu(self.stem["norm"](self.stem["conv"](x)))
        for block in self.blocks:
            x = block(x)
        return self.projection(x.mean((2, 3)))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x, mask):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False, attn_mask=mask)[0]
        y = self.up(self.norm2(x))
        return x + self.down(y * torch.sigmoid(1.702 * y))


class TextTower(nn.Module):
    def __init__(self, vocabulary, context, width, layers, heads, embedding):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(context, width))
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embedding, bias=False)
        mask = torch.full((context, context), float("-inf")).triu(1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, tokens, ends):
        x = self.tokens(tokens) + self.positions
        for layer in self.layers:
            x = layer(x, self.mask)
        return self.projection(self.norm(x)[torch.arange(len(x)), ends])


class Clip(nn.Module):
    def __init__(self, config):
        super().__init__()
        text, embedding = config["text"], config["embedding"]
        self.image = ImageTower(**config["image"], embedding=embedding)
        self.text = TextTower(VOCABULARY, config["contextLength"], **text, embedding=embedding)
        self.logitScale = nn.Parameter(torch.zeros(()))

    def norms(self):
        """Batch norms in the order that our tower meets them: a shortcut's comes second."""
        yield self.image.stem["norm"]
        for block in self.image.blocks:
            yield block.norm1
            if block.shortcut:
                yield block.shortcut["norm"]
            yield block.norm2


def our_path(name):
    """The path of a torch parameter in our state."""
    name = name.replace("attention.in_proj_", "qkv.").replace("attention.out_proj", "out")
    name = re.sub(r"(norm\d?)\.weight$", r"\1.gain", name)
    return re.sub(r"(conv\d?|projection|tokens)\.weight$", r"\1", name)


def our_layout(name, x):
    """Filters OIHW -> [r, s, c, o]; matrices [out, in] -> [in, out]; tables as they are."""
    if x.dim() == 4:
        return x.permute(2, 3, 1, 0)
    return x.t() if x.dim() == 2 and not re.search("tokens|positions", name) else x


def torch_layout(name, x):
    if x.dim() == 4:
        return x.permute(3, 2, 0, 1)
    return our_layout(name, x)


def draw_parameters(model, draws):
    """Parameters in our layout by our path: no special values, so that every term counts."""
    drawn = {}
    for name, parameter in model.named_parameters():
        shape = our_layout(name, parameter).shape
        noise = draws.standard_normal(shape)
        if len(shape) >= 2:
            fan_in = math.prod(shape[:-1])
            value = noise * (0.5 if "tokens" in name or "positions" in name else fan_in**-0.5)
        elif our_path(name).endswith("gain"):
            value = 1 + 0.2 * noise
        else:
            value = 0.2 * noise
        drawn[our_path(name)] = np.asarray(value, np.float32)
    drawn["logitScale"] = np.asarray(math.log(1 / 0.07), np.float32)
    return drawn


def draw_data(draws):
    """Images (noise on a ramp of a random colour), captions of 1 to 6 words, batches."""
    size, length = CONFIG["imageSize"], CONFIG["contextLength"]
    ramp = np.linspace(-1, 1, size)[None, :, None, None] * draws.uniform(-1, 1, (PAIRS, 1, 1, 3))
    colour = draws.uniform(0.2, 0.8, (PAIRS, 1, 1, 3))
    noise = draws.uniform(-0.2, 0.2, (PAIRS, size, size, 3))
    images = np.clip((colour + 0.5 * ramp + noise) * 255, 0, 255).astype(np.uint8)
    tokens = np.full((PAIRS, length), PADDING, np.uint32)
    ends = 2 + np.arange(PAIRS, dtype=np.uint32) % (length - 2)
    for row, end in zip(tokens, ends):
        row[0], row[end] = START, END
        row[1:end] = draws.randint(1, START, end - 1)
    batch = CONFIG["batch"]
    order = np.concatenate([draws.permutation(PAIRS) for _ in range(10 * batch // PAIRS)])
    pairs = order.reshape(10, batch).astype(np.uint32)
    return {"images": images, "tokens": tokens, "ends": ends, "pairs": pairs}


class Pool:
    """The ring of caption vectors; `noise` fills it as the authors' code does."""

    def __init__(self, noise, dtype):
        self.rows = torch.zeros(POOL, CONFIG["embedding"], dtype=dtype)
        self.ids = np.full(POOL, NO_MATCH, np.uint32)
        self.next, self.filled = 0, 0
        if noise is not None:
            self.rows = torch.tensor(noise, dtype=dtype)
            self.filled = POOL

    def push(self, rows, ids):
        for row, caption in zip(rows, ids):
            self.rows[self.next], self.ids[self.next] = row, caption
            self.next = (self.next + 1) % POOL
            self.filled = min(self.filled + 1, POOL)


def learning_rate(step, lr):
    """Linear warm-up, then a half cosine to 0 after the tenth step."""
    warm = CONFIG["warmupSteps"]
    if step < warm:
        return lr * (step + 1) / warm
    return lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / (10 - warm)))


def symmetric_loss(image, text, logit_scale, same, absent=None):
    """CE over the captions of an image and over the images of a caption, averaged; pairs that are
    `absent` are in neither."""
    logits = logit_scale.exp() * image @ text.t()
    if absent is not None:
        logits = logits.masked_fill(absent, -math.inf)
        same = torch.arange(len(logits))  # classes: a soft target of 0 makes NaN of −∞
    target = same / same.sum(1, keepdim=True) if same.dim() == 2 else same
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target)) / 2


class Run:
    """One setting, step by step; `found` is what the file holds of it."""

    def __init__(self, setting, initial, noise, data, dtype=torch.float64, eps=CONFIG["eps"]):
        self.setting, self.data, self.dtype = setting, data, dtype
        self.model = Clip(CONFIG).to(dtype)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                value = torch.from_numpy(initial[our_path(name)])
                parameter.copy_(torch_layout(name, value))
        parameters = list(self.model.parameters())
        groups = [
            {"params": [p for p in parameters if p.dim() >= 2]},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        self.config = {**CONFIG, **setting.get("config", {})}
        decay = CONFIG["weightDecay"]
        if self.config.get("optimiser") == "sgd":
            momentum, lr = self.config["momentum"], self.config["lr"]
            self.optimiser = torch.optim.SGD(groups, lr, momentum, weight_decay=decay)
        else:
            self.optimiser = torch.optim.AdamW(groups, betas=BETAS, eps=eps, weight_decay=decay)
        ema = self.config.get("ema", 0)
        rate = lambda taken: (1 - ema) / (1 - ema ** (int(taken) + 1))
        mean = lambda old, new, taken: old + rate(taken) * (new - old) if taken else new
        self.average = AveragedModel(self.model, avg_fn=mean)
        self.average_statistics = None
        self.rate = rate
        starts_noisy = setting["roclip"].get("poolStart") == "noise"
        self.pool = Pool(noise if starts_noisy else None, dtype)
        self.image_pool = Pool(None, dtype)
        self.matches = np.full(PAIRS, NO_MATCH, np.uint32)
        self.losses, self.matched, self.captions, self.gaps = [], [], [], []
        self.shares, self.first_gradients, self.norms_seen = [], {}, []

    def match(self, image, pool):
        """Indices of the nearest pool rows, by cosine; remembers by how much each was nearest."""
        scores = image.detach() @ F.normalize(pool.rows[: pool.filled], dim=1).t()
        best = scores.topk(2, dim=1).values
        self.gaps.append((best[:, 0] - best[:, 1]).min().item())
        return scores.argmax(1)

    def step(self, number):
        matching = self.setting["order"][number] == "M"
        roclip = self.setting["roclip"]
        pairs = self.data["pairs"][number].astype(np.int64)
        pixels = torch.from_numpy(self.data["images"][pairs]).to(self.dtype) / 255
        pixels = (pixels - pixels.new_tensor(MEAN)) / pixels.new_tensor(STD)
        image = F.normalize(self.model.image(pixels.permute(0, 3, 1, 2)), dim=1)
        text = F.normalize(self.encode_captions(pairs), dim=1)
        same, target = torch.eye(len(pairs), dtype=self.dtype), text
        if matching:
            index = self.match(image, self.pool)
            target = self.pool.rows[index].clone()
            if roclip.get("textGradient") == "re-encoded":
                ids = self.pool.ids[index.numpy()].astype(np.int64)
                target = F.normalize(self.encode_captions(ids), dim=1)
            shared = (index[:, None] == index[None, :]).to(self.dtype)
            scale = self.model.logitScale
            kinds = [symmetric_loss(image, target, scale, t).item() for t in (same, shared)]
            self.shares.append(abs(kinds[1] / kinds[0] - 1))
            if roclip["duplicates"] == "positives":
                same = shared
            caption = self.pool.ids[index.numpy()]
            self.matches[pairs] = caption
            self.matched.append(index.numpy().astype(np.uint32))
            self.captions.append(caption)
        absent = excluded(caption) if matching and roclip["duplicates"] == "excluded" else None
        loss = symmetric_loss(image, target, self.model.logitScale, same, absent)
        if matching and roclip.get("direction") == "both":
            index = self.match(text, self.image_pool)
            absent = excluded(self.image_pool.ids[index.numpy()])
            image_target = self.image_pool.rows[index].clone()
            scale = self.model.logitScale
            loss = (loss + symmetric_loss(image_target, text, scale, same, absent)) / 2
        self.optimise(loss, learning_rate(number, self.config["lr"]), matching)
        if matching or roclip.get("poolUpdate", "all") == "all":
            self.pool.push(text.detach(), self.data["pairs"][number])
            self.image_pool.push(image.detach(), self.data["pairs"][number])
        self.losses.append(loss.item())

    def encode_captions(self, ids):
        """Text features of training captions by their ids."""
        tokens = torch.from_numpy(self.data["tokens"][ids].astype(np.int64))
        return self.model.text(tokens, torch.from_numpy(self.data["ends"][ids].astype(np.int64)))

    def optimise(self, loss, lr, matching):
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.first_gradients.setdefault("matching" if matching else "plain", self.gradients())
        if "clipNorm" in self.config:
            limit = self.config["clipNorm"]
            self.norms_seen.append(nn.utils.clip_grad_norm_(self.model.parameters(), limit).item())
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        with torch.no_grad():
            self.model.logitScale.clamp_(0, math.log(100))
        self.keep_average()

    def keep_average(self):
        """Averages of weights (torch's own) and of the batch norms' running statistics."""
        now = {name: x.copy() for name, x in self.statistics().items()}
        old, rate = self.average_statistics or now, self.rate(self.average.n_averaged)
        self.average_statistics = {k: old[k] + rate * (x - old[k]) for k, x in now.items()}
        self.average.update_parameters(self.model)

    def gradients(self):
        named = self.model.named_parameters()
        return by_path((name, p.grad) for name, p in named if p.grad is not None)

    def finish(self):
        for number in range(len(self.setting["order"])):
            self.step(number)
        return self

    def parameters(self):
        return by_path((name, p.detach()) for name, p in self.model.named_parameters())

    def moments(self, which):
        named = self.model.named_parameters()
        return by_path((name, self.optimiser.state[p][which]) for name, p in named)

    def statistics(self):
        norms = enumerate(self.model.norms())
        return {
            f"{i}.{ours}": tensor.numpy()
            for i, norm in norms
            for ours, tensor in (("mean", norm.running_mean), ("variance", norm.running_var))
        }

    def found_of_switches(self):
        """What the test compares with for a setting of our switches, by path."""
        averages = by_path((n, p.detach()) for n, p in self.average.module.named_parameters())
        averaged = {
            **under("state.average.params", averages),
            **under("state.average.statistics", self.average_statistics),
        }
        keeps = {
            "state.imagePool.rows": self.image_pool.rows,
            "state.imagePool.ids": self.image_pool.ids,
        }
        return {
            "losses": np.array(self.losses),
            "matched": np.stack(self.matched),
            "captions": np.stack(self.captions),
            "state.matches": self.matches,
            **(averaged if "ema" in self.config else under("state.params", self.parameters())),
            **(keeps if self.setting["roclip"].get("direction") == "both" else {}),
        }

    def found(self):
        """What the test compares with, by path."""
        pool = {"rows": self.pool.rows, "ids": self.pool.ids}
        pool["cursor"] = np.array([self.pool.next, self.pool.filled], np.uint32)
        return {
            "losses": np.array(self.losses),
            "matched": np.stack(self.matched),
            "captions": np.stack(self.captions),
            **under("gradients.matching", self.first_gradients["matching"]),
            **under("state.params", self.parameters()),
            **under("state.moments.first", self.moments("exp_avg")),
            **under("state.moments.second", self.moments("exp_avg_sq")),
            **under("state.statistics", self.statistics()),
            **under("state.pool", pool),
            "state.matches": self.matches,
        }


def excluded(ids):
    """Which pairs of a batch are of one id, but for each with itself."""
    ids = torch.from_numpy(ids.astype(np.int64))
    return (ids[:, None] == ids[None, :]) & ~torch.eye(len(ids), dtype=torch.bool)


def by_path(named):
    return {our_path(name): our_layout(name, x).numpy().copy() for name, x in named}


def under(prefix, arrays):
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def write_safetensors(path, arrays, metadata):
    """The format of github.com/huggingface/safetensors; floats as F32, all else as U32."""
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, array in arrays.items():
        array = np.asarray(array)
        floating = array.dtype.kind == "f"
        blob = np.ascontiguousarray(array, "<f4" if floating else "<u4").tobytes()
        dtype, offsets = "F32" if floating else "U32", [at, at + len(blob)]
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": offsets}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(blobs))
    return path.stat().st_size


def pack(images):
    """Bytes as little-endian words, each image padded to a whole word."""
    flat = images.reshape(len(images), -1)
    return np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).view("<u4")


def check(name, run):
    """The draws must be a test: duplicates, several captions, no match decided by rounding."""
    distinct = [len(set(row)) for row in run.matched]
    assert min(run.gaps) > 1e-4, f"{name}: a match is nearly a tie: {run.gaps}"
    assert min(distinct) < CONFIG["batch"] and max(distinct) > 1, f"{name}: {distinct}"
    assert RELU_INPUTS[0] > 1e-5, f"{name}: a ReLU is open or closed by rounding: {RELU_INPUTS[0]}"
    if run.setting["roclip"].get("textGradient") != "re-encoded":  # rounding of equal captions
        assert max(run.shares) < 1e-12, f"{name}: shared targets change the loss: {run.shares}"
    if run.norms_seen:
        most, least = max(run.norms_seen), min(run.norms_seen)
        assert least < run.config["clipNorm"] < most, f"{name}: norms {run.norms_seen}"
    print(f"{name}: losses {[round(x, 4) for x in run.losses]}")
    print(f"  distinct matches of 8: {distinct}; smallest gap {min(run.gaps):.1e}")


def study(inputs):
    """How far PyTorch's float32 is from its float64, by quantity and Adam's eps."""
    worst = lambda a, b, size: max(float(np.abs(a[k] - b[k]).max() / size(k)) for k in a)
    for eps in (1e-8, 1e-6, 1e-5, 1e-4, 1e-3):
        for name, setting in SETTINGS.items():
            exact = Run(setting, *inputs, eps=eps).finish()
            rough = Run(setting, *inputs, dtype=torch.float32, eps=eps).finish()
            losses = np.abs(np.array(exact.losses) / rough.losses - 1).max()
            a, b = exact.parameters(), rough.parameters()
            moved = {k: np.abs(a[k] - inputs[0][k]).max() for k in a}
            line = f"eps {eps:.0e} {name:8} loss {losses:.1e} params {worst(a, b, moved.get):.1e}"
            for kind, gradients in exact.first_gradients.items():
                other = rough.first_gradients[kind]
                size = lambda k: np.abs(gradients[k]).max()
                line += f" {kind} gradients {worst(gradients, other, size):.1e}"
            same = np.array_equal(np.stack(exact.matched), np.stack(rough.matched))
            print(line, "matches equal" if same else "MATCHES DIFFER", f"gap {min(exact.gaps):.1e}")


def main():
    draws = np.random.RandomState(SEED)  # its stream is frozen, unlike torch's and default_rng's
    initial = draw_parameters(Clip(CONFIG), draws)
    data = draw_data(draws)
    noise = draws.standard_normal((POOL, CONFIG["embedding"])).astype(np.float32)
    if "--study" in sys.argv:
        return study((initial, noise, data))
    arrays = {**under("initial", initial), "noise": noise}
    arrays.update(under("data", {**data, "images": pack(data["images"])}))
    for name, setting in SETTINGS.items():
        run = Run(setting, initial, noise, data).finish()
        check(name, run)
        if name == "ours":
            arrays.update(under("gradients.plain", run.first_gradients["plain"]))
        whole = name in ("ours", "authors")
        arrays.update(under(name, run.found() if whole else run.found_of_switches()))
    metadata = {"config": json.dumps(CONFIG), "settings": json.dumps(SETTINGS)}
    path = pathlib.Path(__file__).with_name("training.safetensors")
    print(f"{write_safetensors(path, arrays, metadata)} bytes")


if __name__ == "__main__":
    main()
