"""A session gives the log-probabilities of the model's own classes, whatever its output holds."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models_for_tests import (
    HEADS,
    N_CLASSES,
    SIDE,
    images_for,
    logits_of,
    open_classifier,
    save,
    save_with_external_data,
    small_model,
)
from onnx import TensorProto
from scipy.special import log_softmax, softmax
from shared_material import shared

from iaside_audit.classifier import runtime_session
from iaside_audit.classifier.providers import has_nvidia_driver
from iaside_audit.classifier.session import LEAST_PROBABILITY, OutputKind
from iaside_audit.errors import InferenceError, ModelError, SignatureError, SpecError

if TYPE_CHECKING:
    from pathlib import Path

UNDERFLOW_GAIN = 60.0
"""With this gain some probabilities are below the smallest float32."""
HALF = {"element_type": TensorProto.FLOAT16}


class Case(NamedTuple):
    """A classifier whose log-probabilities are known from its logits."""

    name: str
    head: str
    options: dict[str, Any]
    kind: OutputKind


EXACT = [
    Case("logits", "logits", {}, OutputKind.LOGITS),
    Case("4-D logits", "4-D logits", {}, OutputKind.LOGITS),
    Case("NHWC", "logits", {"layout": "NHWC"}, OutputKind.LOGITS),
    Case("free size", "logits", {"size": ("H", "W")}, OutputKind.LOGITS),
    Case("grey", "softmax", {"n_channels": 1}, OutputKind.SOFTMAX_INPUT),
    Case("fixed batch", "softmax", {"batch": 6}, OutputKind.SOFTMAX_INPUT),
    *(
        Case(f"{head}, opset {opset}", head, {"opset": opset}, OutputKind.SOFTMAX_INPUT)
        for head in (
            "softmax",
            "softmax of the last axis",
            "softmax of the default axis",
            "softmax, then identity",
            "softmax, then cast",
        )
        for opset in (11, 13, 17)
    ),
    Case("4-D softmax", "4-D softmax", {}, OutputKind.SOFTMAX_INPUT),
    Case("log-softmax", "log-softmax", {}, OutputKind.LOG_PROBABILITIES),
    Case("decomposed softmax", "decomposed softmax", {}, OutputKind.PROBABILITIES),
    Case("standardising", "softmax", {"standardises": True}, OutputKind.SOFTMAX_INPUT),
]


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.name)
def test_classifier_gives_the_log_softmax_of_the_logits(case: Case, tmp_path: Path) -> None:
    """Every head gives the float64 log-softmax of the known logits, to 1e-6."""
    path = save(small_model(case.head, **case.options), tmp_path / "m.onnx")
    with open_classifier(path) as classifier:
        images = images_for(classifier)
        found = classifier(images)
        assert classifier.kind == case.kind
        assert classifier.n_classes == N_CLASSES
    if case.options.get("standardises"):
        images -= images.mean(axis=(1, 2, 3), keepdims=True)
        images /= np.sqrt(np.square(images).sum(axis=(1, 2, 3), keepdims=True))
    layout = case.options.get("layout", "NCHW")
    expected = log_softmax(logits_of(images, layout=layout), axis=1)
    assert found.values.dtype == np.float64
    np.testing.assert_allclose(found.values, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("head", ["softmax", "4-D softmax", "softmax, then identity"])
def test_classifier_sees_below_the_smallest_probability(head: str, tmp_path: Path) -> None:
    """Behind a Softmax the logits are read, so a probability that underflows floors nothing."""
    path = save(small_model(head, gain=UNDERFLOW_GAIN), tmp_path / "m.onnx")
    with open_classifier(path) as classifier:
        images = images_for(classifier)
        found = classifier(images)
    expected = log_softmax(logits_of(images, gain=UNDERFLOW_GAIN), axis=1)
    assert expected.min() < np.log(np.finfo(np.float32).tiny)
    assert found.is_floored is None
    np.testing.assert_allclose(found.values, expected, rtol=1e-6, atol=1e-6)


def test_classifier_reads_logits_beside_external_data(tmp_path: Path) -> None:
    """External data hide nothing: the logits before the Softmax are read all the same."""
    model = small_model("softmax", gain=UNDERFLOW_GAIN)
    path = save_with_external_data(model, tmp_path / "m.onnx")
    with open_classifier(path) as classifier:
        assert classifier.kind == OutputKind.SOFTMAX_INPUT
        images = images_for(classifier)
        expected = log_softmax(logits_of(images, gain=UNDERFLOW_GAIN), axis=1)
        np.testing.assert_allclose(classifier(images).values, expected, rtol=1e-6, atol=1e-6)


def test_classifier_refuses_external_data_outside_its_folder(tmp_path: Path) -> None:
    """A model that reaches for files elsewhere is refused, with and without a Softmax."""
    (tmp_path / "inner").mkdir()
    for head in ("logits", "softmax"):
        model = small_model(head)
        path = save_with_external_data(model, tmp_path / "inner" / f"{head}.onnx")
        (tmp_path / "inner" / "weights.bin").replace(tmp_path / "weights.bin")
        path.write_bytes(path.read_bytes().replace(b"\x0bweights.bin", b"\x0b../weights."))
        (tmp_path / "weights.").write_bytes((tmp_path / "weights.bin").read_bytes())
        with pytest.raises(ModelError, match="escapes model directory"):
            open_classifier(path)


def test_classifier_floors_and_counts_probabilities_without_a_softmax(tmp_path: Path) -> None:
    """Probabilities of unknown making are raised to the least one, exactly where they lay below."""
    gain = 10.0
    path = save(small_model("decomposed softmax", gain=gain), tmp_path / "m.onnx")
    with open_classifier(path) as classifier:
        images = images_for(classifier)
        found = classifier(images)
        assert classifier.kind == OutputKind.PROBABILITIES
    expected = softmax(logits_of(images, gain=gain), axis=1)
    assert found.is_floored is not None
    np.testing.assert_array_equal(found.is_floored, expected < LEAST_PROBABILITY)
    assert 0 < found.is_floored.sum() < found.is_floored.size
    np.testing.assert_allclose(
        found.values, np.log(np.maximum(expected, LEAST_PROBABILITY)), rtol=0, atol=1e-3
    )
    assert found.values.min() == np.log(LEAST_PROBABILITY)


def test_classifier_floors_float16_at_its_smallest_normal_number(tmp_path: Path) -> None:
    """float16 probabilities are floored at 2**-14, below which they lose their digits."""
    path = save(small_model("decomposed softmax", gain=3.0, **HALF), tmp_path / "m.onnx")
    with open_classifier(path) as classifier:
        found = classifier(images_for(classifier))
    assert found.is_floored is not None
    assert found.is_floored.any()
    assert found.values.min() == np.log(2.0**-14)


@pytest.mark.parametrize("output_type", [None, TensorProto.FLOAT], ids=["half out", "cast"])
@pytest.mark.parametrize("gain", [1.0, 8.0])
def test_classifier_reads_logits_of_half_precision(
    gain: float, output_type: int | None, tmp_path: Path
) -> None:
    """In float16 too the logits are read, however sharp the model, whatever its output type."""
    head = "softmax" if output_type is None else "softmax, then cast"
    model = small_model(head, gain=gain, output_type=output_type, **HALF)
    with open_classifier(save(model, tmp_path / "m.onnx")) as classifier:
        images = images_for(classifier)
        found = classifier(images)
        assert classifier.kind == OutputKind.SOFTMAX_INPUT
    logits = logits_of(images, gain=gain)
    expected = log_softmax(logits, axis=1)
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=4e-3 * np.abs(logits).max())


def test_classifier_is_idempotent_on_log_probabilities(tmp_path: Path) -> None:
    """A LogSoftmax output passes through unchanged, to float32's rounding."""
    path = save(small_model("log-softmax"), tmp_path / "m.onnx")
    with open_classifier(path) as classifier:
        images = images_for(classifier)
        raw = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
            None, {"image": images}
        )[0]
        np.testing.assert_allclose(classifier(images).values, raw, rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    gain=st.floats(0.01, 200),
    head=st.sampled_from(["logits", "softmax", "4-D softmax", "log-softmax"]),
    seed=st.integers(0, 99),
)
def test_classifier_probabilities_add_up_to_one(
    tmp_path_factory: pytest.TempPathFactory, gain: float, head: str, seed: int
) -> None:
    """Log-probabilities are never positive, and their exponentials add up to 1, at any gain."""
    path = save(small_model(head, gain=gain), tmp_path_factory.mktemp("m") / "m.onnx")
    with open_classifier(path) as classifier:
        values = classifier(images_for(classifier, 2, seed=seed)).values
    assert np.all(values <= 0)
    np.testing.assert_allclose(np.exp(values).sum(axis=1), 1, rtol=0, atol=1e-9)


