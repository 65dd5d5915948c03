"""A result as a file: written, read back, and checked against its JSON Schema."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.choices import Mode
from iaside_audit.errors import ReportError, StoreError
from iaside_audit.paths import check_path
from iaside_audit.report.files import RESULT_NAME, refuse_newer, write_bytes
from iaside_audit.report.schemas import document_faults
from iaside_audit.result import SCHEMA_VERSION, result_from_document
from iaside_audit.rows import ValueRows, whole_batches
from iaside_audit.store import STORE_NAME, read_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.result import AuditResult
    from iaside_audit.rows import ValueRow

_MAX_FAULTS: Final = 3


def write_result(result: AuditResult, path: Path) -> None:
    """Write a result as JSON, whole or not at all.

    Raises
    ------
    ReportError
        If the file cannot be written.
    """
    write_bytes(path, result_bytes(result), again="run the same command again")


def load_result(path: Path | str) -> AuditResult:
    """Read a result.

    Parameters
    ----------
    path : Path or str
        A ``result.json``, or the output folder that holds it.

    Raises
    ------
    ReportError
        If there is no such file, or it is damaged, of another program or of a newer version; the
        first faults are named with their JSON paths.
    """
    path = Path(path)
    check_path(path, to="a result", kind=ReportError)
    path = path / RESULT_NAME if path.is_dir() else path
    document = _read_object(path)
    version = document.get("schema_version")
    refuse_newer(version, newest=SCHEMA_VERSION, kind="a result", path=path)
    faults = list(islice(document_faults(document), _MAX_FAULTS + 1))
    if faults:
        named = "; ".join(faults[:_MAX_FAULTS])
        more = "; and more" if len(faults) > _MAX_FAULTS else ""
        raise ReportError(
            f"Expected a result of an audit in {str(path)!r}, found faults: {named}{more}. "
            "Run the audit again, or take an unchanged copy of the file.",
            path=str(path),
            expected="a result of an audit",
            found=named,
        )
    try:
        result = result_from_document(document)
    except ReportError as error:
        error.path = str(path)
        raise
    return replace(result, row_source=partial(_stored_rows, path.with_name(STORE_NAME), result))


def _stored_rows(store: Path, result: AuditResult) -> ValueRows:
    """Read the rows behind a result from the store beside it.

    Raises
    ------
    StoreError
        If it is gone, damaged, or of another audit.
    """
    stored = read_store(store)
    held = (stored.header.deciding.get("model"), stored.header.data.get("manifest"))
    if held != (result.model.identity, result.data.manifest_sha256):
        raise StoreError(
            f"Expected the rows of this result in '{store}', found those of another audit. "
            "Put the store back that was written with the result.",
            path=str(store),
        )
    n_images = result.data.n_images
    rows: Sequence[ValueRow] = stored.rows
    if result.spec.mode == Mode.REFERENCE:
        rows = whole_batches(rows, result.spec.reference_batch)
    rows = rows[:n_images]
    if len(rows) < n_images:
        raise StoreError(
            f"Expected {n_images} rows in '{store}', found {len(rows)} that are whole and "
            f"{stored.n_damaged} damaged. Run the audit again into this folder.",
            path=str(store),
            expected=str(n_images),
            found=str(len(rows)),
        )
    return ValueRows.stack(rows)


def result_bytes(result: AuditResult) -> bytes:
    r"""Return the bytes of the result's file, in UTF-8.

    An undecodable byte of a file name, which Python holds as half a surrogate pair, becomes an
    escape such as ``\udcff``, and inside a JSON string reads back as it was.
    """
    return result.to_json().encode("utf-8", errors="backslashreplace")


def report_id(result: AuditResult) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of the result's file.

    Whoever holds a printed report and a ``result.json`` can so tell whether they belong together.
    """
    return hashlib.sha256(result_bytes(result)).hexdigest()[:12]


def _read_object(path: Path) -> dict[str, Any]:  # Any: JSON
    """Read a JSON file that must hold an object."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ReportError(
            f"Expected a result in {str(path)!r}, found: {error.strerror or error}. "
            "Give the result.json of an audit, or the folder that holds it.",
            path=str(path),
            found=error.strerror or str(error),
        ) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or absurdly nested
        raise ReportError(
            f"Expected a JSON document in {str(path)!r}, found something else: {error}. "
            "Give the result.json of an audit.",
            path=str(path),
            expected="a JSON document",
            found=str(error),
        ) from error
    if not isinstance(document, dict):
        raise ReportError(
            f"Expected a JSON object in {str(path)!r}, found {type(document).__name__}. "
            "Give the result.json of an audit.",
            path=str(path),
            expected="a JSON object",
            found=type(document).__name__,
        )
    return document
