"""An audit survives its worker, its process, its memory and its clock, and its numbers stay."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from audit_material import (
    ConvNet,
    assert_same_rows,
    audit_here,
    convnet_spec,
    finished,
    save_images,
    worker_processes,
)
from models_for_tests import loop_body
from onnx import helper, numpy_helper
from PIL import Image

from iaside_audit.auditing import audit, limits, run_audit, workers
from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.workers import ProcessWorker
from iaside_audit.classifier.preprocessing_sources import to_toml
from iaside_audit.errors import WorkerLostError
from iaside_audit.events import Finished, ImageDone, ImageFailed, Warned
from iaside_audit.result import results_agree
from iaside_audit.store import STORE_NAME, read_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc are POSIX")

N_IMAGES = 24
MOMENTS = [
    pytest.param(kind, seed, id=f"{kind}-{seed}", marks=[] if quick else pytest.mark.slow)
    for kind in ("parent", "worker", "both")
    for seed, quick in enumerate([True, kind != "both", *[False] * 18])
]
"""Five in the default lane, twenty of each in all."""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> AuditSpec:
    """Specify an audit of a second or two: 256 evaluations of each image."""
    folder = tmp_path_factory.mktemp("survival")
    return convnet_spec(folder, n_images=N_IMAGES, bands=8, estimator="exact", threads=1, batch=64)


@pytest.fixture(scope="module")
def uninterrupted(spec: AuditSpec) -> AuditResult:
    """Run that audit in peace."""
    return audit(spec)


@pytest.fixture
def started() -> Iterator[list[ProcessWorker]]:
    """Collect the worker processes of this process; all must have ended with the test."""
    with worker_processes() as collected:
        yield collected


def worker_of(pid: int) -> int | None:
    """Return the worker process of an audit's process."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    return None


def run_until_killed(spec: AuditSpec, out: Path, kind: str, seed: int) -> set[int]:
    """Start an audit, kill at a random moment, and return the rows that were acknowledged."""
    draw = random.Random(seed)  # noqa: S311 - a moment
    script = (
        "import sys, pathlib, iaside_audit as ia\n"
        "spec = ia.AuditSpec.from_dict(eval(sys.argv[1]))\n"
        "for event in ia.run_audit(spec, out=pathlib.Path(sys.argv[2])):\n"
        "    if isinstance(event, ia.ImageDone): print(event.index, flush=True)\n"
    )
    out.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", script, repr(spec.to_dict()), out],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    acknowledged = set()
    last = draw.randrange(N_IMAGES - 2)
    with process:
        while len(acknowledged) <= last and (line := process.stdout.readline()):
            acknowledged.add(int(line))
        time.sleep(draw.uniform(0, 0.05))
        worker = worker_of(process.pid)
        if kind == "both" and worker is not None:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        process.kill()
        acknowledged |= {int(line) for line in process.stdout if line.endswith("\n")}
    return acknowledged


@pytest.mark.parametrize(("kind", "seed"), MOMENTS)
def test_a_killed_audit_goes_on(
    spec: AuditSpec,
    uninterrupted: AuditResult,
    tmp_path: Path,
    started: list[ProcessWorker],
    kind: str,
    seed: int,
) -> None:
    """After kill -9 nothing acknowledged is lost, and the result is the uninterrupted one."""
    if kind == "worker":
        moment = random.Random(seed).randrange(N_IMAGES - 3)  # noqa: S311
        n_lost = 0
        events = []
        for event in run_audit(spec, out=tmp_path):
            events.append(event)
            if isinstance(event, ImageDone) and event.n_done == moment + 1:
                started[0]._process.kill()
            n_lost += isinstance(event, Warned) and event.code == "worker_lost"
        result = finished(events)
        assert n_lost == result.runtime.n_workers_lost == 1
    else:
        acknowledged = run_until_killed(spec, tmp_path, kind, seed)
        stored = read_store(tmp_path / STORE_NAME)
        assert stored.is_sound
        assert stored.n_damaged == 0
        assert acknowledged <= {row.index for row in stored.rows}
        result = audit(spec, out=tmp_path)
        assert result.runtime.n_resumed == len(stored.rows)
    assert results_agree(result, uninterrupted)
    assert_same_rows(result, uninterrupted)
    assert read_store(tmp_path / STORE_NAME).is_sound


