"""A model is audited in every form of input, output, batch, version and storage."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import models_of_every_form as forms
import numpy as np
import onnx
import pytest
from audit_material import SIDE, audit_here, save_images
from models_for_tests import save_with_external_data, small_model
from PIL import Image

from iaside_audit.choices import Norm, Spacing
from iaside_audit.classifier import safety
from iaside_audit.classifier.runtime_session import Batching
from iaside_audit.errors import ModelError, SignatureError
from iaside_audit.images import prepare
from iaside_audit.preprocessing import ChannelOrder, Preprocessing
from iaside_audit.spec import AuditSpec
from iaside_audit.spectrum import decompose, make_partition

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult


def audit_of(model: onnx.ModelProto, folder: Path, **options: object) -> AuditResult:
    """Audit a model on the same few images, in this process."""
    path = folder / "model.onnx"
    onnx.save(model, str(path))
    return audited(path, **options)


def audited(path: Path, **options: object) -> AuditResult:
    """Audit a model file on the images beside it."""
    images = path.parent / "images"
    if not images.exists():
        save_images(images, 4, n_classes=forms.NETWORK.n_classes)
    fixed = {"model": path, "images": images, "bands": 4, "estimator": "exact", "device": "cpu"}
    return audit_here(AuditSpec(**(fixed | options)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    """Audit the network in its plainest form: NCHW, float32, logits, free batch."""
    return audit_of(forms.NETWORK.model(), tmp_path_factory.mktemp("plain"))


def largest_difference(one: AuditResult, other: AuditResult) -> float:
    """Return the largest difference of two audits' log-probabilities, in nats."""
    first, second = one.rows(), other.rows()
    assert first.image_id == second.image_id
    return float(np.abs(first.log_p - second.log_p).max())


@pytest.mark.parametrize("form", forms.FORMS)
def test_every_form_is_the_same_model(form: str, plain: AuditResult, tmp_path: Path) -> None:
    """However a network is exported, its audit gives the rows of the plain one."""
    make, tolerance = forms.FORMS[form]
    result = audit_of(make(), tmp_path)
    assert largest_difference(result, plain) < tolerance
    if tolerance > 0.01:  # it is not the plain one
        assert largest_difference(result, plain) > 0


def test_bytes_lose_what_the_warning_says(plain: AuditResult, tmp_path: Path) -> None:
    """A uint8 input is fed whole numbers within 0..255; the loss is told, and bounded."""
    result = audit_of(forms.of_bytes(), tmp_path)
    assert "uint8_input" in {one.code for one in result.warnings}
    assert result.model.input.dtype == "uint8"
    difference = np.abs(result.rows().log_p - plain.rows().log_p)
    is_whole = result.rows().coalitions == 2 ** len(result.bands) - 1
    assert difference[is_whole].max() < 1e-4  # the image itself is bytes
    assert 1e-3 < difference[~is_whole].max() < 2.0


def test_the_loss_of_bytes_is_measured(tmp_path: Path) -> None:
    """The warning's two numbers are those of mixtures made another way, band by band."""
    result = audit_of(forms.of_bytes(), tmp_path)
    (said,) = [one.message for one in result.warnings if one.code == "uint8_input"]
    found = re.search(r"On (\d+) images (\S+)% of the pixels .* by (\S+) of 255", said)
    assert found is not None
    rows = result.rows()
    losses, clipped = [], []
    for path, codes in list(zip(rows.path, rows.coalitions, strict=True))[: int(found[1])]:
        with Image.open(Path(result.spec.images) / path) as file:
            image = prepare(np.asarray(file.convert("RGB")), result.model.preprocessing)
        partition = make_partition(
            height=image.shape[1],
            width=image.shape[2],
            n_bands=len(result.bands),
            norm=Norm.LINF,
            spacing=Spacing.UNIFORM,
        )
        bands = decompose(image, partition)
        for code in codes:
            mixed = 255 * sum(bands[band] for band in range(len(bands)) if code >> band & 1)
            mixed = mixed * np.ones_like(image)
            losses.append(mixed - np.clip(np.round(mixed), 0, 255))
            clipped.append((mixed < -1e-3) | (mixed > 255 + 1e-3))
    assert float(found[3]) == pytest.approx(np.sqrt(np.mean(np.square(losses))), abs=0.06)
    assert float(found[2]) == pytest.approx(100 * np.mean(clipped), abs=0.5)


def test_one_of_several_outputs_is_named(plain: AuditResult, tmp_path: Path) -> None:
    """Several outputs are refused with their names, and audited once one is chosen."""
    with pytest.raises(SignatureError, match=r"features: .*scores: .*--output NAME"):
        audit_of(forms.several_outputs(), tmp_path)
    result = audited(tmp_path / "model.onnx", output="scores")
    assert largest_difference(result, plain) < 1e-6
    with pytest.raises(SignatureError, match="output 'nonsense'"):
        audited(tmp_path / "model.onnx", output="nonsense")


