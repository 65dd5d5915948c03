"""The places where preprocessing is found, in the order of INTERFACE.md; it is never assumed."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.classifier.catalogue import find_model, find_model_by_hash
from iaside_audit.errors import PreprocessingMissingError, SpecError
from iaside_audit.paths import check_path
from iaside_audit.preprocessing import ChannelOrder, Interpolation, Preprocessing, Rounding
from iaside_audit.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

METADATA_KEY: Final = "iaside_audit.preprocess"
"""A model may carry the text of a TOML preprocessing file under this key of its metadata."""
NEIGHBOUR: Final = "preprocessor_config.json"
MAX_CHARACTERS: Final = 10_000
"""Of a TOML preprocessing file."""
MAX_JSON_CHARACTERS: Final = 4 << 20
"""A ``config.json`` may name 20,000 classes twice."""
KEYS: Final = tuple(field.name for field in fields(Preprocessing) if field.name != "source")
REQUIRED: Final = ("resize", "crop")
PILLOW_FILTERS: Final = {
    0: Interpolation.NEAREST,
    1: Interpolation.LANCZOS,
    2: Interpolation.BILINEAR,
    3: Interpolation.BICUBIC,
    4: Interpolation.AREA,
}
"""Hugging Face writes Pillow's numbers."""
FURTHER_STEPS: Final = ("rescale_offset", "include_top")
"""Steps of some Hugging Face processors that a preprocessing cannot say."""
CROP_PCT_BELOW: Final = 384
"""ConvNeXt's processor crops by ``crop_pct`` below this size, and only resizes from it on."""


def find_preprocessing(
    source: str, *, model: Path, sha256: str, metadata: Mapping[str, str]
) -> Preprocessing:
    """Return the preprocessing of a model.

    Parameters
    ----------
    source : str
        ``auto``, a TOML file, a ``preprocessor_config.json``, or a catalogue id.
    model : Path
        The model file; its neighbours are looked at.
    sha256 : str
        Of the model file; the catalogue is asked.
    metadata : mapping
        The model's own metadata.

    Raises
    ------
    SpecError
        If a source is faulty.
    PreprocessingMissingError
        If `source` is ``auto`` and no place holds any.
    """
    if source != "auto":
        return _from_named_source(source)
    for neighbour in (model.with_suffix(".toml"), model.parent / NEIGHBOUR):
        if neighbour.is_file():
            return read_preprocessing(neighbour)
    if METADATA_KEY in metadata:
        return parse_toml(metadata[METADATA_KEY], source="the model's metadata")
    record = find_model_by_hash(sha256)
    if record is not None:
        return record.preprocessing
    raise PreprocessingMissingError(
        f"Expected the preprocessing of '{model.name}', found none: no '{model.stem}.toml' and no "
        f"'{NEIGHBOUR}' beside it, nothing in its metadata, and it is not in the catalogue. "
        f"Let `iaside-audit inspect {model} --images PATH --write` find it on labelled images, or "
        "give it with --preprocess FILE.toml.",
        path=str(model),
    )


def read_preprocessing(path: Path) -> Preprocessing:
    """Read a TOML preprocessing file or a Hugging Face ``preprocessor_config.json``.

    Raises
    ------
    SpecError
        If the file cannot be read or is faulty; all faults are named at once.
    """
    is_json = path.suffix.lower() == ".json"
    try:
        text = read_start(path, MAX_JSON_CHARACTERS if is_json else MAX_CHARACTERS)
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"Expected a preprocessing file, found '{path}' unreadable: {error}. Check the path.",
            path=str(path),
        ) from error
    if is_json:
        return parse_hugging_face(text, source=str(path))
    return parse_toml(text, source=str(path))


def read_start(path: Path, max_characters: int) -> str:
    """Return the text of a file that may be a stranger's: one character more than allowed at most.

    Raises
    ------
    OSError, UnicodeDecodeError
        If it cannot be read.
    """
    with path.open(encoding="utf-8") as file:
        return file.read(max_characters + 1)