def test_classifier_slices_rows_with_their_floors(tmp_path: Path) -> None:
    """Some rows of a batch keep their own floor marks."""
    path = save(small_model("decomposed softmax", gain=10.0), tmp_path / "m.onnx")
    with open_classifier(path) as classifier:
        found = classifier(images_for(classifier))
    part = found[2:4]
    assert found.is_floored is not None
    assert part.is_floored is not None
    np.testing.assert_array_equal(part.values, found.values[2:4])
    np.testing.assert_array_equal(part.is_floored, found.is_floored[2:4])


@pytest.mark.parametrize("head", HEADS)
def test_classifier_never_changes_the_file(head: str, tmp_path: Path) -> None:
    """Not one byte of the model's folder changes, whether the model is accepted or refused."""
    path = save_with_external_data(small_model(head), tmp_path / "m.onnx")

    def digests() -> dict[str, str]:
        return {
            one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in tmp_path.iterdir()
        }

    before = digests()
    try:
        with open_classifier(path) as classifier:
            classifier(images_for(classifier))
    except ModelError:
        pass
    assert digests() == before


def test_classifier_takes_its_input_in_the_models_layout(tmp_path: Path) -> None:
    """The shape of one input follows the layout, and the size given where the graph leaves it."""
    options: dict[str, Any] = {"size": ("H", "W"), "layout": "NHWC"}
    path = save(small_model(**options), tmp_path / "m.onnx")
    with open_classifier(path, size=(6, 10)) as classifier:
        assert classifier.input_shape == (6, 10, 3)
        assert classifier.threads == 1
        assert classifier.provider == "CPUExecutionProvider"


