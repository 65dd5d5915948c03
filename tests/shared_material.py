"""Find the shared test material: ``$IASIDE_SHARED``, else the folder ``shared`` beside the tree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ZOO_IDS = (
    "efficientnet_lite0",
    "mcunet_144",
    "mcunet_512kb_2mb",
    "mobilenet_v1_025_128_qat",
    "mobilenet_v1_025_224_keras",
    "mobilenet_v1_050_160_qat",
    "mobilenet_v1_075_192_qat",
    "mobilenet_v1_100_224_qat",
    "mobilenet_v2_100_224_qat",
    "mobilenet_v2_100_224_tf2ptq",
    "mobilenet_v2_100_224_tvqat",
    "squeezenet10_deepcompression",
    "squeezenet11_fp16src",
    "tinytrain_mbv2_w035_128",
    "tinytrain_mcunet_5fps_128",
    "tinytrain_proxyless_w03_128",
)
"""Every model of the shared zoo."""


def shared(path: str) -> Path:
    """Return a file or folder of the shared material, or skip the test that needs it.

    Parameters
    ----------
    path : str
        Relative to the shared folder, such as ``"zoo/labels.csv"``.
    """
    folder = os.environ.get("IASIDE_SHARED")
    root = Path(folder) if folder else Path(__file__).parents[2] / "shared"
    found = root / path
    if not found.exists():
        pytest.skip(f"needs {path} of the shared material (IASIDE_SHARED or ../shared)")
    return found
