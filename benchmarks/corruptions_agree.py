"""Compare the corruptions with an independent implementation, condition by condition.

The other implementation runs in an interpreter of its own, for it needs old packages and breaks on
current ones. It is the authors' (github.com/hendrycks/robustness, with ImageMagick and Wand): the
package ``imagenet_c`` at 224 px, and the scripts that made their smaller sets, of which only the
corruptions are run, at 64 px (``ImageNet-C/create_c/make_tinyimagenet_c.py``) and at 32 px
(``make_cifar_c.py``). At 224 px ``imagecorruptions`` from PyPI will do too, but for its elastic
transform, which is another one. Where both draw in the same order (fog, snow, motion blur,
elastic), it is given the same draws, so that what is left is the difference of the algorithms;
elsewhere images and repetitions average the draws out.

    python benchmarks/corruptions_agree.py IMAGES --python /path/to/python [--package imagenet_c]
    python benchmarks/corruptions_agree.py IMAGES --python /path/to/python --side 32
        --package .../ImageNet-C/create_c/make_cifar_c.py --n-images 200

Measured are the mean absolute difference to the clean image, and the SNR in eight bands, both as a
ratio to the other implementation's: within 10 %, and 25 % for frost and snow, whose textures are
our own. The table goes to ``corruptions_agree.json`` beside this script, under the side's name.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from iaside_audit.choices import Norm, Spacing
from iaside_audit.images import decode_image, image_identity, resize_and_crop
from iaside_audit.images.sources import IMAGE_SUFFIXES
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.registry import CORRUPTIONS
from iaside_audit.robustness.corruptions import SEVERITIES, corrupt, corruption_generator
from iaside_audit.spectrum import band_moments, make_partition

SIDES = (224, 64, 32)
BORDER = 8 / 7
"""The shorter side is this much longer than the crop, as 256 and 224 are."""
TOLERANCE = 0.10
TEXTURE_TOLERANCE = 0.25
OWN_TEXTURES = ("frost", "snow")
REPETITIONS = {"frost": 12}
"""Frost differs most from draw to draw, and cannot share its draws."""
FEW_IMAGES = {"glass_blur": 6}
"""Every so many images only at the largest side: the other one loops over pixels in Python."""
DECIMALS = 5
SHARED_DRAWS = ("fog", "snow", "motion_blur", "elastic_transform")

OTHER = """
import sys, warnings, json
warnings.simplefilter("ignore")
import numpy as np
import skimage.filters

gaussian = skimage.filters.gaussian
def with_channels(*values, **options):  # the argument that newer versions have lost
    if options.pop("multichannel", False):
        options["channel_axis"] = -1
    return gaussian(*values, **options)
skimage.filters.gaussian = with_channels

package, images, name, seeds, repetitions, shares, out = sys.argv[1:]
if package.endswith(".py"):  # a script: only its corruptions, for the rest makes a data set
    import os
    import PIL.Image

    source = open(package).read()
    start = source.index("# /////////////// Distortion Helpers ///////////////")
    end = source.index("# /////////////// End Distortions ///////////////")
    source = source[start:end].replace("scipy.ndimage.interpolation", "scipy.ndimage")
    np.float_ = np.float64  # names that newer versions have lost
    np.fromstring = np.frombuffer
    made_by = {"np": np, "Image": PIL.Image}
    exec(compile(source, package, "exec"), made_by)
    os.chdir(os.path.dirname(os.path.abspath(package)))  # the photographs of frost lie there

    def corrupt(image, severity, corruption_name):
        return made_by[corruption_name](PIL.Image.fromarray(image), severity)
else:
    corrupt = __import__(package).corrupt
seeds = json.loads(open(seeds).read())
np.random.seed(0)
results = {}
for severity in range(1, 6):
    made = []
    for image, keys in zip(np.load(images), seeds[str(severity)]):
        for _ in range(int(repetitions)):
            if shares == "True":
                generator = np.random.default_rng(np.random.SeedSequence(keys))
                np.random.uniform, np.random.normal = generator.uniform, generator.normal
            made.append(np.uint8(corrupt(image, severity=severity, corruption_name=name)))
    results[str(severity)] = np.stack(made)
