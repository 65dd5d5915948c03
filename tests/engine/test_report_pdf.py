"""The PDF: two pages and an annex, everything on them, the same bytes every time."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pypdf import PdfReader
from sample_results import LONG_NAME, sample_result

from iaside_audit.report.commands import command_lines_of
from iaside_audit.report.documents import report_id
from iaside_audit.report.figures import importance_description
from iaside_audit.report.pdf import pdf_bytes, write_pdf
from iaside_audit.report.summary import score_sentence
from iaside_audit.report.typesetting import typeset

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult

TWO_PAGES = {
    "four bands, long names": sample_result(4, has_long_names=True, n_warnings=3),
    "eight bands": sample_result(),
    "sixteen bands, many warnings": sample_result(
        16, is_high=True, n_warnings=12, has_long_names=True, max_images=200
    ),
    "one image, own labels": sample_result(has_intervals=False, has_self_labels=True),
    "flat": sample_result(is_flat=True, n_warnings=6),
    "reference mode": sample_result(mode="reference", reference_batch=20),
}


def read(result: AuditResult) -> PdfReader:
    """Compile a report and open it."""
    return PdfReader(io.BytesIO(pdf_bytes(result)))


def plain(text: str) -> str:
    """Return text without white space, and with minus signs as hyphens."""
    return re.sub(r"\s", "", text).replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize("result", TWO_PAGES.values(), ids=TWO_PAGES.keys())
def test_pdf_says_everything_on_two_pages(result: AuditResult) -> None:
    """Conclusion, identity, provenance, warnings and command are there, on two pages."""
    reader = read(result)
    first, second = (plain(page.extract_text()) for page in reader.pages)
    for text in (report_id(result), score_sentence(result), "2026-11-24 09:30 UTC"):
        assert plain(text) in first
    for text in (
        result.model.sha256,
        result.data.manifest_sha256,
        result.model.preprocessing.source,
        result.runtime.provider,
        result.runtime.device,
        "Not measured",
        "Signature",
        *(warning.message for warning in result.warnings),
        *command_lines_of(result.spec),
    ):
        assert plain(text) in second
    for number, text in enumerate((first, second), start=1):
        assert f"Page{number}of2" in text
        assert "nan" not in text.replace("provenance", "").replace("Final", "")


@pytest.mark.parametrize("n_bands", [8, 16])
def test_the_annex_says_who_and_where(n_bands: int) -> None:
    """Outcomes, classes and interactions follow the sign-off, on a page of their own."""
    result = sample_result(n_bands, has_breakdown=True)
    pages = [plain(page.extract_text()) for page in read(result).pages]
    assert len(pages) == 3
    assert "Signature" in pages[1]
    assert "tench" in pages[2]
    assert "class7" in pages[2]
    assert result.interactions is not None
    matrix = np.triu(result.interactions.matrix)
    one, other = np.unravel_index(np.abs(matrix).argmax(), matrix.shape)
    assert f"{one}and{other}" in pages[2]
    assert ("toowide" in pages[2]) == (n_bands == 16)


def test_an_annex_shows_only_what_there_is() -> None:
    """Many classes are cut to the highest and the lowest, and the numbers of all are named."""
    result = sample_result(has_breakdown=True)
    assert result.classes is not None
    classes = tuple(
        dataclasses.replace(
            result.classes[0], label=label, name=f"class-{label:03}-end", signed=label / 100
        )
        for label in range(60)
    )
    result = dataclasses.replace(result, classes=classes, outcomes=None, interactions=None)
    *_, last = (plain(page.extract_text()) for page in read(result).pages)
    named = re.findall(r"class-(\d{3})-end", last)
    assert [int(label) for label in named] == [*range(59, 47, -1), *range(11, -1, -1)]
    assert "thehighestandthelowestof60" in last
    assert "Bandstogether" not in last


def test_pdf_says_how_much_was_there_before() -> None:
    """Rows of the store and of other audits were not run now, and the reader hears of both."""
    result = sample_result()
    runtime = dataclasses.replace(result.runtime, n_evaluations=1, n_resumed=150, n_cached=50)
    text = plain(read(dataclasses.replace(result, runtime=runtime)).pages[1].extract_text())
    assert "1inthisrun;200imagesfrombefore" in text


def test_pdf_grows_beyond_two_pages_when_it_must() -> None:
    """With more than fits, nothing is lost: the sign-off moves to a further page."""
    result = sample_result(32, n_warnings=60, estimator="permutation")
    pages = [plain(page.extract_text()) for page in read(result).pages]
    assert len(pages) == 3
    assert "Signature" in pages[-1]
    assert all(f"Page{number}of3" in text for number, text in enumerate(pages, start=1))


def test_pdf_is_the_same_bytes_twice() -> None:
    """One result gives one document, whatever the time of day."""
    assert pdf_bytes(sample_result()) == pdf_bytes(sample_result())


def test_pdf_is_archival_and_accessible() -> None:
    """It is tagged, has title, language, date and description, and claims PDF/A-2a and UA-1."""
    result = sample_result()
    reader = read(result)
    catalog = reader.root_object
    assert catalog["/MarkInfo"]["/Marked"]
    assert catalog["/Lang"] == "en"
    assert reader.metadata is not None
    assert reader.metadata.title == "Spectral robustness audit of squeezenet1_1.onnx"
    assert reader.metadata.creation_date is not None
    assert reader.metadata.creation_date.isoformat() == "2026-11-24T09:30:00+00:00"
    description = catalog["/Metadata"].get_object().get_data().decode()
    for claim in ("<pdfaid:part>2<", "<pdfaid:conformance>A<", "<pdfuaid:part>1<"):
        assert claim in description
    assert typeset(importance_description(result)) in alternatives(catalog["/StructTreeRoot"])


def alternatives(node: object) -> list[str]:
    """Collect the texts that stand for figures in a tree of tags."""
    from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject  # noqa: PLC0415

    if isinstance(node, IndirectObject):
        node = node.get_object()
    if isinstance(node, ArrayObject):
        return [text for one in node for text in alternatives(one)]
    if isinstance(node, DictionaryObject) and node.get("/Type") != "/Page":
        own = [str(node["/Alt"])] if "/Alt" in node else []
        return own + alternatives(node.get("/K"))
    return []


@pytest.mark.parametrize(
    "name",
    [
        "#let x = 1; *bold* _it_ $x^2$ `raw` @ref <label> [a] \\ // c.onnx",
        "donn\N{LATIN SMALL LETTER E WITH ACUTE}es \N{CJK UNIFIED IDEOGRAPH-65E5}.onnx",
        "esc\x1b[31m\x00.onnx",
        "lone\udcff.onnx",
        f"{'x' * 200}.onnx",
        "<svg>&amp;.onnx",
    ],
    ids=["markup", "letters", "control", "surrogate", "endless", "xml"],
)
def test_pdf_takes_any_name_as_text(name: str) -> None:
    """No name of a file is read as markup, and none stops the report."""
    result = sample_result(4)
    result = dataclasses.replace(
        result,
        model=dataclasses.replace(result.model, path=name),
        spec=dataclasses.replace(result.spec, labels=name),
    )
    text = plain("".join(page.extract_text() for page in read(result).pages))
    shown = name.encode("utf-8", "backslashreplace").decode()
    shown = shown.replace("\x1b", "\\x1b").replace("\x00", "\\x00")
    assert plain(shown.rsplit("/", 1)[-1]) in text


def test_write_pdf_writes_the_document(tmp_path: Path) -> None:
    """The file holds the compiled bytes."""
    result = sample_result(has_long_names=True)
    write_pdf(result, tmp_path / "report.pdf")
    text = PdfReader(tmp_path / "report.pdf").pages[0].extract_text()
    assert LONG_NAME in plain(text)
