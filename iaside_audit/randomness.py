"""Where every random draw of an audit comes from (METHOD.md, section 0).

A draw depends on the audit's seed, on the image's content and on its purpose, and on nothing else:
not on the worker, not on the batch, not on the other images. Two models audited with one seed
therefore share permutations and baseline draws, which pairs their comparison.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a draw is for; each purpose has a stream of its own."""

    ORDERS = 0
    BASELINE = 1
    BOOTSTRAP = 2
    CORRUPTION = 3
    SIGN_FLIPS = 4
    FOURIER = 10
    BAND_NOISE = 11
    ATTACK = 12


def image_generator(
    seed: int, image_id: str, purpose: Purpose, *details: int
) -> np.random.Generator:
    """Return the generator of one image for one purpose.

    Parameters
    ----------
    seed : int
        The audit's seed, not negative.
    image_id : str
        sha256 of the decoded image, 64 hexadecimal digits.
    purpose : Purpose
        What will be drawn.
    details : int
        What else tells streams of one purpose apart, not negative.
    """
    sequence = np.random.SeedSequence([seed, int(image_id, 16), int(purpose), *details])
    return np.random.default_rng(sequence)


def canonical_key(seed: int, image_id: str) -> str:
    """Return the sort key of the canonical order: sha256 of ``"<seed>,<image id>"``."""
    return hashlib.sha256(f"{seed},{image_id}".encode()).hexdigest()
