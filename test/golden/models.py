"""Make resnet.safetensors and vit.safetensors: CLIP's two kinds of model, tiny, in PyTorch.

    /usr/bin/python3 test/golden/models.py

Needs numpy and PyTorch 1.13 or later on the CPU (Debian: python3-torch). Weights are drawn, rounded to
float16 and stored under open_clip's names as such a checkpoint would be; everything is computed
from them in float64. Each file holds the features of four images and captions, in training and in
evaluation, the loss, the gradient of every parameter and the batch norms' running statistics after
one step. One caption fills its context, so its end of text stands at the last place.
"""

import json
import pathlib

import numpy as np
import torch

from clip import RELU_INPUTS, build, contrastive_loss, write_safetensors

BATCH, END = 4, 513
TEXT = {"context_length": 7, "vocab_size": END + 1, "width": 8, "heads": 2, "layers": 2}
MODELS = {
    "resnet": {
        "embed_dim": 12,
        "quick_gelu": True,
        "vision_cfg": {
            "layers": [2, 1, 1, 1],
            "width": 2,
            "head_width": 16,
            "patch_size": None,
            "image_size": 64,
        },
        "text_cfg": TEXT,
    },
    "vit": {
        "embed_dim": 12,
        "quick_gelu": False,
        "vision_cfg": {
            "layers": 2,
            "width": 16,
            "head_width": 8,
            "patch_size": 4,
            "image_size": 12,
        },
        "text_cfg": TEXT,
    },
}


def draw_weights(model, draws):
    """No special values, so that every term counts; exact in float16."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            noise = torch.from_numpy(draws.standard_normal(tuple(value.shape)))
            if name == "logit_scale" or name.endswith("num_batches_tracked"):
                continue
            if name.endswith("running_var"):
                noise = 0.5 + noise.abs()
            elif value.dim() < 2:
                norm = any(part in name for part in ("bn", "ln_", "downsample.1"))
                noise = 0.2 * noise + (1 if norm and name.endswith("weight") else 0)
            elif "embedding" in name:
                noise = 0.5 * noise
            else:
                matrix = "proj" in name and not name.endswith("weight")  # [in, out]
                fan_in = value.shape[0] if matrix else value[0].numel()
                noise = noise * fan_in**-0.5
            value.copy_(noise.half())
        model.logit_scale.copy_(torch.tensor(2.5))


def draw_inputs(size, draws):
    images = draws.randint(0, 256, (BATCH, size, size, 3)).astype(np.uint8)
    tokens = draws.randint(1, END - 1, (BATCH, TEXT["context_length"]))
    for row, end in zip(tokens, (2, 4, TEXT["context_length"] - 1, 3)):
        row[end], row[end + 1 :] = END, 0
    return images, tokens.astype(np.uint32)


def compute(config, seed):
    """What the file holds, and how near an input of a ReLU came to 0."""
    draws = np.random.RandomState(seed)  # its stream is frozen
    model = build(config).double()
    draw_weights(model, draws)
    images, tokens = draw_inputs(config["vision_cfg"]["image_size"], draws)
    found = {}
    for name, value in model.state_dict().items():
        counts = name.endswith("num_batches_tracked")
        value = value.numpy().astype(np.int64 if counts else np.float16)
        found[f"weights.{name}"] = value
    found["images"] = images.reshape(-1).view("<u4")
    found["tokens"] = tokens
    pixels = torch.from_numpy(images / 127.5 - 1).permute(0, 3, 1, 2)
    words = torch.from_numpy(tokens.astype(np.int64))
    with torch.no_grad():
        found["image.evaluation"] = model.eval().visual(pixels)
    RELU_INPUTS[0] = float("inf")
    image, text = model.train().visual(pixels), model.encode_text(words)
    loss = contrastive_loss(image, text, model.logit_scale)
    loss.backward()
    found.update({"image.training": image, "text": text, "loss": loss})
    for name, parameter in model.named_parameters():
        found[f"gradients.{name}"] = parameter.grad
    for name, value in model.named_buffers():
        if "running" in name:
            found[f"statistics.{name}"] = value
    return found, RELU_INPUTS[0]


def as_array(value):
    if isinstance(value, np.ndarray):
        return value
    return value.detach().numpy().astype(np.float32)


def main():
    for name, config in MODELS.items():
        # A ReLU whose input is 0 but for rounding may rightly be open elsewhere and closed here.
        seed, nearest = 0, 0.0
        while nearest < 1e-5:
            seed += 1
            found, nearest = compute(config, seed)
        path = pathlib.Path(__file__).with_name(f"{name}.safetensors")
        arrays = {key: as_array(value) for key, value in found.items()}
        write_safetensors(path, arrays, {"model": json.dumps(config)})
        print(f"{name}: seed {seed}, loss {found['loss'].item():.4f}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
