"""Reference mode: the authors' published numbers, warts included (METHOD.md, section 7)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnxruntime as ort
import pytest
from audit_material import (
    SIDE,
    ConvNet,
    TamperingWorker,
    audit_here,
    convnet_spec,
    events_here,
    photographs,
    save_images,
)
from PIL import Image
from shared_material import shared

from iaside_audit.auditing import audit
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.events import Cancelled, Control
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from iaside_audit.result import AuditResult

NATS = 1e-4


def reference_spec(folder: Path, network: ConvNet | None = None, **options: object) -> AuditSpec:
    """Specify an audit in reference mode, of batches of three unless said otherwise."""
    fixed = {"mode": "reference", "estimator": "auto", "reference_batch": 3}
    return convnet_spec(folder, network, **(fixed | options))


def window(dim: int, height: int, width: int, edge: float) -> NDArray[np.bool_]:
    """Return the centred square of one edge over the shifted spectrum."""
    r = int(dim * edge)
    start = (dim - r) // 2
    inside = np.zeros((height, width), dtype=bool)
    inside[start : start + r, start : start + r] = True
    return inside


def expected_values(
    images: NDArray[np.float64],
    labels: NDArray[np.int64],
    session: ort.InferenceSession,
    network: ConvNet,
    n_bands: int,
) -> NDArray[np.float64]:
    """Return log p of the label for one batch, (images, 2^M), as the text says."""
    height, width = images.shape[-2:]
    dim = min(height, width)
    preprocessing = network.preprocessing()
    mean, std = (np.reshape(one, (3, 1, 1)) for one in (preprocessing.mean, preprocessing.std))
    spectrum = np.fft.fftshift(np.fft.fft2(images), axes=(-2, -1))
    values = np.empty((len(images), 2**n_bands))
    for code in range(2**n_bands):
        mask = np.zeros((height, width), dtype=bool)
        for band in range(n_bands):
            if code >> band & 1:
                inner = window(dim, height, width, band * (1.0 / n_bands))
                mask |= window(dim, height, width, (band + 1) * (1.0 / n_bands)) & ~inner
        filtered = np.zeros_like(images)
        if code:
            filtered = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum * mask, axes=(-2, -1))))
            filtered -= filtered.min()
            filtered = np.clip(filtered / filtered.max(), 0, 1)
        inputs = filtered[:, ::-1] if network.is_bgr else filtered
        scores = session.run(None, {"image": ((inputs - mean) / std).astype(np.float32)})[0]
        if network.head != "logits":
            scores = np.log(np.maximum(scores, np.float32(1e-30)))
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        softmax = exponentials / exponentials.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            values[:, code] = np.log(softmax)[np.arange(len(images)), labels]
    return values


@pytest.mark.parametrize(
    "network",
    [ConvNet(), ConvNet(is_bgr=True), ConvNet(head="softmax"), ConvNet(side=27)],
    ids=["plain", "BGR", "softmax", "odd side"],
)
@pytest.mark.parametrize("bands", [3, 4])
def test_rows_agree_with_the_text(tmp_path: Path, network: ConvNet, bands: int) -> None:
    """Every batch by itself, in the order of the list: square windows, absolute value, stretch."""
    result = audit_here(reference_spec(tmp_path, network, bands=bands))
    rows = result.rows()
    assert rows.path == tuple(f"{number:03}.png" for number in range(6))
    session = ort.InferenceSession(str(tmp_path / "model.onnx"))
    images = photographs(6, side=network.side).transpose(0, 3, 1, 2) / 255
    expected = np.concatenate(
        [
            expected_values(images[one], rows.label[one], session, network, bands)
            for one in (slice(0, 3), slice(3, 6))
        ]
    )
    by_code = expected[np.arange(6)[:, None], rows.coalitions]
    np.testing.assert_allclose(rows.log_p, by_code, rtol=0, atol=NATS)


def test_rows_depend_on_the_batch(tmp_path: Path) -> None:
    """The stretch is over the batch, so the same image has other values in other company."""
    threes, twos = (
        audit_here(reference_spec(tmp_path, reference_batch=size)).rows() for size in (3, 2)
    )
    assert threes.path == twos.path
    assert np.abs(threes.log_p - twos.log_p).max() > 0.01


@pytest.mark.parametrize("baseline", ["zero", "noise", "shuffle"])
def test_rows_repeat_with_the_seed(tmp_path: Path, baseline: str) -> None:
    """Drawn baselines follow the seed; `zero` draws nothing; the empty coalition is always 0."""
    first, again, other = (
        audit_here(reference_spec(tmp_path, baseline=baseline, seed=seed)).rows()
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.log_p, again.log_p)
    assert np.array_equal(first.log_p, other.log_p) == (baseline == "zero")
    np.testing.assert_array_equal(first.log_p[:, 0], other.log_p[:, 0])


def test_batch_of_calls_does_not_matter(tmp_path: Path) -> None:
    """How many rows one call of the model takes decides the last bits only."""
    whole, cut = (audit_here(reference_spec(tmp_path, batch=batch)).rows() for batch in ("auto", 2))
    np.testing.assert_allclose(cut.log_p, whole.log_p, rtol=0, atol=NATS)


def test_short_last_batch_is_dropped_with_a_warning(tmp_path: Path) -> None:
    """Eight images are two batches of three; the last two are named in a warning."""
    result = audit_here(reference_spec(tmp_path, n_images=8))
    assert result.data.n_images == 6
    warnings = {one.code: one.message for one in result.warnings}
    assert "last 2 images fill no batch of 3" in warnings["short_batch"]
    whole = audit_here(reference_spec(tmp_path, max_images=6))
    assert "short_batch" not in {one.code for one in whole.warnings}
    np.testing.assert_array_equal(whole.rows().log_p, result.rows().log_p)


@pytest.mark.parametrize(("n_images", "has_intervals"), [(14, False), (16, True)])
def test_intervals_need_eight_batches(
    tmp_path: Path,
    n_images: int,
    has_intervals: bool,  # noqa: FBT001 - a case
) -> None:
    """Below eight batches every interval is undefined, and that is said."""
    result = audit_here(reference_spec(tmp_path, n_images=n_images, reference_batch=2))
    assert result.data.n_images == n_images
    intervals = [band.interval for band in result.bands] + [result.score.paper.interval]
    assert np.isfinite(intervals).all() == has_intervals
    assert ("no_intervals" in {one.code for one in result.warnings}) != has_intervals


def test_a_batch_of_one_is_refused(tmp_path: Path) -> None:
    """One image cannot be stretched against others."""
    with pytest.raises(SpecError, match="reference_batch to be a whole number of at least 2"):
        reference_spec(tmp_path, reference_batch=1)


def test_small_inputs_are_refused(tmp_path: Path) -> None:
    """Below 16 px the windows mean nothing."""
    images = save_images(tmp_path / "images", 6, side=20, n_classes=5)
    with pytest.raises(SpecError, match="at least 16 x 16 px in reference mode, found 12 x 12"):
        audit_here(reference_spec(tmp_path, ConvNet(side=12), images=images))


def test_images_without_labels_are_refused(tmp_path: Path) -> None:
    """The authors' value is of the true class."""
    with pytest.raises(SpecError, match="labels self"):
        reference_spec(tmp_path, labels="self")