def test_a_frozen_worker_is_replaced(
    spec: AuditSpec,
    uninterrupted: AuditResult,
    started: list[ProcessWorker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that was stopped misses its deadline; another one goes on."""
    monkeypatch.setattr(limits, "IMAGE_S", 0.5)
    quick = partial(ProcessWorker, Limits(batch_s=1.0))
    for event in run_audit(spec, start_worker=quick):
        if isinstance(event, ImageDone) and event.n_done == 2:
            os.kill(started[0]._process.pid, signal.SIGSTOP)
    assert isinstance(event, Finished)
    assert event.result.runtime.n_workers_lost >= 1
    assert_same_rows(event.result, uninterrupted)


def in_the_worker(monkeypatch: pytest.MonkeyPatch, prelude: str) -> None:
    """Have worker processes run some Python before they serve."""
    original = subprocess.Popen

    def popen(_words: list[str], **options: Any) -> subprocess.Popen[bytes]:
        program = f"{prelude}\nfrom iaside_audit.worker import main\nmain()"
        return original([sys.executable, "-c", program], **options)

    monkeypatch.setattr(workers.subprocess, "Popen", popen)


def test_a_worker_that_leaks_is_replaced(
    spec: AuditSpec, uninterrupted: AuditResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that holds too much memory is ended, and the audit does not notice."""
    in_the_worker(
        monkeypatch,
        "import numpy as np\nfrom iaside_audit.auditing.evaluation.evaluate import LeaseEvaluator\n"
        "kept, evaluate = [], LeaseEvaluator._evaluate\n"
        "def leak(*given):\n    kept.append(np.ones(8 << 20))\n    return evaluate(*given)\n"
        "LeaseEvaluator._evaluate = leak\n",
    )
    start = partial(ProcessWorker, Limits(memory_bytes=700 << 20))
    events = list(run_audit(spec, start_worker=start))
    result = finished(events)
    lost = [one for one in events if isinstance(one, Warned) and one.code == "worker_lost"]
    assert lost
    assert all("of memory" in one.message for one in lost)
    assert result.data.n_failed == 0
    assert_same_rows(result, uninterrupted)


def fatal_for(path: str) -> str:
    """Return Python that has the worker die of one image."""
    return (
        "import os\nfrom iaside_audit.auditing.evaluation.evaluate import LeaseEvaluator\n"
        "prepare = LeaseEvaluator._prepare\n"
        "def die(self, item):\n"
        f"    if item.image.path == {path!r}: os.kill(os.getpid(), 11)\n"
        "    return prepare(self, item)\n"
        "LeaseEvaluator._prepare = die\n"
    )


def test_an_image_that_kills_three_workers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named with the reason; the others of its lease keep their bits."""
    asked = convnet_spec(tmp_path, n_images=12, batch=21, threads=1)
    whole = audit_here(asked)
    assert whole.runtime.lease_images == 3
    guilty = whole.rows().path[4]
    in_the_worker(monkeypatch, fatal_for(guilty))
    events = list(run_audit(asked, out=tmp_path / "out"))
    result = finished(events)
    assert [one.path for one in result.data.failed] == [guilty]
    assert "given up after 3 tries" in result.data.failed[0].reason
    assert "signal 11" in result.data.failed[0].reason
    assert f"left out of every number. {guilty}: " in result.warnings[0].message
    assert [one.path for one in events if isinstance(one, ImageFailed)] == [guilty]
    assert result.runtime.n_workers_lost == 3
    kept = np.array(whole.rows().path) != guilty
    np.testing.assert_array_equal(result.rows().log_p, whole.rows().log_p[kept])


def test_a_model_that_kills_every_worker_ends_the_audit(
    spec: AuditSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the model, not an image: the audit ends soon, and says how the workers did."""
    in_the_worker(
        monkeypatch,
        "import os\nfrom iaside_audit.auditing.evaluation.evaluate import LeaseEvaluator\n"
        "LeaseEvaluator._prepare = lambda self, item: os._exit(7)\n",
    )
    with pytest.raises(WorkerLostError, match="exit code 7"):
        audit(spec)


def hanging_model(threshold: float) -> onnx.ModelProto:
    """Build a classifier that never ends where an image of the batch is brighter than this."""
    model = ConvNet().model()
    (image,) = [one.name for one in model.graph.input]
    (scores,) = model.graph.output
    inner = f"{scores.name}_inner"
    for node in model.graph.node:
        node.output[:] = [inner if name == scores.name else name for name in node.output]
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(threshold, dtype=np.float32), "threshold"),
            numpy_helper.from_array(np.array(2**62, dtype=np.int64), "for_ever"),
        ]
    )
    model.graph.node.extend(
        [
            helper.make_node("ReduceMean", [image], ["brightness"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("ReduceMax", ["brightness"], ["brightest"], keepdims=0),
            helper.make_node("Greater", ["brightest", "threshold"], ["is_bright"]),
            helper.make_node(
                "Loop", ["for_ever", "is_bright", inner], [scores.name], body=loop_body()
            ),
        ]
    )
    return model


def test_a_model_that_hangs_on_one_image_loses_only_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is given up after three deadlines; the audit ends with the others."""
    monkeypatch.setattr(limits, "IMAGE_S", 0.2)
    images = save_images(tmp_path / "images", 6, n_classes=5)
    Image.fromarray(np.full((32, 32, 3), 254, dtype=np.uint8)).save(images / "003.png")
    path = tmp_path / "hanging.onnx"
    onnx.save(hanging_model(1.9), str(path))
    ConvNet().save(tmp_path / "same.onnx")
    asked = convnet_spec(tmp_path, model=path, images=images, preprocess=_recipe(tmp_path))
    quick = partial(ProcessWorker, Limits(batch_s=1.0))
    result = finished(run_audit(asked, start_worker=quick))
    assert [one.path for one in result.data.failed] == ["003.png"]
    assert "ended its process" in result.data.failed[0].reason
    assert result.data.n_images == 5


def _recipe(folder: Path) -> str:
    path = folder / "recipe.toml"
    path.write_text(to_toml(ConvNet().preprocessing()), encoding="utf-8")
    return str(path)


def test_a_batch_that_does_not_fit_is_halved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit goes on with smaller batches, and begins with them when it is resumed."""
    asked = convnet_spec(tmp_path, n_images=8, batch=28, threads=1)
    whole = audit_here(asked)
    in_the_worker(
        monkeypatch,
        "from iaside_audit.auditing.evaluation.evaluate import LeaseEvaluator\n"
        "from iaside_audit.errors import MemoryExhaustedError\n"
        "evaluate = LeaseEvaluator._evaluate\n"
        "def full(self, works):\n"
        "    if self._settings.batch > 7: raise MemoryExhaustedError('bad_alloc')\n"
        "    return evaluate(self, works)\n"
        "LeaseEvaluator._evaluate = full\n",
    )
    out = tmp_path / "out"
    events = list(run_audit(asked, out=out))
    result = finished(events)
    assert any(isinstance(one, Warned) and one.code == "batch_halved" for one in events)
    assert result.runtime.batch == 7
    assert result.data.n_failed == 0
    assert_same_rows(result, whole, atol=1e-4)
    assert read_store(out / STORE_NAME).header.settings["batch"] == 7
    assert audit_here(asked, out=out).runtime.batch == 7


def test_two_workers_give_the_bits_of_one(spec: AuditSpec, uninterrupted: AuditResult) -> None:
    """Which worker was faster decides nothing."""
    two = audit(replace(spec, workers=2))
    assert two.runtime.workers == 2
    assert_same_rows(two, uninterrupted)
    assert two.bands == uninterrupted.bands


def test_a_clock_that_jumps_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadlines and progress rest on a clock that nobody sets."""
    asked = convnet_spec(tmp_path, n_images=8, threads=1)
    calm = audit_here(asked)
    jumps = count()
    monkeypatch.setattr(time, "time", lambda: (-1e9, 4e9, 1e9)[next(jumps) % 3])
    result = audit_here(asked, out=tmp_path / "out", cache=tmp_path / "cache.sqlite")
    assert next(jumps) > 8
    assert result.bands == calm.bands
    assert result.runtime.elapsed_s > 0
    assert audit_here(asked, out=tmp_path / "out").runtime.n_resumed == 8
