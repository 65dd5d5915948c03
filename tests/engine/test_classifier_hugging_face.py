"""A Hugging Face processor's configuration is read as its processor acts."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from iaside_audit.classifier.preprocessing_sources import parse_hugging_face
from iaside_audit.errors import SpecError
from iaside_audit.preprocessing import Layout

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class HuggingFace(NamedTuple):
    """A processor's configuration as models publish it, and what it means."""

    name: str
    config: dict[str, Any]
    meaning: dict[str, Any]


NORMALISED = {"image_mean": list(IMAGENET_MEAN), "image_std": list(IMAGENET_STD)}
SQUARE = {"height": 224, "width": 224}
PROCESSORS = [
    HuggingFace(
        "ViT",
        {
            "do_normalize": True,
            "do_resize": True,
            "do_rescale": True,
            "rescale_factor": 0.00392156862745098,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "resample": 2,
            "size": SQUARE,
            "image_processor_type": "ViTImageProcessor",
        },
        {
            "resize": (224, 224),
            "crop": (224, 224),
            "interpolation": "bilinear",
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "scale": 1 / 255,
        },
    ),
    HuggingFace(
        "old ViT",
        {"size": 224, "resample": 2, **NORMALISED},
        {"resize": (224, 224), "crop": 224, "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    ),
    HuggingFace(
        "ResNet",
        {
            "do_center_crop": True,
            "crop_size": SQUARE,
            "size": {"shortest_edge": 256},
            "resample": 3,
            **NORMALISED,
        },
        {"resize": 256, "crop": (224, 224), "interpolation": "bicubic", "mean": IMAGENET_MEAN},
    ),
    HuggingFace(
        "crop size without a flag",
        {"crop_size": 224, "size": {"shortest_edge": 256}, **NORMALISED},
        {"resize": 256, "crop": 224},
    ),
    HuggingFace(
        "crop of the resized side",
        {"do_center_crop": True, "crop_size": 224, "size": {"shortest_edge": 224}, **NORMALISED},
        {"resize": 224, "crop": 224},
    ),
    HuggingFace(
        "ConvNeXt",
        {"crop_pct": 0.875, "size": {"shortest_edge": 224}, "resample": 3, **NORMALISED},
        {"resize": 256, "crop": 224, "interpolation": "bicubic"},
    ),
    HuggingFace(
        "large ConvNeXt",
        {"crop_pct": 0.875, "size": {"shortest_edge": 384}, "resample": 3, **NORMALISED},
        {"resize": (384, 384), "crop": 384},
    ),
    HuggingFace(
        "no rescaling",
        {"do_rescale": False, "rescale_factor": 0.5, "size": SQUARE, **NORMALISED},
        {"scale": 1.0, "mean": IMAGENET_MEAN},
    ),
    HuggingFace(
        "another factor",
        {"rescale_factor": 0.5, "size": SQUARE, **NORMALISED},
        {"scale": 0.5},
    ),
    HuggingFace(
        "no normalising",
        {"do_normalize": False, "size": SQUARE, **NORMALISED},
        {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "scale": 1 / 255},
    ),
    HuggingFace(
        "no resizing",
        {"do_resize": False, "do_center_crop": True, "crop_size": 32, "size": 40, **NORMALISED},
        {"resize": 0, "crop": 32},
    ),
    HuggingFace(
        "MobileViT",
        {
            "do_normalize": False,
            "do_flip_channel_order": True,
            "crop_size": {"height": 256, "width": 256},
            "size": {"shortest_edge": 288},
        },
        {"resize": 288, "crop": (256, 256), "channel_order": "BGR", "scale": 1 / 255},
    ),
    HuggingFace(
        "oblong",
        {"size": {"height": 96, "width": 128}, **NORMALISED},
        {"resize": (96, 128), "crop": (96, 128)},
    ),
    *(
        HuggingFace(
            f"filter {number}",
            {"size": SQUARE, "resample": number, **NORMALISED},
            {"interpolation": name},
        )
        for number, name in enumerate(("nearest", "lanczos", "bilinear", "bicubic", "area"))
    ),
]


@pytest.mark.parametrize("case", PROCESSORS, ids=lambda case: case.name)
def test_hugging_face_means(case: HuggingFace) -> None:
    """A processor's configuration is read as its processor acts."""
    found = parse_hugging_face(json.dumps(case.config), source="config.json")
    assert {name: getattr(found, name) for name in case.meaning} == case.meaning
    assert found.source == "config.json"
    assert found.layout == Layout.AUTO


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "found a fault: JSONDecodeError"),
        ("[]", "found a fault"),
        ('{"image_mean": [0.5, 0.5, 0.5]}', "KeyError 'size'"),
        ('{"size": 224}', "KeyError 'image_mean'"),
        ('{"size": 224, "do_normalize": false, "resample": 5}', "KeyError 5"),
        ('{"size": 224, "do_normalize": false, "resample": null}', "TypeError"),
        ('{"size": {"longest_edge": 224}, "do_normalize": false}', "KeyError 'height'"),
        (
            '{"size": 224, "do_normalize": false, "rescale_offset": true}',
            "a step that is not supported: rescale_offset",
        ),
        (
            '{"size": 224, "do_normalize": false, "include_top": true}',
            "a step that is not supported: include_top",
        ),
    ],
)
def test_hugging_face_faults_are_said(text: str, match: str) -> None:
    """What cannot be read, or cannot be followed, is an error that offers TOML."""
    with pytest.raises(SpecError, match=rf"{match}.*Write a TOML file instead") as caught:
        parse_hugging_face(text, source="config.json")
    assert caught.value.path == "config.json"


def test_hugging_face_values_are_checked() -> None:
    """A configuration whose numbers make no sense is refused like any other."""
    config = {"size": 224, "image_mean": [0.5], "image_std": [0, 1, 1]}
    with pytest.raises(SpecError, match="mean has 1 numbers, expected 3; std holds a zero"):
        parse_hugging_face(json.dumps(config), source="config.json")
