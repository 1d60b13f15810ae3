"""Trained weights in a file: the network that comes with Inkdrop, and a learner's own.

The file is a checkpoint (checkpoint.py) of the weights alone, in half precision: 2.5 MB instead of 5, and the guesses
differ by less than a step of brightness.
"""

from pathlib import Path

import torch

from helpers.storage import checkpoint, files
from helpers.storage.checkpoint import CheckpointError
from helpers.unet import UNet

SHIPPED = Path(__file__).parents[2] / "weights" / "sprites.safetensors"  # made by `make weights`


def mine() -> Path:
    """Where notebook 2 keeps the network that a learner has trained, for notebook 3."""
    return files.cache() / "my-network.safetensors"


def save(net: UNet, path: str | Path, **facts) -> None:
    """Write the weights of a network to one file, all or nothing.

    facts  JSON-able; kept in the file's header for whoever asks where the weights come from

    Raises CheckpointError if it cannot be written, TypeError if the facts are not JSON-able.
    """
    tensors = {name: x.half() for name, x in net.state_dict().items()}
    checkpoint.save(path, tensors, {"channels": net.enter.out_channels, "facts": facts})


def load_pretrained(path: str | Path = SHIPPED, device: str | torch.device = "cpu") -> UNet:
    """The network with the weights in a file, ready for use: float32, in eval mode, on `device`.

    Raises CheckpointError if the file is missing, damaged, or holds no weights of this network written by `save`.
    """
    tensors, info = checkpoint.load(path)
    if "channels" not in info:
        raise CheckpointError(
            f"{path}: a checkpoint of a training run, not finished weights. Go on with it by train(checkpoint=...), "
            "then write the weights with weights.save(state.ema, path)"
        )
    try:
        with torch.device("meta"):  # takes no memory yet, however many channels the file claims
            net = UNet(info["channels"])
        net.load_state_dict({name: x.float() for name, x in tensors.items()}, assign=True)
    except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: weights of another network than unet.py builds now. Train it again, or use the version of "
            "Inkdrop that wrote the file"
        ) from error
    return net.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
