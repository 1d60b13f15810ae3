"""Three noisings for an exercise of notebook 1, to be told apart by measuring. Learners who read on see the answers."""

FAULTS = {"A": "noise too weak", "B": "right", "C": "sprite too weak"}


def A(x0, alpha_bar, noise):
    """One that is handed to you. x0, noise (N, C, H, W); alpha_bar: a number from 0 to 1."""
    return alpha_bar**0.5 * x0 + (1 - alpha_bar) * noise


def B(x0, alpha_bar, noise):
    """One that is handed to you. x0, noise (N, C, H, W); alpha_bar: a number from 0 to 1."""
    return alpha_bar**0.5 * x0 + (1 - alpha_bar) ** 0.5 * noise


def C(x0, alpha_bar, noise):
    """One that is handed to you. x0, noise (N, C, H, W); alpha_bar: a number from 0 to 1."""
    return alpha_bar * x0 + (1 - alpha_bar) ** 0.5 * noise
