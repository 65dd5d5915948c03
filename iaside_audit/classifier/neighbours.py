"""Every preprocessing that a model's surroundings offer, whether or not the first one is right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.classifier.catalogue import find_model_by_hash
from iaside_audit.classifier.preprocessing_sources import (
    MAX_JSON_CHARACTERS,
    METADATA_KEY,
    NEIGHBOUR,
    parse_json,
    parse_toml,
    read_preprocessing,
    read_start,
)
from iaside_audit.errors import SpecError
from iaside_audit.preprocessing import Interpolation, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

TIMM_NEIGHBOUR: Final = "config.json"
TIMM_CROP_MODES: Final = ("center", "squash")


def neighbouring_preprocessings(
    model: Path, *, sha256: str, metadata: Mapping[str, str]
) -> tuple[tuple[Preprocessing, ...], tuple[str, ...]]:
    """Read every preprocessing beside a model, in its metadata and in the catalogue.

    Parameters
    ----------
    model : Path
        The model file: ``MODEL.toml``, ``preprocessor_config.json`` and timm's ``config.json`` are
        looked for beside it.
    sha256 : str
        Of the model file; the catalogue is asked.
    metadata : mapping
        The model's own metadata.

    Returns
    -------
    tuple of Preprocessing, tuple of str
        What was found, in the order in which an audit would take it, and what is wrong with the
        places that could not be read.
    """
    found: list[Preprocessing] = []
    faults: list[str] = []
    for read in _places(model, sha256, metadata):
        try:
            one = read()
        except SpecError as error:
            faults.append(error.message)
        else:
            found += [] if one is None else [one]
    return tuple(found), tuple(faults)


def parse_timm(text: str, *, source: str) -> Preprocessing | None:
    """Read timm's ``config.json``.

    timm resizes the shorter side to ``floor(crop / crop_pct)`` and takes the centre.

    Returns
    -------
    Preprocessing or None
        None where the file is another program's ``config.json``.

    Raises
    ------
    SpecError
        If it is timm's and says something that a preprocessing cannot.

    References
    ----------
    .. [1] huggingface/pytorch-image-models, ``timm/data/transforms_factory.py``,
       ``transforms_imagenet_eval``.
    """
    try:
        config = parse_json(text)
    except ValueError as error:
        raise _fault(source, f"{type(error).__name__} {error}") from error
    config = config.get("pretrained_cfg", config) if isinstance(config, dict) else {}
    if not isinstance(config, dict) or not {"input_size", "mean", "std"} <= config.keys():
        return None
    try:
        return _from_timm(config, source)
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise _fault(source, f"{type(error).__name__} {error}") from error


def _from_timm(config: dict[str, Any], source: str) -> Preprocessing:  # Any: JSON
    _, height, width = config.get("test_input_size") or config["input_size"]
    share = float(config.get("test_crop_pct") or config.get("crop_pct") or 0.875)
    mode = config.get("crop_mode", "center")
    if mode not in TIMM_CROP_MODES or (mode == "center" and height != width):
        raise ValueError(f"crop_mode {mode!r} at {height} x {width}, which is not supported")
    sides = (int(height / share), int(width / share))
    return Preprocessing(
        resize=sides if mode == "squash" else sides[0],
        crop=height if height == width else (height, width),
        interpolation=Interpolation(config.get("interpolation", "bilinear")),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        source=source,
    )


def _places(
    model: Path, sha256: str, metadata: Mapping[str, str]
) -> Iterator[Callable[[], Preprocessing | None]]:
    """Yield what reads each place."""
    for file in (model.with_suffix(".toml"), model.parent / NEIGHBOUR):
        if file.is_file():
            yield partial(read_preprocessing, file)
    timm = model.parent / TIMM_NEIGHBOUR
    if timm.is_file():
        yield lambda: parse_timm(_text(timm), source=str(timm))
    if METADATA_KEY in metadata:
        yield lambda: parse_toml(metadata[METADATA_KEY], source="the model's metadata")
    record = find_model_by_hash(sha256)
    if record is not None:
        yield lambda: record.preprocessing


def _text(path: Path) -> str:
    try:
        return read_start(path, MAX_JSON_CHARACTERS)
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(str(path), str(error)) from error


def _fault(source: str, found: str) -> SpecError:
    return SpecError(
        f"Expected timm's configuration in {source}, found a fault: {found}. "
        "Write a TOML file instead.",
        path=source,
    )
