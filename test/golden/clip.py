"""CLIP in plain PyTorch under open_clip's parameter names, and safetensors files.

Written from the papers (Radford et al. 2021, arXiv:2103.00020, §2.4; Dosovitskiy et al. 2021,
arXiv:2010.11929; He et al. 2018, arXiv:1812.01187, §4.2) and the names and shapes of published
checkpoints; it shares no code with roclip/ or with open_clip. Attention within layers is
nn.MultiheadAttention. `build` makes a model of a configuration in open_clip's form.
"""

import json
import math
import re

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

RELU_INPUTS = [math.inf]  # the smallest magnitude that met a ReLU so far


def relu(x):
    RELU_INPUTS[0] = min(RELU_INPUTS[0], float(x.detach().abs().min()))
    return F.relu(x)


def halves(stride):
    return nn.AvgPool2d(2) if stride == 2 else nn.Identity()


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1; a stride is an average before the last and in the shortcut."""

    def __init__(self, old, width, stride):
        super().__init__()
        new = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(old, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, new, 1, bias=False), nn.BatchNorm2d(new)
        self.shrink = halves(stride)
        self.downsample = None
        if stride == 2 or old != new:
            layers = {"0": nn.Conv2d(old, new, 1, bias=False), "1": nn.BatchNorm2d(new)}
            self.downsample = nn.ModuleDict(layers)

    def forward(self, x):
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(self.shrink(y)))
        if self.downsample is not None:
            x = self.downsample["1"](self.downsample["0"](self.shrink(x)))
        return relu(x + y)


class AttentionPool(nn.Module):
    """The mean of all pixels asks; the mean and all pixels answer."""

    def __init__(self, side, width, heads, embedding):
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.randn(side**2 + 1, width) * width**-0.5)
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.c_proj = nn.Linear(width, embedding)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([x.mean(1, keepdim=True), x], 1) + self.positional_embedding
        split = lambda y: y.unflatten(2, (self.heads, -1)).transpose(1, 2)
        q, k, v = split(self.q_proj(x[:, :1])), split(self.k_proj(x)), split(self.v_proj(x))
        weights = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(-1)
        return self.c_proj((weights @ v).transpose(1, 2).flatten(1))


class ResNet(nn.Module):
    def __init__(self, embedding, layers, width, head_width, image_size, **_):
        super().__init__()
        widths = [3, width // 2, width // 2, width]
        for i in range(3):
            stride = 2 if i == 0 else 1
            conv = nn.Conv2d(widths[i], widths[i + 1], 3, stride, 1, bias=False)
            self.add_module(f"conv{i + 1}", conv)
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(widths[i + 1]))
        old = width
        for stage, count in enumerate(layers):
            blocks = []
            for i in range(count):
                blocks.append(Bottleneck(old, width << stage, 2 if stage and not i else 1))
                old = 4 * (width << stage)
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.attnpool = AttentionPool(image_size // 32, old, old // head_width, embedding)

    def forward(self, x):
        for i in "123":
            x = relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
        x = F.avg_pool2d(x, 2)
        for i in "1234":
            x = getattr(self, f"layer{i}")(x)
        return self.attnpool(x)


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Layer(nn.Module):
    def __init__(self, width, heads, quick):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        middle = {
            "c_fc": nn.Linear(width, 4 * width),
            "gelu": QuickGelu() if quick else nn.GELU(),
            "c_proj": nn.Linear(4 * width, width),
        }
        self.mlp = nn.ModuleDict(middle)

    def forward(self, x, mask=None):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        y = self.ln_2(x)
        for step in self.mlp.values():
            y = step(y)
        return x + y


def transformer(width, heads, layers, quick):
    blocks = nn.ModuleList([Layer(width, heads, quick) for _ in range(layers)])
    return nn.ModuleDict({"resblocks": blocks})


class VisionTransformer(nn.Module):
    def __init__(self, embedding, quick, layers, width, head_width, patch_size, image_size):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch_size, patch_size, bias=False)
        tokens = (image_size // patch_size) ** 2 + 1
        random = lambda *shape: nn.Parameter(torch.randn(*shape) * width**-0.5)
        self.class_embedding, self.positional_embedding = random(width), random(tokens, width)
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = transformer(width, width // head_width, layers, quick)
        self.proj = random(width, embedding)

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(x), 1, -1)
        x = self.ln_pre(torch.cat([first, x], 1) + self.positional_embedding)
        for layer in self.transformer["resblocks"]:
            x = layer(x)
        return self.ln_post(x[:, 0]) @ self.proj


class Clip(nn.Module):
    def __init__(self, embed_dim, vision_cfg, text_cfg, quick_gelu):
        super().__init__()
        if isinstance(vision_cfg["layers"], list):
            self.visual = ResNet(embed_dim, **vision_cfg)
        else:
            self.visual = VisionTransformer(embed_dim, quick_gelu, **vision_cfg)
        width, length = text_cfg["width"], text_cfg["context_length"]
        self.token_embedding = nn.Embedding(text_cfg["vocab_size"], width)
        self.positional_embedding = nn.Parameter(torch.randn(length, width) * 0.01)
        self.transformer = transformer(width, text_cfg["heads"], text_cfg["layers"], quick_gelu)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, embed_dim) * width**-0.5)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        mask = torch.full((length, length), -math.inf).triu(1)
        self.register_buffer("mask", mask, persistent=False)

    def encode_text(self, tokens):
        x = self.token_embedding(tokens) + self.positional_embedding
        for layer in self.transformer["resblocks"]:
            x = layer(x, self.mask)
        ends = tokens.argmax(1)  # the end of text has the highest number
        return self.ln_final(x)[torch.arange(len(x)), ends] @ self.text_projection


def build(config):
    """A model of a configuration with every field of open_clip's that roclip knows."""
    return Clip(**config)


def contrastive_loss(images, texts, logit_scale):
    images, texts = F.normalize(images, dim=1), F.normalize(texts, dim=1)
    logits = logit_scale.exp() * images @ texts.t()
    own = torch.arange(len(images))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2


# Numbers of safetensors' dtypes
DTYPES = {"F32": np.float32, "F16": np.float16, "U32": np.uint32, "I64": np.int64}


def write_safetensors(path, arrays, metadata):
    """The format of github.com/huggingface/safetensors; wide elements first, so all are aligned."""
    codes = {np.dtype(kind): code for code, kind in DTYPES.items()}
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, array in sorted(arrays.items(), key=lambda entry: -entry[1].dtype.itemsize):
        blob = np.ascontiguousarray(array).tobytes()
        offsets = [at, at + len(blob)]
        header[name] = {
            "dtype": codes[array.dtype],
            "shape": array.shape,
            "data_offsets": offsets,
        }
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for blob in blobs:
            file.write(blob)


def read_safetensors(path):
    """Arrays by name, mapped from the file, and the metadata."""
    bytes_ = np.memmap(path, np.uint8, "r")
    start = 8 + int.from_bytes(bytes_[:8].tobytes(), "little")
    header = json.loads(bytes_[8:start].tobytes())
    metadata = header.pop("__metadata__", {})
    read = lambda x: bytes_[start + x["data_offsets"][0] : start + x["data_offsets"][1]]
    return {
        name: read(x).view(DTYPES[x["dtype"]]).reshape(x["shape"]) for name, x in header.items()
    }, metadata


def without_prefix(arrays, prefix):
    found = {re.sub(f"^{prefix}", "", k): v for k, v in arrays.items() if k.startswith(prefix)}
    return {name: torch.from_numpy(np.array(value)) for name, value in found.items()}