def test_classifier_gives_the_authors_logits(tmp_path: Path) -> None:
    """As the authors' code sees it: raw logits, or the floored logarithm of probabilities."""
    for head in ("logits", "softmax", "decomposed softmax"):
        path = save(small_model(head, gain=10.0), tmp_path / "m.onnx")
        with open_classifier(path) as classifier:
            images = images_for(classifier)
            found = classifier.logits(images, least=1e-30)
        logits = logits_of(images, gain=10.0)
        expected = logits if head == "logits" else log_softmax(logits, axis=1)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.maximum(expected, np.log(1e-30)), rtol=1e-4, atol=1e-4)


def test_classifier_returns_nan_where_the_model_does(tmp_path: Path) -> None:
    """A model that standardises its input has no answer for a constant image, and says NaN."""
    path = save(small_model("softmax", standardises=True), tmp_path / "m.onnx")
    with open_classifier(path) as classifier:
        images = images_for(classifier, 2)
        images[1] = 0.5
        values = classifier(images).values
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()


class Refusal(NamedTuple):
    """A model that opens as a file and is refused as a classifier."""

    name: str
    head: str
    options: dict[str, Any]
    error: type[Exception]
    match: str


REFUSALS = [
    Refusal(
        "sigmoid",
        "sigmoid",
        {},
        SignatureError,
        r"exclude each other, found a final Sigmoid .*'scores'\. Choose a single-label classifier",
    ),
    Refusal(
        "decomposed sigmoid",
        "decomposed sigmoid",
        {},
        SignatureError,
        r"found scores within 0\.\.1 that add up to .*'scores'\. Export the logits instead",
    ),
    Refusal(
        "background cut off",
        "softmax, then cut",
        {"output_shape": ["N", N_CLASSES - 1]},
        SignatureError,
        r"found scores within 0\.\.1 that add up to .*classes cut off.*Export the logits instead",
    ),
    Refusal(
        "one class",
        "softmax",
        {"n_classes": 1, "output_shape": ["N", "K"]},
        SignatureError,
        r"Expected scores of several classes, found 1\. Export the model with",
    ),
    Refusal(
        "other classes than declared",
        "logits",
        {"output_shape": ["N", 7]},
        SignatureError,
        r"Expected scores of 7 classes, found 5\. Export the model with",
    ),
    Refusal(
        "mean over the batch",
        "mean over the batch",
        {},
        InferenceError,
        r"Expected 4 rows of class scores, found an output of shape \(1, 5\)\. The model's batch",
    ),
    Refusal(
        "classes first",
        "classes first",
        {"output_shape": ["K", "N"]},
        InferenceError,
        r"Expected 4 rows of class scores, found an output of shape \(5, 4\)",
    ),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_classifier_refuses(case: Refusal, tmp_path: Path) -> None:
    """What is no single-label classifier is refused with expected, found and next step."""
    path = save(small_model(case.head, **case.options), tmp_path / "m.onnx")
    with pytest.raises(case.error, match=case.match):
        open_classifier(path)


def test_classifier_names_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    """What ONNX Runtime refuses is one error with its reason, the file and the next step."""
    model = small_model()
    model.graph.node[0].op_type = "NoSuchOperator"
    path = save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"'m\.onnx': .*NoSuchOperator.*export is complete"):
        open_classifier(path)


