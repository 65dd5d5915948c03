"""What a result becomes on disk: one file by its suffix, or the output folder of an audit.

The libraries of figures, PDF and HTML are imported when they are first needed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from iaside_audit.choices import DEFAULT_FORMATS, FORMATS
from iaside_audit.errors import SpecError
from iaside_audit.registry import nearest
from iaside_audit.report.documents import write_result
from iaside_audit.report.files import RESULT_NAME, make_folder, write_bytes, write_text
from iaside_audit.report.tables import TABLES, write_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from iaside_audit.result import AuditResult


def write_report(result: AuditResult, path: Path) -> None:
    """Write one report of a result; its suffix says which.

    Parameters
    ----------
    result : AuditResult
        What to report.
    path : Path
        Ends in ``.pdf``, ``.html``, ``.csv``, ``.json``, ``.svg`` or ``.png``; its folder must
        exist.

    Raises
    ------
    SpecError
        If the suffix is another one.
    ReportError
        If the file cannot be written.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        known = ", ".join(_WRITERS)
        raise SpecError(
            f"Expected a report ending in {known}, found {path.suffix!r} in {str(path)!r}."
            f"{nearest(path.suffix.lower(), _WRITERS)}",
            path=str(path),
            expected=known,
            found=path.suffix,
        )
    writer(result, path)


def write_output_folder(
    result: AuditResult, out: Path, formats: Sequence[str] = DEFAULT_FORMATS
) -> tuple[Path, ...]:
    """Write the output folder of an audit, the result itself first.

    Parameters
    ----------
    result : AuditResult
        What to report.
    out : Path
        The folder; made where it is missing.
    formats : sequence of str
        Out of :data:`~iaside_audit.choices.FORMATS`.

    Returns
    -------
    tuple of Path
        The files written, in that order.

    Raises
    ------
    SpecError
        If a format is unknown.
    ReportError
        If a file cannot be written; those before it stay.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise SpecError(
            f"Expected formats out of {', '.join(FORMATS)}, found {', '.join(unknown)}."
            f"{nearest(unknown[0], FORMATS)}",
            expected=", ".join(FORMATS),
            found=", ".join(unknown),
        )
    figures = make_folder(out / "figures")
    writers: dict[Path, Callable[[AuditResult, Path], None]] = {out / RESULT_NAME: write_result}
    for name, table in TABLES.items() if "csv" in formats else ():
        text = table(result)
        if text is not None:
            writers[out / name] = partial(_write_table, text)
    writers[figures / "importance.svg"] = _write_figure
    writers[figures / "shapley.svg"] = _write_shapley_figure
    if "pdf" in formats:
        writers[out / "report.pdf"] = _write_pdf
    if "html" in formats:
        writers[out / "report.html"] = _write_html
    for path, writer in writers.items():
        writer(result, path)
    return tuple(writers)


def write_beside(result: AuditResult, folders: Sequence[Path], path: Path) -> None:
    """Draw a result and the measurements of some folders on one frequency axis.

    Parameters
    ----------
    result : AuditResult
        The audit.
    folders : sequence of Path
        Output folders of ``snr``, ``passband`` and ``heatmap``.
    path : Path
        Ends in ``.svg`` or ``.png``.

    Raises
    ------
    SpecError
        If the suffix is another one, or a measurement does not belong to the audit.
    ReportError
        If a file cannot be read or written.
    """
    from iaside_audit.report import common_axis, figures  # noqa: PLC0415 - start-up time

    suffix = path.suffix.lower()
    if suffix not in {".svg", ".png"}:
        raise SpecError(
            f"Expected a figure ending in .svg or .png with --beside, found {str(path)!r}.",
            path=str(path),
            expected=".svg or .png",
            found=suffix,
        )
    beside = common_axis.read_beside(result, folders)
    figure = common_axis.common_axis_figure(result, beside)
    if suffix == ".png":
        write_bytes(path, figures.png_bytes(figure))
    else:
        described = common_axis.common_axis_description(result, beside)
        write_bytes(path, figures.svg_bytes(figure, described))


def _write_table(text: str, _result: AuditResult, path: Path) -> None:
    write_text(path, text)


def _write_pdf(result: AuditResult, path: Path) -> None:
    from iaside_audit.report.pdf import write_pdf  # noqa: PLC0415 - start-up time

    write_pdf(result, path)


def _write_html(result: AuditResult, path: Path) -> None:
    from iaside_audit.report.html import write_html  # noqa: PLC0415 - start-up time

    write_html(result, path)


def _write_figure(result: AuditResult, path: Path) -> None:
    from iaside_audit.report.figures import write_figure  # noqa: PLC0415 - start-up time

    write_figure(result, path)


def _write_shapley_figure(result: AuditResult, path: Path) -> None:
    from iaside_audit.report import figures  # noqa: PLC0415 - start-up time

    figure = figures.shapley_figure(result)
    write_bytes(path, figures.svg_bytes(figure, figures.shapley_description(result)))


_WRITERS: Final[dict[str, Callable[[AuditResult, Path], None]]] = {
    ".pdf": _write_pdf,
    ".html": _write_html,
    ".csv": write_csv,
    ".json": write_result,
    ".svg": _write_figure,
    ".png": _write_figure,
}
