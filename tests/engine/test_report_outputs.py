"""One report by its suffix, and the output folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from sample_results import sample_result

from iaside_audit.errors import ReportError, SpecError
from iaside_audit.report import load_result, write_output_folder, write_report

BEGINNINGS = {
    "a.pdf": b"%PDF-",
    "a.CSV": b"index,low,high,",
    "a.json": b'{\n  "schema_version": 1,',
    "a.svg": b"<?xml ",
    "a.png": b"\x89PNG",
    "a.html": b"<!DOCTYPE html>\n",
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_write_report_follows_the_suffix(tmp_path: Path, name: str) -> None:
    """The suffix, in capitals or not, says what is written."""
    write_report(sample_result(4), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(BEGINNINGS[name])


@pytest.mark.parametrize("name", ["report", "report.docx", "report.pdff"])
def test_write_report_refuses_unknown_suffixes(tmp_path: Path, name: str) -> None:
    """An unknown suffix is a wrong request that names the known ones; nothing is written."""
    with pytest.raises(SpecError, match=r"ending in \.pdf, \.html, \.csv, \.json, \.svg, \.png, "):
        write_report(sample_result(4), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("formats", "names"),
    [
        (
            ("json", "pdf", "csv"),
            ["importance.csv", "figures/importance.svg", "figures/shapley.svg", "report.pdf"],
        ),
        (("html",), ["figures/importance.svg", "figures/shapley.svg", "report.html"]),
        (("json",), ["figures/importance.svg", "figures/shapley.svg"]),
        ((), ["figures/importance.svg", "figures/shapley.svg"]),
    ],
)
def test_output_folder_holds_what_was_asked(
    tmp_path: Path, formats: tuple[str, ...], names: list[str]
) -> None:
    """The result comes first, then what was asked, and nothing else is in the folder."""
    out = tmp_path / "new" / "audit"
    paths = write_output_folder(sample_result(4), out, formats)
    assert [path.relative_to(out).as_posix() for path in paths] == ["result.json", *names]
    assert {path for path in out.rglob("*") if path.is_file()} == set(paths)


def test_output_folder_is_the_same_bytes_twice(tmp_path: Path) -> None:
    """One result gives one folder, written anew or over an older one."""
    first = {
        path.name: path.read_bytes() for path in write_output_folder(sample_result(), tmp_path)
    }
    second = write_output_folder(load_result(tmp_path), tmp_path)
    assert {path.name: path.read_bytes() for path in second} == first


def test_output_folder_refuses_unknown_formats(tmp_path: Path) -> None:
    """An unknown format is found before anything is written."""
    with pytest.raises(SpecError, match="Did you mean 'pdf'"):
        write_output_folder(sample_result(4), tmp_path, ["json", "pdff"])
    assert list(tmp_path.iterdir()) == []


def test_output_folder_keeps_the_result_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where space ends after the result, the result is whole and the next step is named."""
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if target.name == "importance.csv":
            raise OSError(28, os.strerror(28))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ReportError, match="iaside-audit report RESULT --out"):
        write_output_folder(sample_result(4), tmp_path)
    assert load_result(tmp_path) == sample_result(4)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["result.json"]


def test_output_folder_on_a_full_disk_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even the result fits, running the audit again is the next step."""

    def refuse(*_: object) -> NoReturn:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(ReportError, match=r"No space left.*run the same command again"):
        write_output_folder(sample_result(4), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_output_folder_refuses_a_file_in_its_place(tmp_path: Path) -> None:
    """A file where the folder should be is named and kept."""
    out = tmp_path / "audit"
    out.write_text("mine")
    with pytest.raises(ReportError, match="Expected to make the folder"):
        write_output_folder(sample_result(4), out)
    assert out.read_text() == "mine"


def test_report_package_is_light() -> None:
    """Importing the package loads none of the libraries of figures and reports."""
    program = (
        "import sys, iaside_audit.report as report; "
        "assert all(hasattr(report, name) for name in report.__all__); "
        "print(sorted({'matplotlib', 'typst', 'jinja2', 'jsonschema', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
