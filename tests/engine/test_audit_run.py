"""Whole audits by worker processes: repeatable, isolated, and ended in good order."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from audit_material import (
    ConvNet,
    assert_same_rows,
    audit_here,
    convnet_spec,
    save_images,
    save_npz,
    synthetic_spec,
    worker_processes,
)
from onnx import helper, numpy_helper

import iaside_audit as ia
from iaside_audit.auditing.leases import LeaseRun
from iaside_audit.auditing.run import audit, run_audit
from iaside_audit.classifier.providers import has_nvidia_driver
from iaside_audit.classifier.synthetic import one_band_classifier
from iaside_audit.errors import (
    ImageError,
    InferenceError,
    ModelError,
    ModelNotFoundError,
    SignatureError,
    SpecError,
)
from iaside_audit.events import AuditCancelled, Cancelled, Control, ImageDone, Planned, Preparing
from iaside_audit.result import results_agree

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from iaside_audit.auditing.workers import ProcessWorker
    from iaside_audit.events import Event
    from iaside_audit.rows import ValueRow
    from iaside_audit.spec import AuditSpec

ANSWER_S = 1.0
"""How long cancelling may take."""


@pytest.fixture
def workers() -> Iterator[list[ProcessWorker]]:
    """Collect the worker processes that a test starts; all must have ended with it."""
    with worker_processes() as started:
        yield started
    assert started
    assert not [one for one in threading.enumerate() if one.name == "audit supervisor"]


def long_spec(folder: Path) -> AuditSpec:
    """Specify an audit of half a minute: 256 evaluations of each of many images."""
    images = save_npz(folder / "images.npz", 2000)
    return convnet_spec(folder, images=images, bands=8, estimator="exact", threads=1)


def test_an_audit_repeats_to_the_bit(tmp_path: Path) -> None:
    """Two runs in processes of their own agree in all but date and runtime; one here nearly."""
    spec = convnet_spec(tmp_path, n_images=12, baseline="noise")
    first, second, here = audit(spec), audit(spec), audit_here(spec)
    assert results_agree(first, second)
    assert_same_rows(first, second)
    assert_same_rows(first, here, atol=1e-4)


def test_a_worker_process_finds_the_known_answer(tmp_path: Path) -> None:
    """Across the process boundary all of phi lies on the band that the model reads."""
    result = audit(synthetic_spec(tmp_path, one_band_classifier(1), baseline="mean"))
    magnitudes = [abs(band.shapley) for band in result.bands]
    assert magnitudes[1] > 1e4 * max(magnitudes[0], *magnitudes[2:])


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    """A plain script runs once, and prints what it prints once."""
    spec = convnet_spec(tmp_path)
    script = tmp_path / "script.py"
    script.write_text(
        "import iaside_audit as ia\n"
        f"spec = ia.AuditSpec(model={str(spec.model)!r}, images={str(spec.images)!r}, bands=4)\n"
        "print(len(ia.audit(spec).rows()))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "6\n", "")


def test_public_names_are_the_functions(tmp_path: Path) -> None:
    """`ia.audit` and `ia.run_audit` are callable, also after the engine has been imported."""
    spec = convnet_spec(tmp_path)
    *_, last = ia.run_audit(spec)
    assert isinstance(last, ia.Finished)
    assert ia.audit is audit
    assert ia.run_audit is run_audit


def test_cancelling_is_answered_within_a_second(
    tmp_path: Path, workers: list[ProcessWorker]
) -> None:
    """Between leases cancelling gives the result so far."""
    control = Control()
    started = 0.0
    last: Event | None = None
    for event in run_audit(long_spec(tmp_path), control):
        last = event
        if isinstance(event, ImageDone) and event.n_done == 3:
            control.cancel()
            started = time.monotonic()
    assert time.monotonic() - started < ANSWER_S
    assert isinstance(last, Cancelled)
    assert last.partial is not None
    assert last.partial.data.n_images >= 3
    assert len(workers) == 1


def cancel_after_planning(spec: AuditSpec, pause_s: float) -> None:
    """Cancel an audit so long after its plan; it ends at once, and with nothing."""
    control = Control()
    started = 0.0
    last: Event | None = None
    for event in run_audit(spec, control):
        last = event
        if isinstance(event, Planned):
            time.sleep(pause_s)
            control.cancel()
            started = time.monotonic()
    assert time.monotonic() - started < ANSWER_S
    assert last == Cancelled(partial=None)


def test_cancelling_does_not_wait_for_a_lease(tmp_path: Path, workers: list[ProcessWorker]) -> None:
    """A worker in the middle of many evaluations is ended with the audit."""
    spec = convnet_spec(
        tmp_path, ConvNet(side=64), n_images=2, bands=14, estimator="exact", threads=1
    )
    cancel_after_planning(spec, 0.3)  # the lease has begun
    assert workers


def slow_model() -> onnx.ModelProto:
    """Return a model of which one node takes seconds for a large batch."""
    model = ConvNet(n_classes=64).model()
    kernels = np.random.default_rng(0).normal(0, 0.01, (192, 192, 9, 9)).astype(np.float32)
    wide = helper.make_node("Concat", ["maps"] * 12, ["wide"], axis=1)
    conv = helper.make_node("Conv", ["wide", "slow_kernels"], ["slow_maps"], pads=[4] * 4)
    first = next(place for place, node in enumerate(model.graph.node) if node.op_type == "Relu")
    cut = helper.make_node("Slice", ["slow_maps", "zero", "sixteen", "axis"], ["cut"])
    relu = model.graph.node[first]
    relu.input[0] = "cut"
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:first], wide, conv, cut, *nodes[first:]])
    numbers = {"zero": 0, "sixteen": 16, "axis": 1}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array([value]), name) for name, value in numbers.items()
    )
    model.graph.initializer.append(numpy_helper.from_array(kernels, "slow_kernels"))
    return model


def test_cancelling_does_not_wait_for_a_node(tmp_path: Path, workers: list[ProcessWorker]) -> None:
    """ONNX Runtime ends a run between nodes only; in a long one the worker is killed."""
    onnx.save(slow_model(), tmp_path / "model.onnx")
    spec = convnet_spec(tmp_path, n_images=2, bands=8, estimator="exact", threads=1, batch=256)
    cancel_after_planning(spec, 1.0)  # the batch has begun
    assert workers[0]._process.returncode == -signal.SIGKILL


def test_cancelling_while_the_model_opens(tmp_path: Path, workers: list[ProcessWorker]) -> None:
    """The first event is early enough to cancel everything."""
    control = Control()
    events = run_audit(convnet_spec(tmp_path), control)
    assert isinstance(next(events), Preparing)
    control.cancel()
    started = time.monotonic()
    *_, last = events
    assert time.monotonic() - started < ANSWER_S
    assert last == Cancelled(partial=None)
    assert workers


def test_closing_the_iterator_ends_the_process(
    tmp_path: Path, workers: list[ProcessWorker]
) -> None:
    """No child is left when the iterator is closed in the middle."""
    events: Generator[Event] = run_audit(long_spec(tmp_path))  # type: ignore[assignment]
    next(event for event in events if isinstance(event, ImageDone))
    (worker,) = workers
    assert worker._process.poll() is None
    events.close()
    assert worker._process.poll() is not None


def test_audit_raises_what_was_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`audit` raises AuditCancelled with the partial result, or with None before two rows."""
    control = Control()
    original = LeaseRun._keep

    def keep(run: LeaseRun, row: ValueRow) -> None:
        original(run, row)
        if row.index == 4:
            control.cancel()

    monkeypatch.setattr(LeaseRun, "_keep", keep)
    with pytest.raises(AuditCancelled) as caught:
        audit(convnet_spec(tmp_path, n_images=9), control)
    assert caught.value.partial is not None
    assert caught.value.partial.data.n_images >= 5
    with pytest.raises(AuditCancelled) as caught:
        audit(convnet_spec(tmp_path), control)
    assert caught.value.partial is None