np.savez(out, **results)
"""


def main() -> int:
    """Compare, print the table, write it; 1 where a condition does not agree."""
    options = _options()
    cache: Path = options.cache
    cache.mkdir(parents=True, exist_ok=True)
    images = _images(options, cache / f"images-{options.side}.npy")
    rows: list[dict[str, Any]] = []
    for name in options.corruption or CORRUPTIONS.builtin:
        step = FEW_IMAGES.get(name, 1) if options.side == SIDES[0] else 1
        chosen = images[::step]
        reference = _reference(options, name, chosen)
        for severity in SEVERITIES:
            rows.append(_compare(name, severity, chosen, reference[str(severity)]))
            print(_line(rows[-1]), flush=True)
    agree = all(row["agrees"] for row in rows)
    document = {
        "reference": Path(options.package).name,
        "n_images": len(images),
        "tolerance": {"default": TOLERANCE, **dict.fromkeys(OWN_TEXTURES, TEXTURE_TOLERANCE)},
        "agree": agree,
        "glass_blur_cpu_ms": round(_glass_ms(images[0]), 1),
        "all_75_cpu_ms": round(_all_ms(images[0]), 1),
        "conditions": rows,
    }
    found = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    found[f"{options.side}_px"] = document
    options.out.write_text(_text(found), encoding="utf-8")
    print(f"{sum(row['agrees'] for row in rows)} of {len(rows)} conditions agree -> {options.out}")
    return 0 if agree else 1


def _options() -> argparse.Namespace:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("images", type=Path, help="folder of photographs")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the package")
    parser.add_argument("--package", default="imagenet_c", help="a package, or a script (.py)")
    parser.add_argument("--side", type=int, choices=SIDES, default=SIDES[0], help="in pixels")
    parser.add_argument("--corruption", action="append")
    parser.add_argument("--n-images", type=int, default=24)
    parser.add_argument("--cache", type=Path, default=here / ".cache" / "corruptions")
    parser.add_argument("--out", type=Path, default=here / "corruptions_agree.json")
    return parser.parse_args()


def _images(options: argparse.Namespace, cached: Path) -> np.ndarray:
    """Return images as the published sets take them: resized, and their middle."""
    if not cached.exists():
        side = options.side
        files = sorted(
            one for one in options.images.rglob("*") if one.suffix.lower() in IMAGE_SUFFIXES
        )
        preparation = Preprocessing(resize=round(side * BORDER), crop=side)
        step = max(1, len(files) // options.n_images)
        made = [
            resize_and_crop(decode_image(one), preparation)
            for one in files[::step][: options.n_images]
        ]
        np.save(cached, np.stack(made))
    return np.load(cached)


def _reference(options: argparse.Namespace, name: str, images: np.ndarray) -> Any:
    """Return the other implementation's images, (n x repetitions, H, W, 3) by severity."""
    out = options.cache / f"{Path(options.package).stem}-{options.side}-{name}.npz"
    if not out.exists():
        inputs, seeds = options.cache / "inputs.npy", options.cache / "seeds.json"
        np.save(inputs, images)
        keys = {
            severity: [_keys(image_identity(one), name, severity) for one in images]
            for severity in SEVERITIES
        }
        seeds.write_text(json.dumps(keys), encoding="utf-8")
        repetitions, shares = REPETITIONS.get(name, 1), name in SHARED_DRAWS
        words = [options.package, inputs, name, seeds, repetitions, shares, out.absolute()]
        subprocess.run([options.python, "-c", OTHER, *map(str, words)], check=True)
    return np.load(out)


