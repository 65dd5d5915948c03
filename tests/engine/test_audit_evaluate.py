"""Rows: what a model says of an image's coalitions, from the file to the log-probability."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnxruntime as ort
import pytest
from audit_material import (
    SIDE,
    ConvNet,
    TamperingWorker,
    assert_same_rows,
    audit_here,
    convnet_spec,
    events_here,
    photographs,
    save_images,
    save_npz,
    synthetic_spec,
)
from PIL import Image

from iaside_audit.auditing.outcome.assemble import image_profiles
from iaside_audit.choices import Estimator
from iaside_audit.classifier.synthetic import SyntheticClassifier, synthetic_classifiers
from iaside_audit.errors import ImageError, InferenceError
from iaside_audit.events import Finished, ImageFailed, Warned
from iaside_audit.images import decode_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from iaside_audit.result import AuditResult
    from iaside_audit.types import FloatMatrix

NATS = 1e-4
"""Rows of one specification agree so closely, whatever the batch and the threads."""


def shapley_of_images(result: AuditResult) -> FloatMatrix:
    """Return the Shapley values of every image."""
    estimator = Estimator(result.estimator.kind)
    return image_profiles(result.rows(), result.spec, estimator, labels_are_own=False).shapley


@pytest.mark.parametrize("estimator", ["exact", "permutation"])
@pytest.mark.parametrize("classifier", synthetic_classifiers(), ids=lambda one: one.name)
def test_rows_of_a_model_of_known_answer(
    tmp_path: Path, classifier: SyntheticClassifier, estimator: str
) -> None:
    """Every image has the Shapley values that the model's construction says."""
    result = audit_here(synthetic_spec(tmp_path, classifier, estimator=estimator))
    images = [decode_image(tmp_path / "images" / path) for path in result.rows().path]
    known = classifier.shapley(np.stack(images).transpose(0, 3, 1, 2) / 255)
    found = shapley_of_images(result)
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-4 * np.abs(known).max())
    assert np.abs(known).max() > 0.1, "there is something to find"


class Setting(NamedTuple):
    """One way to make the model's inputs."""

    name: str
    norm: str = "linf"
    frame: int | str = "input"
    range: str = "none"
    baseline: str = "zero"
    bands: int = 4


SETTINGS = [
    Setting("plain"),
    Setting("l2", norm="l2"),
    Setting("clip", range="clip"),
    Setting("mean", baseline="mean"),
    Setting("mean, clip", baseline="mean", range="clip"),
    Setting("larger frame", frame=48),
    Setting("smaller frame", frame=16),
    Setting("larger frame, l2, mean, clip", "l2", 48, "clip", "mean", 3),
    Setting("smaller odd frame, five bands", frame=21, bands=5),
]


