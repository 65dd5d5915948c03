"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

from iaside_audit.errors import ReportError
from iaside_audit.report.files import write_bytes, write_text


class Refusal(NamedTuple):
    """An error of the operating system, and the words of the next step."""

    code: int
    next_step: str


REFUSALS = [
    Refusal(errno.ENOSPC, "Free some space and run `iaside-audit report RESULT --out"),
    Refusal(errno.EACCES, "where you may write"),
    Refusal(errno.EROFS, "where you may write"),
    Refusal(errno.ENOENT, "Create the folder"),
    Refusal(errno.EIO, "another place"),
]


def test_write_bytes_replaces_an_older_file(tmp_path: Path) -> None:
    """A file holds the new bytes alone, and nothing else is left in the folder."""
    path = tmp_path / "result.json"
    path.write_bytes(b"a longer, older file")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_write_text_is_utf_8_with_its_line_ends(tmp_path: Path) -> None:
    """Text is written as UTF-8, its line ends as they are."""
    write_text(tmp_path / "a.csv", "\N{GREEK SMALL LETTER RHO}\r\n")
    assert (tmp_path / "a.csv").read_bytes() == b"\xcf\x81\r\n"


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: errno.errorcode[refusal.code])
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_write_bytes_leaves_nothing_behind_when_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, refusal: Refusal
) -> None:
    """Whichever step fails, the old file is whole and no other file is there."""
    path = tmp_path / "report.pdf"
    path.write_bytes(b"old")

    def refuse(*_: object) -> NoReturn:
        raise OSError(refusal.code, os.strerror(refusal.code))

    with monkeypatch.context() as patch:
        patch.setattr(os if step == "fsync" else Path, step, refuse)
        with pytest.raises(ReportError, match=refusal.next_step) as caught:
            write_bytes(path, b"new")
    assert caught.value.path == str(path)
    assert os.strerror(refusal.code) in caught.value.message
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_write_bytes_survives_a_real_limit(tmp_path: Path) -> None:
    """Where the system takes only a part of the bytes, none of them is left."""
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    program = f"""
import resource
from pathlib import Path
from iaside_audit.errors import ReportError
from iaside_audit.report.files import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bytes(Path({str(path)!r}), bytes(1_000_000))
except ReportError as error:
    print(error.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "Free some space" in done.stdout
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_bytes_names_a_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there is reported with the file's name, and is not made."""
    path = tmp_path / "nowhere" / "a.csv"
    with pytest.raises(ReportError, match=r"a\.csv.*No such file.*Create the folder"):
        write_bytes(path, b"")
    assert not path.parent.exists()


def test_write_bytes_refuses_a_folder_in_the_way(tmp_path: Path) -> None:
    """A folder of the same name stays, and no other file is there."""
    path = tmp_path / "a.csv"
    path.mkdir()
    with pytest.raises(ReportError, match="Expected to write"):
        write_bytes(path, b"")
    assert list(tmp_path.iterdir()) == [path]