def _keys(image_id: str, name: str, severity: int) -> list[int]:
    """Return the entropy of our generator."""
    sequence = corruption_generator(0, image_id, name, severity).bit_generator.seed_seq
    return [int(one) for one in sequence.entropy]  # type: ignore[union-attr]


def _compare(name: str, severity: int, images: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    repetitions = REPETITIONS.get(name, 1)
    ours = [
        corrupt(
            image, name, severity, generator=corruption_generator(seed, image_id, name, severity)
        )
        for image, image_id in ((one, image_identity(one)) for one in images)
        for seed in range(repetitions)
    ]
    clean = [one for one in images for _ in range(repetitions)]
    our_difference, our_snr = _measure(clean, ours)
    difference, snr = _measure(clean, list(other))
    tolerance = TEXTURE_TOLERANCE if name in OWN_TEXTURES else TOLERANCE
    ratios = [our_difference / difference, *(our_snr / snr).tolist()]
    return {
        "corruption": name,
        "severity": severity,
        "n_images": len(images),
        "difference": round(our_difference, DECIMALS),
        "difference_reference": round(difference, DECIMALS),
        "difference_ratio": round(ratios[0], DECIMALS),
        "snr_ratio": [round(ratio, DECIMALS) for ratio in ratios[1:]],
        "snr_db_difference": (10 * np.log10(our_snr / snr)).round(DECIMALS).tolist(),
        "agrees": all(abs(ratio - 1) <= tolerance for ratio in ratios),
    }


def _measure(clean: list[np.ndarray], corrupted: list[np.ndarray]) -> tuple[float, np.ndarray]:
    """Return the mean absolute difference, 0..255, and the SNR of all images in eight bands."""
    side = clean[0].shape[0]
    bands = make_partition(
        height=side, width=side, n_bands=8, norm=Norm.LINF, spacing=Spacing.UNIFORM
    )
    signal, error, difference = np.zeros(8), np.zeros(8), 0.0
    for before, after in zip(clean, corrupted, strict=True):
        planes = [one.transpose(2, 0, 1).astype(np.float32) / 255 for one in (before, after)]
        moments = band_moments(planes[0], planes[1], bands)
        signal += moments.clean_power
        error += moments.error_power
        difference += float(np.abs(planes[1] - planes[0]).mean()) * 255 / len(clean)
    return difference, signal / error


def _line(row: dict[str, Any]) -> str:
    ratios = " ".join(f"{ratio - 1:+.2f}" for ratio in row["snr_ratio"])
    verdict = "" if row["agrees"] else "  DIFFERS"
    return (
        f"{row['corruption']:18}{row['severity']}  {row['difference']:6.2f} "
        f"{row['difference_ratio'] - 1:+.3f}  SNR {ratios}{verdict}"
    )


def _text(found: dict[str, Any]) -> str:
    """Return all sides as JSON with a line for each condition."""
    sides = []
    for side, document in found.items():
        head = {name: value for name, value in document.items() if name != "conditions"}
        rows = ",\n  ".join(json.dumps(row) for row in document["conditions"])
        sides.append(f'"{side}": {json.dumps(head)[:-1]}, "conditions": [\n  {rows}\n]}}')
    return "{" + ",\n".join(sides) + "}\n"


def _glass_ms(image: np.ndarray) -> float:
    return max(_ms(image, "glass_blur", severity) for severity in SEVERITIES)


def _all_ms(image: np.ndarray) -> float:
    return sum(_ms(image, name, level) for name in CORRUPTIONS.builtin for level in SEVERITIES)


def _ms(image: np.ndarray, name: str, severity: int) -> float:
    """Return the processor time of one corruption, all threads together: the least of five."""
    elapsed = []
    for _ in range(5):
        generator = corruption_generator(0, "0" * 64, name, severity)
        started = time.process_time()
        corrupt(image, name, severity, generator=generator)
        elapsed.append(time.process_time() - started)
    return 1000 * min(elapsed)


if __name__ == "__main__":
    sys.exit(main())
