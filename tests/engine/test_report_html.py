"""The page: one file, what the PDF says, and nothing of a name is markup."""

from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from sample_results import sample_result

from iaside_audit.report import html
from iaside_audit.report.content import report_content
from iaside_audit.report.documents import result_bytes
from iaside_audit.report.html import html_bytes

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult

HOSTILE = (
    "</script></style></title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"
    "{{ 7 * 7 }}{% raw %}\N{RIGHT-TO-LEFT OVERRIDE}\x1b[31m\x00\udcff -1 % y.onnx"
)
SHOWN = HOSTILE.replace("\x1b", "\\x1b").replace("\x00", "\\x00").replace("\udcff", "\\udcff")
SHOWN = SHOWN.replace("\N{RIGHT-TO-LEFT OVERRIDE}", "\\u202e")
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """What a browser would make of a page: elements with their attributes, and their text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(page.decode())
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element; every one of them is closed in order."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element without content, such as those of SVG."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep text by the element that it is in."""
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self) -> str:
        """Return the text without white space."""
        shown = (one for tag, texts in self.texts.items() if tag != "style" for one in texts)
        return squeezed("".join(shown))


def squeezed(words: str) -> str:
    """Return words without white space."""
    return re.sub(r"\s", "", words)


def leaves(value: object) -> list[str]:
    """Return every string of JSON-ready values."""
    match value:
        case str():
            return [value]
        case dict():
            return [leaf for one in value.values() for leaf in leaves(one)]
        case list():
            return [leaf for one in value for leaf in leaves(one)]
    return []


def missing(content: dict[str, object], page: Page) -> list[str]:
    """Return what a page does not say of what a report says."""
    styles = {"plain", "emph", "strong", "name", "code", "left", "center", "right"}
    text = page.text()
    return [one for one in leaves(content) if one not in styles and squeezed(one) not in text]


@pytest.fixture(scope="module")
def result() -> AuditResult:
    """Return a result with everything in it, every name of which is hostile."""
    result = sample_result(has_breakdown=True, n_warnings=1)
    assert result.classes is not None
    return dataclasses.replace(
        result,
        model=dataclasses.replace(
            result.model,
            path=HOSTILE,
            input=dataclasses.replace(result.model.input, name=HOSTILE),
            preprocessing=dataclasses.replace(result.model.preprocessing, source=HOSTILE),
        ),
        data=dataclasses.replace(result.data, path=HOSTILE, labels=HOSTILE),
        spec=dataclasses.replace(result.spec, model=HOSTILE, images=HOSTILE, labels=HOSTILE),
        classes=tuple(dataclasses.replace(one, name=HOSTILE) for one in result.classes),
        warnings=tuple(
            dataclasses.replace(one, code=HOSTILE, message=HOSTILE) for one in result.warnings
        ),
    )


@pytest.fixture(scope="module")
def data(result: AuditResult) -> bytes:
    """Return its page as it is written."""
    return html_bytes(result)


@pytest.fixture(scope="module")
def page(data: bytes) -> Page:
    """Return its page as it is read."""
    return Page(data)


def test_nothing_of_a_name_is_markup(page: Page) -> None:
    """Names are shown as they are, controls as escapes; no element or attribute comes of them."""
    assert squeezed(SHOWN) in page.text()
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "link", "base"}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("href", "xlink:href", "src"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:application/json;base64,")), target
    (policy,) = (one for one in page.all("meta") if "http-equiv" in one)
    assert str(policy["content"]).startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert not re.search(r"url\(|@import", page.texts["style"][0])


def test_the_page_can_be_heard(page: Page) -> None:
    """Language, headings in order, heads and captions of tables, and words for the figure."""
    assert page.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table")) == 7
    assert {one.get("scope") for one in page.all("th")} == {"row", "col"}
    (figure,) = (one for one in page.all("div") if one.get("role") == "img")
    assert figure["aria-labelledby"] in {one.get("id") for one in page.all("figcaption")}
    names = [one["id"] for _, one in page.elements if "id" in one]
    assert len(names) == len(set(names))


def test_the_page_says_all_that_the_pdf_says(result: AuditResult, data: bytes, page: Page) -> None:
    """Every word is on it, ``result.json`` comes out of it as it went in, and bytes are stable."""
    content = report_content(result)
    subject, warnings, annex = content.pop("subject"), content["warnings"], content["annex"]
    assert isinstance(warnings, dict)
    assert isinstance(annex, dict)
    del warnings["none"], annex["interactions"]["no_matrix"]
    assert missing(content, page) == []
    assert "".join(page.texts["title"]) == subject
    (link,) = page.all("a")
    assert link["download"] == "result.json"
    assert base64.b64decode(str(link["href"]).partition(",")[2]) == result_bytes(result)
    assert html_bytes(result) == data


def test_what_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a matrix too wide and a document too large for a link, the page says where they are."""
    monkeypatch.setattr(html, "MAX_CARRIED_BYTES", 1000)
    result = sample_result(16, has_breakdown=True)
    page = Page(html_bytes(result))
    content = report_content(result)
    del content["subject"]
    assert missing(content, page) == []
    assert page.all("a") == []
    assert "toolargetocomewiththispage" in page.text()
