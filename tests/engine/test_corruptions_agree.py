"""The corruptions against an independent implementation, where one can be run.

The interpreter of ``IASIDE_REFERENCE_PYTHON`` must have one of two packages, which need old
versions of numpy and scikit-image and are no dependency of this project: ``imagenet_c``, the
authors' own, or ``imagecorruptions`` from PyPI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "corruptions_agree.py"
DEMO_IMAGES = Path(__file__).parents[2] / "models" / "iaside_models" / "demo"
QUICK = ("contrast", "brightness", "defocus_blur", "jpeg_compression", "fog", "motion_blur")
"""Those that take seconds there, and are defined alike in both packages."""


def reference() -> tuple[str, str]:
    """Return an interpreter and the package that it has, or skip."""
    python = os.environ.get("IASIDE_REFERENCE_PYTHON")
    if python is None:
        pytest.skip("needs IASIDE_REFERENCE_PYTHON: an interpreter with imagenet_c or the like")
    for package in ("imagenet_c", "imagecorruptions"):
        words = [python, "-W", "ignore", "-c", f"import {package}"]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return python, package
    pytest.skip(f"needs imagenet_c or imagecorruptions in {python}")


@pytest.mark.slow
def test_corruptions_agree_with_an_independent_implementation(tmp_path: Path) -> None:
    """Difference and SNR by band are within 10 % of the other's, at every severity."""
    python, package = reference()
    words = [
        sys.executable, str(BENCHMARK), str(DEMO_IMAGES), "--python", python, "--package", package,
        "--n-images", "6", "--cache", str(tmp_path), "--out", str(tmp_path / "agree.json"),
        *(word for name in QUICK for word in ("--corruption", name)),
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "agree.json").read_text("utf-8"))["224_px"]["conditions"]
    assert len(rows) == 5 * len(QUICK)


@pytest.mark.parametrize("side", [224, 64, 32])
def test_the_kept_comparison_covers_every_condition(side: int) -> None:
    """The tables beside the benchmark are whole; frost alone differs, and not at 224 px."""
    document = json.loads(BENCHMARK.with_suffix(".json").read_text("utf-8"))[f"{side}_px"]
    rows = document["conditions"]
    assert len({(one["corruption"], one["severity"]) for one in rows}) == 75
    differing = {one["corruption"] for one in rows if not one["agrees"]}
    assert differing == (set() if side == 224 else {"frost"})
    for one in rows:
        ratios = [one["difference_ratio"], *one["snr_ratio"]]
        assert max(abs(ratio - 1) for ratio in ratios) < 0.31
    assert document["glass_blur_cpu_ms"] < 150
    assert document["all_75_cpu_ms"] < 1000