def bands_of_frequencies(side: int, setting: Setting) -> NDArray[np.int64]:
    """Return the band of every coefficient of the full transform, one by one."""
    bands = np.empty((side, side), dtype=np.int64)
    m = setting.bands
    for row, column in np.ndindex(side, side):
        ky, kx = min(row, side - row), min(column, side - column)
        if setting.norm == "linf":
            band = 2 * m * max(ky, kx) // side
        else:
            band = math.isqrt(2 * m * m * (ky * ky + kx * kx) // (side * side))
        bands[row, column] = min(band, m - 1)
    return bands


def expected_inputs(
    spectra: NDArray[np.complex128], absent: NDArray[np.complex128], code: int, setting: Setting
) -> NDArray[np.float64]:
    """Return the images (n, 3, H, W) of one coalition, in image units at the input's size."""
    side = spectra.shape[-1]
    present = (code >> bands_of_frequencies(side, setting)) & 1
    images = np.fft.ifft2(np.where(present, spectra, absent)).real.astype(np.float32)
    resized = [
        [
            Image.fromarray(channel).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            for channel in one
        ]
        for one in images
    ]
    mixed = np.array([[np.asarray(channel) for channel in one] for one in resized])
    return np.clip(mixed, 0, 1) if setting.range == "clip" else mixed


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_rows_agree_with_the_text(tmp_path: Path, setting: Setting) -> None:
    """METHOD.md, sections 1 to 3, step by step in full float64 transforms, gives the same rows."""
    network = ConvNet()
    options = setting._asdict()
    del options["name"]
    result = audit_here(convnet_spec(tmp_path, network, estimator="exact", **options))
    rows = result.rows()

    side = setting.frame if isinstance(setting.frame, int) else SIDE
    files = [Image.open(tmp_path / "images" / path) for path in rows.path]
    pixels = [np.asarray(one.resize((side, side), Image.Resampling.BILINEAR)) for one in files]
    images = np.stack(pixels).transpose(0, 3, 1, 2) / 255
    spectra = np.fft.fft2(images)
    baseline = np.zeros_like(images)
    if setting.baseline == "mean":
        baseline += images.mean(axis=(0, 2, 3), keepdims=True)
    session = ort.InferenceSession(str(tmp_path / "model.onnx"))
    preprocessing = network.preprocessing()
    mean, std = (np.reshape(one, (3, 1, 1)) for one in (preprocessing.mean, preprocessing.std))
    for column, code in enumerate(rows.coalitions[0]):
        mixed = expected_inputs(spectra, np.fft.fft2(baseline), int(code), setting)
        inputs = ((mixed - mean) / std).astype(np.float32)
        scores = session.run(None, {"image": inputs})[0].astype(np.float64)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        here = np.arange(len(log_p)), rows.label
        np.testing.assert_allclose(rows.log_p[:, column], log_p[here], rtol=0, atol=NATS)
        log_p[here] = -np.inf
        np.testing.assert_allclose(rows.best_other[:, column], log_p.max(axis=1), rtol=0, atol=NATS)


class Twin(NamedTuple):
    """The same network in another dress."""

    name: str
    options: dict[str, Any]  # Any: fields of ConvNet
    atol: float = 0.0


TWINS = [
    Twin("NHWC", {"is_nhwc": True}),
    Twin("BGR", {"is_bgr": True}),
    Twin("softmax at the end", {"head": "softmax"}),
    Twin("probabilities", {"head": "probabilities"}, NATS),
    Twin("fixed batch of 1", {"batch": 1}, NATS),
    Twin("fixed batch of 5", {"batch": 5}, NATS),
]


@pytest.mark.parametrize("clipping", ["none", "clip"])
@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_rows_do_not_depend_on_the_dress_of_a_model(
    tmp_path: Path, twin: Twin, clipping: str
) -> None:
    """Axes, channel order, a final softmax or a fixed batch change the file, not the answer."""
    plain = audit_here(convnet_spec(tmp_path / "plain", range=clipping))
    dressed = audit_here(convnet_spec(tmp_path / "twin", ConvNet(**twin.options), range=clipping))
    assert_same_rows(dressed, plain, atol=twin.atol)


def test_channel_order_matters(tmp_path: Path) -> None:
    """A BGR network fed RGB gives other rows, so that the twins above prove something."""
    spec = convnet_spec(tmp_path / "plain")
    swapped = tmp_path / "swapped.toml"
    swapped.write_text(
        f'[preprocess]\nresize = {SIDE}\ncrop = {SIDE}\nchannel_order = "BGR"\n'
        "mean = [0.4, 0.5, 0.6]\nstd = [0.2, 0.25, 0.3]\n"
    )
    other = audit_here(convnet_spec(tmp_path / "plain", preprocess=str(swapped)))
    assert np.abs(other.rows().log_p - audit_here(spec).rows().log_p).max() > 0.1


def test_clip_changes_nothing_within_the_range(tmp_path: Path) -> None:
    """Where no mixture leaves [0, 1] clipping is without effect; elsewhere it has one."""
    images = tmp_path / "images"
    images.mkdir()
    for number, image in enumerate(photographs(5)):
        Image.fromarray(128 + (image // 16)).save(images / f"{number}.png")
    within = {
        one: audit_here(
            convnet_spec(tmp_path, range=one, baseline="mean", labels="self", max_images=5)
        )
        for one in ("none", "clip")
    }
    assert_same_rows(within["none"], within["clip"], atol=NATS)
    beyond = {
        one: audit_here(convnet_spec(tmp_path / "beyond", range=one)).rows().log_p
        for one in ("none", "clip")
    }
    assert np.abs(beyond["none"] - beyond["clip"]).max() > 0.01


def test_frame_of_the_input_size_is_the_default(tmp_path: Path) -> None:
    """`--frame N` with the model's own N is `--frame input`, to the bit."""
    framed = audit_here(convnet_spec(tmp_path, frame=SIDE))
    assert_same_rows(framed, audit_here(convnet_spec(tmp_path)))


@pytest.mark.parametrize("baseline", ["zero", "mean", "noise", "shuffle"])
def test_rows_repeat_with_the_seed(tmp_path: Path, baseline: str) -> None:
    """One seed gives one answer, to the bit; another seed draws other orders and baselines."""
    first, again, other = (
        audit_here(convnet_spec(tmp_path, baseline=baseline, seed=seed)) for seed in (3, 3, 4)
    )
    assert_same_rows(first, again)
    assert first.bands == again.bands
    assert (first.rows().coalitions != other.rows().coalitions).any()
    by_path = dict(zip(other.rows().path, other.rows().log_p[:, 0], strict=True))
    empty = [by_path[path] for path in first.rows().path]
    assert (baseline in {"zero", "mean"}) == np.array_equal(first.rows().log_p[:, 0], empty)


@pytest.mark.parametrize("baseline", ["zero", "mean", "noise", "shuffle"])
@pytest.mark.parametrize("estimator", ["exact", "permutation"])
def test_every_image_is_efficient(tmp_path: Path, baseline: str, estimator: str) -> None:
    """An image's Shapley values add up to its own v(all) - v(empty), in 1e-4 nats."""
    result = audit_here(convnet_spec(tmp_path, baseline=baseline, estimator=estimator))
    log_p = result.rows().log_p.astype(np.float64)
    sums = shapley_of_images(result).sum(axis=1)
    np.testing.assert_allclose(sums, log_p[:, 1] - log_p[:, 0], rtol=0, atol=NATS)
    assert result.values.efficiency_residual < NATS


def test_labels_of_the_model_itself_are_its_answers(tmp_path: Path) -> None:
    """With ``--labels self`` the label is the unfiltered image's class, and top-1 is undefined."""
    result = audit_here(convnet_spec(tmp_path, labels="self", n_images=12))
    rows = result.rows()
    np.testing.assert_array_equal(rows.label, rows.prediction)
    assert (rows.log_p[:, 1] >= rows.best_other[:, 1]).all()
    assert len(set(rows.label.tolist())) > 1, "the network tells these images apart"
    assert math.isnan(result.accuracy.top1)
    assert result.data.labels == "the model's own answers on the unfiltered images"


def test_a_prediction_is_that_of_the_grand_coalition(tmp_path: Path) -> None:
    """Top-1 counts the images whose label beats every other class with all bands present."""
    result = audit_here(convnet_spec(tmp_path, n_images=12))
    rows = result.rows()
    wins = rows.log_p[:, 1] > rows.best_other[:, 1]
    np.testing.assert_array_equal(rows.prediction == rows.label, wins)
    assert result.accuracy.top1 == wins.mean()


@pytest.mark.parametrize(
    "options", [{"batch": 1}, {"batch": 7}, {"batch": 64}, {"threads": 2}], ids=str
)
def test_rows_do_not_depend_on_batch_and_threads(tmp_path: Path, options: dict[str, Any]) -> None:
    """How the work is cut decides the last bits only."""
    plain = audit_here(convnet_spec(tmp_path, threads=1, n_images=12))
    cut = audit_here(convnet_spec(tmp_path, **({"threads": 1} | options)))
    assert_same_rows(cut, plain, atol=NATS)
    assert cut.runtime.batch <= options.get("batch", plain.runtime.batch)


def test_max_images_gives_a_prefix(tmp_path: Path) -> None:
    """The rows of the first K images are those of the whole audit, to the bit."""
    whole = audit_here(convnet_spec(tmp_path, n_images=9, batch=14)).rows()
    part = audit_here(convnet_spec(tmp_path, max_images=5, batch=14))
    assert part.data.n_available == 9
    assert part.rows().path == whole.path[:5]
    np.testing.assert_array_equal(part.rows().log_p, whole.log_p[:5])


def test_rows_do_not_depend_on_names_and_places(tmp_path: Path) -> None:
    """Images are known by their content: other names, another order or an array change no bit."""
    plain = audit_here(convnet_spec(tmp_path / "plain", n_images=10))
    names = [f"{7 * number % 10}-renamed.png" for number in range(10)]
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for number, name in reversed(list(enumerate(names))):
        shutil.copy(tmp_path / "plain" / "images" / f"{number:03}.png", renamed / name)
    lines = [f"{name},{number % 5}" for number, name in enumerate(names)]
    (renamed / "labels.csv").write_text("\n".join(["path,label", *sorted(lines)]) + "\n")
    array = save_npz(tmp_path / "images.npz", 10)
    for images in (renamed, array):
        other = audit_here(convnet_spec(tmp_path / "plain", images=images))
        assert_same_rows(other, plain)
        assert other.bands == plain.bands


def test_a_failed_image_leaves_a_hole(tmp_path: Path) -> None:
    """Images lost after indexing are named, and no bit of the other rows changes."""
    spec = convnet_spec(tmp_path, n_images=8, batch=14)
    whole = audit_here(spec)
    assert whole.runtime.lease_images == 2, "the lost images share leases with others"
    lost = [whole.rows().path[1], whole.rows().path[4]]

    def tamper() -> None:
        (tmp_path / "images" / lost[0]).write_bytes(b"no image any more")
        Image.fromarray(photographs(1, seed=9)[0]).save(tmp_path / "images" / lost[1])

    *events, last = events_here(spec, start_worker=lambda: TamperingWorker(tamper))
    assert isinstance(last, Finished)
    failed = [event for event in events if isinstance(event, ImageFailed)]
    assert [event.path for event in failed] == lost
    assert "found text" in failed[0].reason
    assert "the image that was indexed" in failed[1].reason
    result = last.result
    assert (result.data.n_failed, result.data.n_images) == (2, 6)
    assert [one.path for one in result.data.failed] == lost
    (said,) = (one.message for one in result.warnings if one.code == "images_failed")
    assert said.startswith(
        "2 of 8 images could not be used and were left out of every number. The first: Expected"
    )
    assert [event.message for event in events if isinstance(event, Warned)].count(said) == 1
    kept = [path not in lost for path in whole.rows().path]
    np.testing.assert_array_equal(result.rows().log_p, whole.rows().log_p[kept])
    np.testing.assert_array_equal(result.rows().best_other, whole.rows().best_other[kept])


def test_a_damaged_image_is_counted_and_named(tmp_path: Path) -> None:
    """An image that cannot be read is left out before the audit, with a warning."""
    spec = convnet_spec(tmp_path, n_images=6)
    broken = tmp_path / "images" / "002.png"
    broken.write_bytes(broken.read_bytes()[:200])
    *events, last = events_here(spec)
    assert isinstance(last, Finished)
    assert [event.path for event in events if isinstance(event, ImageFailed)] == ["002.png"]
    assert (last.result.data.n_failed, last.result.data.n_images) == (1, 5)
    assert [one.code for one in last.result.warnings].count("images_failed") == 1
    assert [event.code for event in events if isinstance(event, Warned)].count("images_failed") == 1


def test_a_value_that_is_not_finite_gives_the_image_up(tmp_path: Path) -> None:
    """The image and the first faulty coalition are named; the others have their rows."""
    images = save_images(tmp_path / "images", 6, n_classes=5)
    Image.fromarray(np.zeros((SIDE, SIDE, 3), dtype=np.uint8)).save(images / "003.png")
    network = ConvNet(fails_below=-1.9)
    result = audit_here(convnet_spec(tmp_path, network, baseline="noise", estimator="exact"))
    assert [one.path for one in result.data.failed] == ["003.png"]
    assert "not finite with bands 0, 1, 2, 3 present" in result.data.failed[0].reason
    assert result.data.n_images == 5


def test_a_model_that_standardises_needs_another_baseline(tmp_path: Path) -> None:
    """0 / 0 on the empty coalition ends the audit with that explanation; noise works."""
    network = ConvNet(standardises=True)
    with pytest.raises(InferenceError, match=r"divide 0 by 0.*--baseline noise"):
        audit_here(convnet_spec(tmp_path, network))
    assert audit_here(convnet_spec(tmp_path, network, baseline="noise")).data.n_failed == 0


def test_an_audit_without_rows_explains_why(tmp_path: Path) -> None:
    """Where every image fails, the most common reason is in the error."""
    preprocessing = tmp_path / "large.toml"
    preprocessing.write_text("[preprocess]\nresize = 0\ncrop = 40\n")
    spec = convnet_spec(tmp_path, ConvNet(side=40), preprocess=str(preprocessing))
    save_images(tmp_path / "small", 4)
    small = convnet_spec(tmp_path, images=tmp_path / "small", preprocess=spec.preprocess)
    reason = r"all 4 failed: Expected at least 40 x 40 px.* crop\. Check the images"
    with pytest.raises(ImageError, match=reason):
        audit_here(small)


@pytest.mark.parametrize("baseline", ["zero", "mean", "noise"])
def test_an_image_too_small_to_crop_is_left_out(tmp_path: Path, baseline: str) -> None:
    """One image that the preprocessing cannot crop costs itself, and not the audit."""
    images = save_images(tmp_path / "images", 6, n_classes=5)
    Image.fromarray(photographs(1, side=24)[0]).save(images / "003.png")
    preprocessing = tmp_path / "crop.toml"
    preprocessing.write_text(f"[preprocess]\nresize = 0\ncrop = {SIDE}\n")
    result = audit_here(convnet_spec(tmp_path, preprocess=str(preprocessing), baseline=baseline))
    assert [one.path for one in result.data.failed] == ["003.png"]
    assert result.data.n_images == 5


def test_floored_probabilities_are_counted(tmp_path: Path) -> None:
    """Probabilities too small to tell from 0 are raised, counted and warned of."""
    network = ConvNet(head="probabilities", gain=10.0)
    result = audit_here(convnet_spec(tmp_path, network))
    floor = np.log(np.float32(1e-12))
    floored = np.isclose(result.rows().log_p, floor)
    assert 0 < result.values.floored_share == floored.mean()
    assert "floored" in {one.code for one in result.warnings}
    assert np.isclose(result.rows().log_p.min(), floor)
