"""Value rows of a made-up data set, and what each of its images says."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np

from iaside_audit.auditing.outcome.assemble import ImageProfiles, image_profiles
from iaside_audit.choices import Estimator
from iaside_audit.games import all_codes
from iaside_audit.rows import ValueRows
from iaside_audit.spec import AuditSpec

N_BANDS: Final = 4
N_IMAGES: Final = 30


def made_up_spec(**options: Any) -> AuditSpec:
    """Return a specification of a data set that is made up."""
    fixed = {"model": "m.onnx", "images": "i", "bands": N_BANDS, "estimator": "exact"}
    return AuditSpec(**(fixed | options))


def random_rows(n_images: int = N_IMAGES, *, seed: int = 0) -> ValueRows:
    """Return rows of all coalitions of four bands; labels 0 to 3, of which 3 is rare."""
    generator = np.random.default_rng(seed)
    codes = all_codes(N_BANDS)
    label = np.minimum(np.arange(n_images) % 7, 3)
    label[label == 3] = np.where(np.arange((label == 3).sum()) < 4, 3, 2)
    log_p = -generator.exponential(2, (n_images, codes.size))
    return ValueRows(
        index=np.arange(n_images),
        label=label,
        prediction=np.where(np.arange(n_images) % 3 == 0, label, label + 1),
        image_id=tuple(hashlib.sha256(str(one).encode()).hexdigest() for one in range(n_images)),
        path=tuple(f"{one}.png" for one in range(n_images)),
        coalitions=np.tile(codes, (n_images, 1)),
        log_p=log_p.astype(np.float32),
        best_other=(log_p - 1).astype(np.float32),
    )


def profiles_of(rows: ValueRows, one: AuditSpec | None = None) -> ImageProfiles:
    """Return what each image says."""
    return image_profiles(rows, one or made_up_spec(), Estimator.EXACT, labels_are_own=False)
