"""The output folder of an audit: claimed before hours of work, never taken from another audit."""

from __future__ import annotations

import errno
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from iaside_audit.auditing.model import resolve_model
from iaside_audit.classifier.identity import file_sha256
from iaside_audit.errors import ReportError, SpecError
from iaside_audit.paths import check_path
from iaside_audit.report import RESULT_NAME, load_result
from iaside_audit.store import STORE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from iaside_audit.spec import AuditSpec


@contextmanager
def claimed_output_folder(out: Path, spec: AuditSpec) -> Iterator[None]:
    """Make sure that a result can be written to `out` and takes nobody's place.

    The same audit may be repeated into the same folder, and goes on with the rows there; a store of
    rows is checked by the audit itself, which knows what they depend on.

    Raises
    ------
    SpecError
        If `out` is no folder, or holds another audit; what differs is named.
    ReportError
        If nothing can be written there.
    """
    with made_output_folder(out):
        has_rows = (out / STORE_NAME).exists()
        if spec.resume and not has_rows and (out / RESULT_NAME).exists():
            _check_same_audit(out, spec)
        yield


@contextmanager
def made_output_folder(out: Path) -> Iterator[None]:
    """Make a folder that can be written to; what was made here and got nothing goes again.

    Raises
    ------
    SpecError
        If `out` is a file.
    ReportError
        If nothing can be written there.
    """
    check_path(out, to="an output folder")
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out) as probe:
            probe.write(b"\0")
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.EEXIST}:
            raise SpecError(
                f"Expected a folder for --out, found a file: '{out}'. Choose another --out.",
                path=str(out),
            ) from error
        _remove_empty(made)
        space = "Make space or choose" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "Choose"
        raise ReportError(
            f"Expected a folder that can be written for --out, found '{out}': {error.strerror}. "
            f"{space} another --out.",
            path=str(out),
        ) from error
    try:
        yield
    finally:
        _remove_empty(made)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the innermost first, up to the first that holds something."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def set_result_aside(out: Path) -> None:
    """Keep the result of an audit that is started again, as ``result.N.json``."""
    path = out / RESULT_NAME
    number = 1
    while (target := path.with_suffix(f".{number}.json")).exists():
        number += 1
    with suppress(FileNotFoundError):
        path.rename(target)


def _check_same_audit(out: Path, spec: AuditSpec) -> None:
    """Refuse a folder whose result is of another specification or another model file."""
    try:
        before = load_result(out)
    except ReportError as error:
        raise SpecError(
            f"Expected an empty folder or one of the same audit for --out, found a '{RESULT_NAME}' "
            f"in '{out}' that cannot be read. Choose another --out.",
            path=str(out),
        ) from error
    old, new = before.spec.to_dict(), spec.to_dict()
    differences = [f"{key} was {old[key]}, now {new[key]}" for key in new if old[key] != new[key]]
    if before.model.sha256 != file_sha256(resolve_model(spec.model)):
        differences.append("the model file has changed")
    if differences:
        raise SpecError(
            f"Expected an empty folder or one of the same audit for --out, found another audit in "
            f"'{out}': {'; '.join(differences)}. Choose another --out.",
            path=str(out),
        )