def parse_json(text: str) -> Any:  # Any: JSON
    """Return what a JSON text of bearable length and depth holds.

    Raises
    ------
    ValueError
        If it is none.
    """
    if len(text) > MAX_JSON_CHARACTERS:
        raise ValueError(f"more than {MAX_JSON_CHARACTERS:,} characters")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def parse_toml(text: str, *, source: str) -> Preprocessing:
    """Read the text of a TOML preprocessing file (INTERFACE.md).

    Raises
    ------
    SpecError
        If it is not TOML, has no ``[preprocess]``, or holds faults.
    """
    if len(text) > MAX_CHARACTERS:  # a model's metadata are a stranger's
        raise SpecError(
            f"Expected a TOML preprocessing file of at most {MAX_CHARACTERS:,} characters, found "
            f"more in {source}.",
            path=source,
        )
    try:
        table = tomllib.loads(text).get("preprocess")
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits are no TOML's
        raise SpecError(
            f"Expected a TOML preprocessing file, found a fault in {source}: {error}.", path=source
        ) from error
    if not isinstance(table, dict):
        raise SpecError(
            f"Expected a table [preprocess] in {source}, found none. See `iaside-audit inspect "
            "MODEL --template`.",
            path=source,
        )
    faults = [f"unknown key {key!r}.{nearest(key, KEYS)}" for key in table if key not in KEYS]
    faults += [f"{key!r} is missing" for key in REQUIRED if key not in table]
    if faults:
        raise SpecError(
            f"The preprocessing in {source} is faulty: {'; '.join(faults)}.", path=source
        )
    return Preprocessing(**table, source=source)


def to_toml(preprocessing: Preprocessing) -> str:
    """Return the text of a TOML preprocessing file that reads back as `preprocessing`."""
    lines = ["[preprocess]"]
    for key in KEYS:
        value = getattr(preprocessing, key)
        # JSON's strings, numbers and lists are TOML's too.
        lines.append(f"{key} = {json.dumps(list(value) if isinstance(value, tuple) else value)}")
    return "\n".join(lines) + "\n"


def parse_hugging_face(text: str, *, source: str) -> Preprocessing:
    """Read a Hugging Face ``preprocessor_config.json`` of an image processor.

    Raises
    ------
    SpecError
        If it is not JSON, or does not say the size.
    """
    try:
        config = parse_json(text)
        further = [name for name in FURTHER_STEPS if config.get(name)]
        if further:
            raise ValueError(f"a step that is not supported: {', '.join(further)}")  # noqa: TRY301
        is_flipped = config.get("do_flip_channel_order", False)
        resize, crop = _hugging_face_sizes(config)
        filter_number = int(config.get("resample", 2))
        normalises = config.get("do_normalize", True)
        rescales = config.get("do_rescale", True)
        return Preprocessing(
            resize=resize if config.get("do_resize", True) else 0,
            crop=crop,
            interpolation=PILLOW_FILTERS[filter_number],
            channel_order=ChannelOrder.BGR if is_flipped else ChannelOrder.RGB,
            scale=float(config.get("rescale_factor", 1 / 255)) if rescales else 1.0,
            mean=tuple(config["image_mean"]) if normalises else (0.0, 0.0, 0.0),
            std=tuple(config["image_std"]) if normalises else (1.0, 1.0, 1.0),
            rounding=Rounding.FLOOR,
            source=source,
        )
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(
            f"Expected an image processor's configuration in {source}, found a fault: "
            f"{type(error).__name__} {error}. Write a TOML file instead.",
            path=source,
        ) from error


def _hugging_face_sizes(
    config: Mapping[str, Any],  # Any: JSON
) -> tuple[int | tuple[int, int], int | tuple[int, int]]:
    """Return resize and crop of a Hugging Face configuration."""
    resize = _hugging_face_size(config["size"])
    if isinstance(resize, int) and "crop_pct" in config and resize < CROP_PCT_BELOW:
        return int(resize / config["crop_pct"]), resize
    if config.get("do_center_crop", "crop_size" in config):
        crop = _hugging_face_size(config["crop_size"])
    else:
        crop = resize
    if isinstance(resize, int) and crop == resize and not config.get("do_center_crop"):
        return (resize, resize), resize
    return resize, crop


def _hugging_face_size(size: int | dict[str, int]) -> int | tuple[int, int]:
    if isinstance(size, int):
        return size
    if "shortest_edge" in size:
        return int(size["shortest_edge"])
    height, width = int(size["height"]), int(size["width"])
    return (height, width)


def _from_named_source(source: str) -> Preprocessing:
    path = Path(source)
    check_path(path, to="a preprocessing file")
    if path.is_file():
        return read_preprocessing(path)
    if path.suffix or len(path.parts) > 1:
        raise SpecError(
            f"Expected a preprocessing file, found nothing at '{source}'. Check --preprocess.",
            path=source,
        )
    return find_model(source).preprocessing
