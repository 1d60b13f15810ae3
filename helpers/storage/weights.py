"""Trained weights in a file: the network that comes with Inkdrop, and a learner's own.

Weights are kept in half precision: 2.5 MB instead of 5, and the guesses differ by less than a step of brightness.
"""

from pathlib import Path

import torch

from helpers.storage import files
from helpers.storage.files import FileError
from helpers.unet import UNet

SHIPPED = files.ROOT / "weights" / "sprites.safetensors"  # made by `make weights`
ASKING = SHIPPED.with_name("asking.safetensors")  # that of lesson 4, made by `python -m tools.pretrain_asking`


def own_path() -> Path:
    """Where notebook 2 keeps the network that a learner has trained, for notebook 3."""
    return files.cache() / "my-network.safetensors"


def save(net: UNet, path: str | Path, **facts) -> None:
    """Write the weights of a network to one file, all or nothing, with the arguments it was built with.

    facts  JSON-able; kept in the file's header for whoever asks where the weights come from

    Raises FileError if it cannot be written or the weights are no numbers, TypeError if the facts are not JSON-able.
    """
    net = getattr(net, "_orig_mod", getattr(net, "module", net))  # compiled, or spread over several GPUs
    if not all(x.isfinite().all() for x in net.parameters()):
        raise FileError(f"{path}: not written, since some weights are NaN or infinite. Train again, with a lower lr")
    tensors = {name: x.half() for name, x in net.state_dict().items()}
    files.save_tensors(Path(path), tensors, {"arguments": net.arguments, "facts": facts})


def load_pretrained(path: str | Path = SHIPPED, device: str | torch.device = "cpu") -> UNet:
    """The network with the weights in a file, ready for use: float32, in eval mode, on `device`.

    Raises FileError if the file is missing, damaged, or holds no weights of this network written by `save`.
    """
    tensors, info = files.load_tensors(Path(path))
    try:
        with torch.device("meta"):  # takes no memory yet, however many channels the file claims
            net = UNet(**info["arguments"])
        net.load_state_dict({name: x.float() for name, x in tensors.items()}, assign=True)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise FileError(
            f"{path}: not the weights of a network as unet.py builds it now. Train it again, or use the version of "
            "Inkdrop that wrote the file"
        ) from error
    return net.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)


def facts(path: str | Path) -> dict:
    """What `save` was told of the weights in a file. Raises FileError as `load_pretrained` does."""
    return files.load_tensors(Path(path))[1].get("facts", {})