def test_independent_labels_are_refused(tmp_path: Path) -> None:
    """A final Sigmoid has no distribution over classes; the refusal says so, and what to choose."""
    with pytest.raises(SignatureError, match=r"final Sigmoid.*Choose a single-label classifier"):
        audit_of(forms.ended_by("Sigmoid"), tmp_path)


def test_grey_model_takes_grey_images(tmp_path: Path) -> None:
    """One channel is audited too; a grey image scores as its mean says."""
    preprocessing = Preprocessing(
        resize=SIDE, crop=SIDE, channel_order=ChannelOrder.GREY, mean=(0.5,), std=(0.25,)
    )
    model = forms.named(small_model(n_channels=1, size=(SIDE, SIDE)), preprocessing)
    result = audit_of(model, tmp_path)
    assert result.model.input.channel_order == "L"
    assert result.data.n_images == 4


@pytest.mark.parametrize(("n_classes", "shift"), [(1000, 0), (1001, 1)])
def test_background_class_moves_labels_up(n_classes: int, shift: int, tmp_path: Path) -> None:
    """With 1001 outputs the classes of ImageNet start at 1, whatever the labels say of it."""
    wnids = ["n01440764", "n01443537", "n15075141"]  # classes 0, 1 and 999
    save_images(tmp_path / "flat", 3)
    for number, wnid in enumerate(wnids):
        (tmp_path / "images" / wnid).mkdir(parents=True)
        (tmp_path / "flat" / f"{number:03}.png").rename(tmp_path / "images" / wnid / "a.png")
    model = small_model(n_classes=n_classes, size=(SIDE, SIDE))
    result = audit_of(forms.named(model, Preprocessing(resize=SIDE, crop=SIDE)), tmp_path)
    assert sorted(result.rows().label) == [shift, 1 + shift, 999 + shift]


def test_free_size_follows_the_preprocessing(tmp_path: Path) -> None:
    """A model of any size is audited at the one that is said, its bands at that of --frame."""
    model = forms.named(forms.free_size(), Preprocessing(resize=48, crop=48))
    result = audit_of(model, tmp_path, frame=24)
    assert result.model.preprocessing.crop_size == (48, 48)
    assert result.spec.frame == 24
    assert largest_difference(audited(tmp_path / "model.onnx"), result) > 0


def test_external_data_are_read_and_count_towards_the_identity(
    plain: AuditResult, tmp_path: Path
) -> None:
    """Weights beside the file give the same rows; the file's hash stays its own."""
    path = save_with_external_data(forms.NETWORK.model(), tmp_path / "model.onnx")
    before = path.read_bytes()
    result = audited(path)
    assert largest_difference(result, plain) == 0
    assert result.model.sha256 == hashlib.sha256(before).hexdigest()
    assert result.model.identity != result.model.sha256
    assert path.read_bytes() == before


def test_more_than_a_file_can_hold_is_read_from_beside_it(
    plain: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What protobuf's 2 GiB (here: less) cannot hold is audited with its weights beside it."""
    model = forms.ended_by("Softmax", axis=1)  # the softmax's input is read: the graph is edited
    monkeypatch.setattr(safety, "PROTOBUF_BYTES", model.ByteSize() - 1000)
    with pytest.raises(ModelError, match=r"at most .* bytes.*weights as external data"):
        audit_of(model, tmp_path)
    (tmp_path / "model.onnx").unlink()
    path = save_with_external_data(model, tmp_path / "model.onnx")
    assert largest_difference(audited(path), plain) < 1e-5


@pytest.mark.parametrize("operator", ["ReduceMean", "CumSum", "Softmax"])
def test_model_that_would_mix_images_keeps_its_batch(
    operator: str, plain: AuditResult, tmp_path: Path
) -> None:
    """Where no rewrite is proven equal, the model runs image by image, on several threads."""
    result = audit_of(forms.mixing_its_batch(operator), tmp_path, threads=2)
    assert result.runtime.checks.batching == Batching.FIXED
    assert result.runtime.threads == 2
    assert largest_difference(result, plain) < 1e-4


@pytest.mark.parametrize("batch", [1, 3])
def test_fixed_batch_is_freed_and_the_file_left_alone(batch: int, tmp_path: Path) -> None:
    """The result tells of the rewrite; hash and file are as they were."""
    onnx.save(forms.fixed_batch(batch), str(tmp_path / "model.onnx"))
    before = (tmp_path / "model.onnx").read_bytes()
    result = audited(tmp_path / "model.onnx")
    assert result.runtime.checks.batching == Batching.REWRITTEN
    assert result.model.sha256 == hashlib.sha256(before).hexdigest()
    assert (tmp_path / "model.onnx").read_bytes() == before