def test_a_lost_image_takes_its_batch_along(tmp_path: Path) -> None:
    """A batch without one of its images is another batch, so none of it is used."""
    spec = reference_spec(tmp_path)
    whole = audit_here(spec).rows()

    def tamper() -> None:
        (tmp_path / "images" / "001.png").unlink()

    result = audit_here(spec, start_worker=lambda: TamperingWorker(tamper))
    assert [one.path for one in result.data.failed] == ["000.png", "001.png", "002.png"]
    assert all("001.png" in one.reason for one in result.data.failed)
    np.testing.assert_array_equal(result.rows().log_p, whole.log_p[3:])


def test_black_images_cannot_be_stretched(tmp_path: Path) -> None:
    """0 / 0 over a whole batch is an error that says so."""
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        Image.fromarray(np.zeros((SIDE, SIDE, 3), dtype=np.uint8)).save(images / f"{number}.png")
    (images / "labels.csv").write_text("path,label\n0.png,0\n1.png,0\n2.png,0\n")
    with pytest.raises(ImageError, match=r"all 3 failed.*one constant"):
        audit_here(reference_spec(tmp_path))


def test_a_probability_of_zero_is_reported_not_hidden(tmp_path: Path) -> None:
    """The float32 softmax may underflow: the value is then -inf, and no score is made up."""
    result = audit_here(reference_spec(tmp_path, ConvNet(gain=300.0)))
    assert np.isneginf(result.rows().log_p).any()
    assert "not_finite" in {one.code for one in result.warnings}
    assert not np.isfinite(result.score.paper.value)
    assert '"value": null' in result.to_json()