def test_errors_cross_the_process_boundary(tmp_path: Path) -> None:
    """What the worker finds arrives as the error that it is, with its facts."""
    images = save_images(tmp_path / "images", 3)
    text = tmp_path / "text.onnx"
    text.write_text("this is no model\n")
    with pytest.raises(ModelError, match="Expected an ONNX model") as caught:
        audit(convnet_spec(tmp_path, model=text, images=images))
    assert caught.value.path == str(text)
    network = ConvNet(standardises=True).save(tmp_path / "standardising.onnx")
    with pytest.raises(InferenceError, match="--baseline noise"):
        audit(convnet_spec(tmp_path, model=network, images=images))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"model": "nowhere.onnx"}, ModelNotFoundError, "nothing at 'nowhere.onnx'"),
        ({"model": "no_such_id"}, ModelNotFoundError, "catalogue id, found nothing"),
        ({"images": "nowhere"}, ImageError, "found nothing"),
        ({"bands": 20}, SpecError, r"32 x 32.*"),
        ({"labels": "none.csv"}, SpecError, "found 'none.csv', where no file lies"),
    ],
    ids=["no model", "no id", "no folder", "too many bands", "no labels"],
)
def test_unusable_requests_are_refused(
    tmp_path: Path, options: dict[str, object], error: type[Exception], says: str
) -> None:
    """What cannot work is refused before the first evaluation."""
    with pytest.raises(error, match=says):
        audit_here(convnet_spec(tmp_path, **options))


def test_several_outputs_are_refused_by_name(tmp_path: Path) -> None:
    """A model of another form is refused with what was found."""
    model = ConvNet().model()
    model.graph.output.append(model.graph.output[0].__class__(name="features"))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(SignatureError, match=r"one output.*found 2 outputs \(scores: .*features: "):
        audit_here(convnet_spec(tmp_path))


@pytest.mark.skipif(has_nvidia_driver(), reason="needs a machine without CUDA")
def test_cuda_that_is_asked_for_is_never_replaced(tmp_path: Path) -> None:
    """Without CUDA, asking for it is an error; `auto` takes the processor and says so."""
    with pytest.raises(SpecError, match=r"Expected the CUDA provider.*--device cpu"):
        audit_here(convnet_spec(tmp_path, device="cuda"))
    runtime = audit_here(convnet_spec(tmp_path)).runtime
    assert (runtime.provider_requested, runtime.provider) == ("auto", "CPUExecutionProvider")
