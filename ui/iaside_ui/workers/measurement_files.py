"""Files of measurements, read and written as the command line does; for a thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from iaside_ui.state.measuring import Kind
from iaside_ui.state.robustness import Held

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAMES: Final = tuple(f"{kind}.json" for kind in Kind)
"""As the command line calls them."""


def read_measurements(path: Path) -> tuple[Held, ...]:
    """Read a measurement, or those of a folder.

    Raises
    ------
    ReportError
        If there is none, or one is damaged.
    """
    from iaside_audit.errors import ReportError  # noqa: PLC0415
    from iaside_audit.report.findings import read_measurement  # noqa: PLC0415

    paths = [path]
    if path.is_dir():
        paths = [path / name for name in FILE_NAMES if (path / name).is_file()]
    if not paths:
        raise ReportError(
            f"Expected {', '.join(FILE_NAMES)} in '{path}', found none. Choose the folder that "
            "`iaside-audit corrupt`, `snr`, `heatmap` or `passband` wrote.",
            path=str(path),
        )
    read = [read_measurement(one) for one in paths]
    return tuple(
        Held(finding=finding, document=document, is_saved=True) for document, finding in read
    )


def write_measurements(files: dict[Path, dict[str, object]]) -> None:
    """Write documents."""
    from iaside_audit.report import write_text  # noqa: PLC0415

    for path, document in files.items():
        write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def count_images(images: Path) -> int:
    """Return how many images a path holds."""
    from iaside_audit.images import find_images  # noqa: PLC0415 - with the engine

    return len(find_images(images).records)