def test_classifier_names_a_missing_external_file(tmp_path: Path) -> None:
    """A model whose weights were left behind says so."""
    path = save_with_external_data(small_model(), tmp_path / "m.onnx")
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"can load, found 'm\.onnx': .*weights"):
        open_classifier(path)


@pytest.mark.parametrize("shape", [(2, 3, SIDE + 1, SIDE), (2, 1, SIDE, SIDE)], ids=str)
def test_classifier_names_the_shape_that_fails(shape: tuple[int, ...], tmp_path: Path) -> None:
    """A batch that the model does not take is one error with its shape and a next step."""
    path = save(small_model(batch=2), tmp_path / "m.onnx")
    with (
        open_classifier(path) as classifier,
        pytest.raises(InferenceError, match=r"batch of shape \(.*Try a smaller --batch") as caught,
    ):
        classifier(np.zeros(shape, np.float32))
    assert str(shape) in caught.value.message


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_classifier_never_falls_back_from_cuda(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA that was asked for and failed to start is an error, never a session on the CPU."""
    path = save(small_model(), tmp_path / "m.onnx")
    cpu = [("CPUExecutionProvider", {})]
    monkeypatch.setattr(runtime_session, "providers_for", lambda *_: cpu)
    with pytest.raises(SpecError, match=rf"--device {device}, found a session on CPU.*nvidia-smi"):
        open_classifier(path, device=device)


@pytest.mark.skipif(has_nvidia_driver(), reason="this machine has an NVIDIA driver")
def test_classifier_refuses_cuda_on_a_machine_without(tmp_path: Path) -> None:
    """Where there is no CUDA, asking for it is an error, and auto runs on the CPU."""
    path = save(small_model(), tmp_path / "m.onnx")
    with pytest.raises(SpecError, match="Expected the CUDA provider for --device cuda"):
        open_classifier(path, device="cuda")
    with open_classifier(path, device="auto") as classifier:
        assert classifier.provider == "CPUExecutionProvider"


@pytest.mark.shared
def test_classifier_exposes_the_softmax_input_of_a_real_half_precision_model() -> None:
    """The float16 SqueezeNet with a batch of one is read through its logits."""
    path = shared("hard/squeezenet11_float16_batch1.onnx")
    with open_classifier(path, size=(224, 224)) as classifier:
        assert classifier.kind == OutputKind.SOFTMAX_INPUT
        assert classifier.n_classes == 1000
        assert classifier(images_for(classifier, 1)).values.shape == (1, 1000)
