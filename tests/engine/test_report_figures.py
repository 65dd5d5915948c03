"""Figures are drawn whole, alike every time, and change nothing else."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from PIL import Image
from sample_results import LONG_NAME, sample_result

from iaside_audit.errors import SpecError
from iaside_audit.report.figures import (
    drawable,
    importance_description,
    importance_figure,
    png_bytes,
    shapley_description,
    shapley_figure,
    svg_bytes,
    write_figure,
)

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult

CASES = {
    "four bands, long name": sample_result(4, has_long_names=True),
    "eight bands": sample_result(),
    "sixteen bands, high": sample_result(16, is_high=True),
    "no intervals": sample_result(has_intervals=False),
    "flat": sample_result(is_flat=True),
    "octaves": sample_result(spacing="octave", norm="l2", value="accuracy"),
}


def named(name: str) -> AuditResult:
    """Return a sample result of a model with this name."""
    result = sample_result(2)
    return dataclasses.replace(result, model=dataclasses.replace(result.model, path=name))


@pytest.mark.parametrize("result", CASES.values(), ids=CASES.keys())
def test_figures_are_svg_with_text(result: AuditResult) -> None:
    """Both figures are well-formed SVG whose words are text and whose title describes them."""
    for figure, description in (
        (importance_figure(result), importance_description(result)),
        (shapley_figure(result), shapley_description(result)),
    ):
        root = ET.fromstring(svg_bytes(figure, description))  # noqa: S314 - our own SVG
        words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        assert any("edges of the bands" in (word or "") for word in words)
        assert root.findtext("{http://www.w3.org/2000/svg}title") == description


def test_figures_are_the_same_bytes_twice() -> None:
    """Two drawings of one result are the same, in SVG and in PNG, and hold no date."""
    result = sample_result()
    svgs = [svg_bytes(importance_figure(result), "x") for _ in range(2)]
    pngs = [png_bytes(importance_figure(result)) for _ in range(2)]
    assert svgs[0] == svgs[1]
    assert pngs[0] == pngs[1]
    assert b"dc:date" not in svgs[0]


def test_figures_leave_matplotlib_as_it_was() -> None:
    """The caller's style neither changes nor shows."""
    plain = svg_bytes(importance_figure(sample_result()), "x")
    with mpl.rc_context({"font.size": 30.0, "svg.fonttype": "path", "axes.grid": True}):
        before = dict(mpl.rcParams)
        assert svg_bytes(importance_figure(sample_result()), "x") == plain
        assert dict(mpl.rcParams) == before


def test_figures_need_no_pyplot() -> None:
    """Drawing and writing never load pyplot, which would choose a window system."""
    program = (
        "import sys; from matplotlib.figure import Figure; "
        "from iaside_audit.report.figures import png_bytes, svg_bytes; "
        "svg_bytes(Figure(), ''); png_bytes(Figure()); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_figure_elides_a_long_name() -> None:
    """A long model name is shortened in the title, its ends kept."""
    svg = svg_bytes(importance_figure(sample_result(has_long_names=True)), "x").decode()
    assert LONG_NAME not in svg
    assert "efficientnet_lite0" in svg
    assert "-signs.onnx, 200 images" in svg


@pytest.mark.parametrize(
    "name",
    ["a$b$c.onnx", "\N{CJK UNIFIED IDEOGRAPH-65E5}.onnx", "a\udcff\x1b.onnx", "<a>&'\".onnx"],
    ids=ascii,
)
def test_figure_takes_any_name(name: str) -> None:
    """No name of a file is read as mathematics or markup, and none stops the drawing."""
    svg = svg_bytes(importance_figure(named(name)), "x")
    texts = [one.text or "" for one in ET.fromstring(svg).iter()]  # noqa: S314 - our own SVG
    assert f"{drawable(name)}, 200 images" in texts


def test_write_figure_makes_a_sharp_png(tmp_path: Path) -> None:
    """PNG is drawn at 200 dots per inch."""
    write_figure(sample_result(), tmp_path / "a.png")
    with Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())) as image:
        assert image.width == 1600


def test_write_figure_refuses_other_suffixes(tmp_path: Path) -> None:
    """An unknown suffix is a wrong request, and nothing is written."""
    with pytest.raises(SpecError, match=r"\.svg or \.png, found '\.bmp'"):
        write_figure(sample_result(), tmp_path / "a.bmp")
    assert list(tmp_path.iterdir()) == []
