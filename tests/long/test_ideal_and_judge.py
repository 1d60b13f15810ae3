"""What is asked of the exact answers and of the judge at full size: memory, time, and a thousand of each kind."""

import subprocess
import sys

import numpy as np
import pytest

from helpers.world import sprites
from tests.test_judge import calibrate


def test_memory_stays_small():
    """A batch of 64 against 300,000 images, in a process of its own, whose peak is its own."""
    pytest.importorskip("resource")
    code = """
import resource, sys, torch
from helpers import schedule
from helpers.world import ideal

def peak():  # MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

before, g = peak(), torch.Generator().manual_seed(0)
images = torch.randint(0, 256, (1_000, 16, 16, 3), dtype=torch.uint8, generator=g).repeat(300, 1, 1, 1)
xt = torch.randn(64, 3, 16, 16, generator=g)
p = ideal.posterior(xt, 250, images, schedule.cosine())
x0, bits = ideal.mean(p, images), ideal.bits_known(p)
hair = ideal.attribute_posterior(p, torch.arange(300_000) % 9, 9)
print(peak() - before)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(out.stdout) < 1_000  # of which 231 are the images and 77 the posterior


def test_a_thousand_pictures_take_seconds_and_little_memory():
    """In a process of its own, whose peak is its own. Measured on an idle core: 3 s."""
    pytest.importorskip("resource")
    code = """
import resource, sys, time, torch
from helpers.world import judge, sprites

def peak():  # MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

world = sprites.load_world()
train_idx, _ = world.split()
x = torch.randn(1_000, 3, 16, 16, generator=torch.Generator().manual_seed(0))
before, start = peak(), time.process_time()
judge.judge(x, world, train_idx)
print(peak() - before, time.process_time() - start)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    memory, seconds = map(float, out.stdout.split())
    print(f"1,000 pictures: {seconds:.1f} s of processor time, {memory:.0f} MB")
    assert memory < 300 and seconds < 20


def test_calibration_of_valid_with_a_thousand_of_each_kind():
    """These are the figures that helpers/world/judge.py states."""
    world = sprites.load()
    calibrate(world, world.split()[0], np.random.default_rng(0), n=1_000)
