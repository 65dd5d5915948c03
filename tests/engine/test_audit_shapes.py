"""Rows of models whose input is not a square of colours: grey, odd, wide or tall."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
import pytest
from audit_material import audit_here, photographs
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from iaside_audit.classifier.preprocessing_sources import METADATA_KEY, to_toml
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

N_CLASSES = 4
N_IMAGES = 3
NATS = 1e-4


class Case(NamedTuple):
    """An input and how its spectrum is cut."""

    height: int
    width: int
    channel_order: str
    norm: str
    bands: int
    frame: int | str = "input"

    @property
    def n_channels(self) -> int:
        """One for a grey model."""
        return 1 if self.channel_order == "L" else 3

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width at which the bands are taken: the shorter side is the frame."""
        if not isinstance(self.frame, int):
            return self.height, self.width
        short = min(self.height, self.width)
        return self.height * self.frame // short, self.width * self.frame // short


CASES = [
    Case(24, 40, "L", "l2", 5),
    Case(40, 24, "L", "linf", 2),
    Case(25, 33, "RGB", "l2", 7),
    Case(33, 25, "BGR", "linf", 4),
    Case(24, 40, "RGB", "l2", 4, frame=30),
    Case(40, 24, "L", "linf", 3, frame=18),
]


def save_linear_model(path: Path, case: Case) -> NDArray[np.float32]:
    """Write a model whose logits are linear in its pixels; return the weights."""
    n_pixels = case.n_channels * case.height * case.width
    weights = np.random.default_rng(1).normal(0, 0.1, (n_pixels, N_CLASSES)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["image"], ["pixels"], axis=1),
        helper.make_node("MatMul", ["pixels", "weights"], ["scores"]),
    ]
    shape = ["N", case.n_channels, case.height, case.width]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", N_CLASSES])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    preprocessing = Preprocessing(
        resize=(case.height, case.width),
        crop=(case.height, case.width),
        channel_order=case.channel_order,  # type: ignore[arg-type]  # checked like a file's
        mean=(0.3, 0.4, 0.5)[: case.n_channels],
        std=(0.2, 0.3, 0.4)[: case.n_channels],
    )
    helper.set_model_props(model, {METADATA_KEY: to_toml(preprocessing)})
    onnx.save(model, str(path))
    return weights


def band_of(row: int, column: int, case: Case) -> int:
    """Return the band of one coefficient, in whole numbers (METHOD.md, section 1)."""
    (height, width), m = case.frame_size, case.bands
    k_y, k_x = min(row, height - row), min(column, width - column)
    if case.norm == "linf":
        return min(m - 1, max(2 * m * k_y // height, 2 * m * k_x // width))
    squared = 2 * m * m * ((k_y * width) ** 2 + (k_x * height) ** 2)
    return min(m - 1, math.isqrt(squared // (height * width) ** 2))


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_rows_agree_with_the_text(tmp_path: Path, case: Case) -> None:
    """Every coalition's log-probability is that of full float64 transforms and an integer map."""
    weights = save_linear_model(tmp_path / "model.onnx", case)
    pictures = [Image.fromarray(one) for one in photographs(N_IMAGES, side=48)]
    folder = tmp_path / "images"
    for number, picture in enumerate(pictures):
        (folder / str(number)).mkdir(parents=True)
        picture.save(folder / str(number) / "a.png")
    spec = AuditSpec(
        model=tmp_path / "model.onnx",
        images=folder,
        bands=case.bands,
        norm=case.norm,  # type: ignore[arg-type]  # checked like a command line's
        frame=case.frame,
        estimator="exact",  # type: ignore[arg-type]  # the same
    )
    rows = audit_here(spec).rows()

    height, width = case.frame_size
    bands = np.array([[band_of(y, x, case) for x in range(width)] for y in range(height)])
    mean, std = (
        np.reshape(one[: case.n_channels], (-1, 1, 1)) for one in ((0.3, 0.4, 0.5), (0.2, 0.3, 0.4))
    )
    for n in range(N_IMAGES):
        picture = pictures[rows.label[n]].convert("L" if case.n_channels == 1 else "RGB")
        pixels = np.atleast_3d(picture.resize((width, height), Image.Resampling.BILINEAR))
        spectrum = np.fft.fft2(pixels.transpose(2, 0, 1) / 255)
        for code, found in zip(rows.coalitions[n], rows.log_p[n], strict=True):
            mixed = np.fft.ifft2(spectrum * ((int(code) >> bands) & 1)).real.astype(np.float32)
            channels = [Image.fromarray(one).resize((case.width, case.height), 2) for one in mixed]
            image = np.array([np.asarray(one) for one in channels])
            image = image[::-1] if case.channel_order == "BGR" else image
            scores = ((image - mean) / std).ravel() @ weights.astype(np.float64)
            log_p = scores - np.log(np.exp(scores).sum())
            assert found == pytest.approx(log_p[rows.label[n]], abs=NATS)