def test_cancelling_keeps_whole_batches(tmp_path: Path) -> None:
    """Wherever cancelling meets a batch, it counts as a whole or not at all."""
    spec = reference_spec(tmp_path, n_images=9)
    for n_done in (2, 4):
        control = Control()
        last = None
        for event in events_here(spec, control, start_worker=cancelling(control, n_done)):
            last = event
        assert isinstance(last, Cancelled)
        n_kept = last.partial.data.n_images if last.partial else 0
        assert n_kept % 3 == 0
        assert n_kept >= n_done // 3 * 3


def cancelling(control: Control, n_rows: int) -> type[TamperingWorker]:
    """Return a worker that cancels with its n-th row."""

    class Cancelling(TamperingWorker):
        def __init__(self) -> None:
            super().__init__(lambda: None)
            self._n_rows = 0

        def receive(self, timeout_s: float) -> dict[str, object] | None:
            reply = super().receive(timeout_s)
            self._n_rows += bool(reply and reply["kind"] == "row")
            if self._n_rows == n_rows:
                control.cancel()
            return reply

    return Cancelling


class Golden(NamedTuple):
    """One case of the authors' code."""

    model: str
    bands: int
    batch: int


GOLDENS = [
    pytest.param(Golden("tinytrain_mbv2_w035_128", 4, 32), id="tinytrain-M4"),
    *(
        pytest.param(case, id=f"{case.model}-M{case.bands}-{case.batch}", marks=pytest.mark.slow)
        for case in (
            Golden("tinytrain_mbv2_w035_128", 8, 32),
            Golden("tinytrain_mbv2_w035_128", 8, 8),
            Golden("squeezenet11_fp16src", 4, 32),
            Golden("squeezenet11_fp16src", 8, 32),
        )
    ),
]


def audit_golden(case: Golden, folder: Path) -> AuditResult:
    """Audit a model of the zoo on the images of the golden numbers."""
    models = json.loads(shared("zoo/manifest.json").read_text())["models"]
    record = next(one for one in models if one["id"] == case.model)
    side = record["input_size"]
    preprocessing = folder / "preprocess.toml"
    preprocessing.write_text(
        f"[preprocess]\nresize = 0\ncrop = {side}\nchannel_order = {record['channel_order']!r}\n"
        f"scale = {record['scale']}\nmean = {record['mean']}\nstd = {record['std']}\n"
    )
    return audit(
        AuditSpec(
            model=shared(f"zoo/{record['file']}"),
            images=shared(f"reference/images_{side}.npz"),
            preprocess=str(preprocessing),
            mode="reference",  # type: ignore[arg-type]  # checked like a command line's
            bands=case.bands,
            reference_batch=case.batch,
            device="cpu",
        )
    )


@pytest.mark.shared
@pytest.mark.parametrize("case", GOLDENS)
def test_golden_numbers_of_the_authors(case: Golden, tmp_path: Path) -> None:
    """Importance and paper score are those of the authors' code, within 1e-5."""
    cases = json.loads(shared("reference/golden.json").read_text())["cases"]
    golden = cases[f"{case.model}/M{case.bands}/batch{case.batch}"]
    result = audit_golden(case, tmp_path)
    found = [band.importance for band in result.bands]
    np.testing.assert_allclose(found, golden["importance"], rtol=0, atol=1e-5)
    assert result.score.paper.value == pytest.approx(golden["score"], abs=1e-5)
