"""CLIP at full size in PyTorch, for scripts/compareTorch.ts: random weights, features, gradients.

    full_size.py make <folder>     weights of a model, a batch, features, gradients
    full_size.py load <folder> <weights>   the features that a file of weights gives, by the CLIP of
                                           clip.py and, where it is installed, by open_clip's own

<folder>/model.json is the model in open_clip's form. Features are computed in float32, as users of
PyTorch do; loading is strict, so that a name or a shape that differs is an error. Gradients are
computed in float64 as well: rounding closes and opens ReLUs and moves float32's gradients of a deep
ResNet, and the difference says how far PyTorch's own are from what they should be.
"""

import json
import pathlib
import sys

import numpy as np
import torch

from clip import build, contrastive_loss, read_safetensors, without_prefix, write_safetensors

SEED, BATCH = 20236, 4
BRANCH = 0.2  # the mean of the weights that residual branches end with


def draw(model):
    """Norms and biases that are not 1 and 0.

    OpenAI's ResNets begin with residual branches of 0 (bn3.weight); theirs are small here, since
    with 0 their filters have no gradient, and with 1 float32's gradients are a hundredth noise.
    """
    for name, value in model.state_dict().items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif value.dim() == 1 and value.is_floating_point():
            norm = any(part in name for part in ("bn", "ln_", "downsample.1"))
            mean = BRANCH if name.endswith("bn3.weight") and "layer" in name else 1.0
            value.normal_(mean if norm and name.endswith("weight") else 0.0, 0.05)
    model.logit_scale.fill_(2.5)


def draw_batch(config):
    size, text = config["vision_cfg"]["image_size"], config["text_cfg"]
    # Smooth and of their own colour, as photographs are: the features of mere noise are all alike.
    coarse = torch.nn.functional.interpolate(torch.randn(BATCH, 3, 8, 8), size, mode="bilinear")
    images = coarse.permute(0, 2, 3, 1) + torch.randn(BATCH, 1, 1, 3)
    images = (images + 0.1 * torch.randn(BATCH, size, size, 3)).contiguous()
    tokens = torch.zeros(BATCH, text["context_length"], dtype=torch.int64)
    for row, words in zip(tokens, (5, text["context_length"] - 2, 9, 3)):  # the second fills it
        row[: words + 2] = torch.randint(1, text["vocab_size"] - 2, (words + 2,))
        row[words + 1] = text["vocab_size"] - 1
    return images, tokens


def features(model, images, tokens):
    pixels = images.permute(0, 3, 1, 2)
    with torch.no_grad():
        found = {"image": model.eval().visual(pixels), "text": model.encode_text(tokens)}
    return {name: value.numpy() for name, value in found.items()}


def make(folder):
    torch.manual_seed(SEED)
    config = json.loads((folder / "model.json").read_text())
    model = build(config)
    with torch.no_grad():
        draw(model)
    images, tokens = draw_batch(config)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    write_safetensors(folder / "torch.safetensors", state, {})
    batch = {"images": images.numpy(), "tokens": tokens.numpy().astype(np.uint32)}
    found = {**batch, **features(model, images, tokens)}
    for kind, dtype in (("float32", torch.float32), ("gradients", torch.float64)):
        model = model.to(dtype).train()
        model.zero_grad()
        image = model.visual(images.to(dtype).permute(0, 3, 1, 2))
        loss = contrastive_loss(image, model.encode_text(tokens), model.logit_scale)
        loss.backward()
        for name, parameter in model.named_parameters():
            found[f"{kind}.{name}"] = parameter.grad.float().numpy().copy()
    found["loss"] = loss.detach().float().numpy()
    write_safetensors(folder / "expected.safetensors", found, {"torch": torch.__version__})


def open_clip_model(config):
    """The model by open_clip itself, and its version; None where it is not installed."""
    try:
        import open_clip
    except ImportError:
        return None
    return open_clip.model.CLIP(**config), open_clip.__version__


def load(folder, weights):
    config = json.loads((folder / "model.json").read_text())
    state = without_prefix(read_safetensors(weights)[0], "")
    expected, _ = read_safetensors(folder / "expected.safetensors")
    images = torch.from_numpy(np.array(expected["images"]))
    tokens = torch.from_numpy(expected["tokens"].astype(np.int64))
    model = build(config)
    model.load_state_dict(state, strict=True)
    found, metadata = features(model, images, tokens), {}
    if other := open_clip_model(config):
        model, metadata["open_clip"] = other
        model.load_state_dict(state, strict=True)
        own = features(model, images, tokens)
        found |= {f"open_clip.{name}": value for name, value in own.items()}
    write_safetensors(folder / "loaded.safetensors", found, metadata)


if __name__ == "__main__":
    command, where, *rest = sys.argv[1:]
    folder = pathlib.Path(where)
    make(folder) if command == "make" else load(folder, *rest)
