"""The report as one page: a file that opens in any browser, offline, and runs no script.

It says what the PDF says. What a result holds reaches the template as data and is escaped there;
should anything slip through, the page's own policy forbids scripts and whatever is elsewhere.
"""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, StrictUndefined

from iaside_audit.report.content import report_content
from iaside_audit.report.documents import result_bytes
from iaside_audit.report.figures import importance_figure, inline_svg
from iaside_audit.report.files import RESULT_NAME, write_bytes
from iaside_audit.report.summary import format_size

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult

MAX_CARRIED_BYTES: Final = 5_000_000
"""A larger ``result.json`` stays out: a third larger as base64, it would fill the 10 MB that many
mail servers take. Most are of 10 to 150 kB; 1000 classes in 16 bands make 3.5 MB."""


def write_html(result: AuditResult, path: Path) -> None:
    """Write the report as one page of HTML, whole or not at all.

    Raises
    ------
    ReportError
        If the file cannot be written.
    """
    write_bytes(path, html_bytes(result))


def html_bytes(result: AuditResult) -> bytes:
    """Return the report as HTML in UTF-8, the same bytes every time for the same result.

    The page carries ``result.json`` byte by byte, as a link that saves it: what is saved has the
    SHA-256 that the report is numbered by, and every command reads it.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    carried = result_bytes(result)
    is_carried = len(carried) <= MAX_CARRIED_BYTES
    page = environment.from_string(_part("report.html.jinja")).render(
        report=report_content(result),
        style=_part("report.css"),
        figure=inline_svg(importance_figure(result, has_title=False)),
        result_url=f"data:application/json;base64,{b64encode(carried).decode()}"
        if is_carried
        else "",
        result_name=RESULT_NAME,
        result_size=format_size(len(carried)),
    )
    return page.encode()


def _part(name: str) -> str:
    return files("iaside_audit.report").joinpath(name).read_text("utf-8")
