"""The window and the command line survive any model: one clear error, in time, and nothing else.

Each model of the corpus is inspected in a worker process with the limits of a user's; the process
that asks must neither grow nor hang, and no file outside the model's folder may be opened.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from audit_material import save_images
from hostile_kit import CANARY, METADATA, Case, Outcome, model_of, safe_model, save
from hostile_models import (
    cases,
    growing_model,
    loop_model,
    nan_model,
    slow_cases,
    write_corpus,
)
from onnx import ModelProto, TensorProto, helper
from reused_worker import Lender

from iaside_audit.auditing import run_audit
from iaside_audit.auditing.inspection import inspect_file
from iaside_audit.auditing.limits import GIB, Limits, resident_bytes
from iaside_audit.auditing.workers import ProcessWorker
from iaside_audit.cli import FAILED, UNUSABLE, exit_code
from iaside_audit.errors import IASideError, InferenceError, SpecError
from iaside_audit.events import Finished
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iaside_audit.result import AuditResult

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, /proc, inotify of Linux")

LIMITS: Final = Limits(memory_bytes=8 * GIB, load_s=12.0, batch_s=2.0)
IMPATIENT: Final = replace(LIMITS, load_s=3.0)
"""For models that are known to hang."""
SLACK_S: Final = 10.0
"""Machines that run this are slow and shared."""
MAX_GROWTH: Final = 64_000_000
EXIT_CODES: Final = {Outcome.REFUSED: UNUSABLE, Outcome.FAILS: FAILED, Outcome.FINE: None}
SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
IN_ACCESS, IN_OPEN, IN_NONBLOCK = 0x1, 0x20, os.O_NONBLOCK


class Happened(NamedTuple):
    """What became of one case."""

    error: IASideError | None
    elapsed_s: float
    growth: int


class Watch:
    """Notices when one file is opened or read, by whatever name (Linux's inotify)."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._number = libc.inotify_init1(IN_NONBLOCK)
        assert self._number >= 0
        assert libc.inotify_add_watch(self._number, bytes(path), IN_ACCESS | IN_OPEN) >= 0

    def has_seen_any(self) -> bool:
        """Say whether the file was opened since the last call."""
        try:
            return bool(os.read(self._number, 65536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Stop watching."""
        os.close(self._number)


def children() -> set[int]:
    """Return the processes that this one started and that have not been reaped."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == os.getpid():
            found.add(int(stat.parent.name))
    return found


def held() -> int:
    """Return the memory of this process."""
    n_bytes = resident_bytes(os.getpid())
    assert n_bytes is not None
    return n_bytes


class Results(NamedTuple):
    """What became of the whole corpus."""

    happened: dict[str, Happened]
    is_canary_seen: bool
    is_watching: bool
    children_left: set[int]
    n_workers: int


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Inspect every model of the corpus."""
    folder = tmp_path_factory.mktemp("hostile")
    written = write_corpus(folder)
    before = children()
    lender, impatient = Lender(LIMITS), Lender(IMPATIENT)
    inspect_file(written[0][1], device="cpu", start_worker=lender)  # whatever is loaded once
    watch = Watch(folder / CANARY)
    start = held()
    happened = {}
    for case, path in written:
        error = None
        start_worker = impatient if case in slow_cases() else lender
        started = time.monotonic()
        try:
            inspect_file(path, device="cpu", start_worker=start_worker)
        except IASideError as caught:
            error = caught
        happened[case.name] = Happened(error, time.monotonic() - started, held() - start)
    lender.end()
    impatient.end()
    is_canary_seen = watch.has_seen_any()
    (folder / CANARY).read_bytes()
    is_watching = watch.has_seen_any()
    watch.close()
    left = children() - before
    return Results(happened, is_canary_seen, is_watching, left, lender.n_started)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_model_gives_one_clear_answer(case: Case, results: Results) -> None:
    """It is sound, refused (exit code 2) or fails (1), as it should, and says why in time."""
    error, elapsed_s, _ = results.happened[case.name]
    if case.outcome != Outcome.ANY:
        assert (None if error is None else exit_code(error)) == EXIT_CODES[case.outcome], error
    if error is not None:
        assert re.search(case.says, error.message), error.message
        assert error.message.isprintable()
        assert len(SENTENCE_END.split(error.message)) <= 3
        assert len(error.message) < 2600
        assert error.message.startswith(("Expected", "The preprocessing"))
    assert elapsed_s < LIMITS.load_s + SLACK_S


def test_corpus_is_large_and_holds_every_outcome() -> None:
    """The corpus covers the attack table and more."""
    assert len(cases()) >= 140
    assert {case.outcome for case in cases()} == set(Outcome)
    assert len({case.name for case in cases()}) == len(cases())


def test_nothing_outside_the_folder_is_opened(results: Results) -> None:
    """No external data by .., link or hard link was opened, not even to be refused."""
    assert results.is_watching
    assert not results.is_canary_seen


def test_process_that_asks_does_not_grow(results: Results) -> None:
    """Whatever a model announces, its size is the worker's matter."""
    assert max(one.growth for one in results.happened.values()) < MAX_GROWTH


def test_no_process_is_left(results: Results) -> None:
    """Every worker that the corpus cost has been reaped, and few were needed."""
    assert not results.children_left
    assert results.n_workers < 20


# Whole audits -------------------------------------------------------------------------------------


def audit(folder: Path, model: ModelProto, limits: Limits = LIMITS) -> AuditResult:
    """Audit a model on three images in a process of its own."""
    folder.mkdir(exist_ok=True)
    images = save_images(folder / "images", 3, n_classes=3)
    spec = AuditSpec(
        model=save(model, folder),
        images=images,
        bands=4,
        estimator="exact",
        device="cpu",
        threads=1,
        batch=16,  # an image a lease: its deadline is the shortest
    )
    *_, last = run_audit(spec, start_worker=partial(ProcessWorker, limits))
    assert isinstance(last, Finished)
    return last.result


def whole_division() -> ModelProto:
    """Return a model that divides whole numbers by the whole part of the darkest pixel."""
    nodes = [
        helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Greater", ["image", "image"], ["never"]),
        helper.make_node("Cast", ["never"], ["zero"], to=TensorProto.INT64),
        helper.make_node("Mod", ["whole", "zero"], ["rest"]),
        helper.make_node("Cast", ["rest"], ["other"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["other"], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["colour", "weights"], ["scores"]),
    ]
    return model_of(nodes)


class HostileAudit(NamedTuple):
    """A model whose audit fails while it runs."""

    name: str
    model: Callable[[], ModelProto]
    says: str
    limits: Limits = LIMITS


AUDITS = [
    HostileAudit(
        "a loop without end on real images only",
        lambda: loop_model(condition="bright"),
        "model still ran, and ended its process.*loop without end",
        Limits(memory_bytes=8 * GIB, load_s=12, batch_s=0.5),
    ),
    HostileAudit(
        "800 MB, then a loop",
        growing_model,
        r"hold at most 0\.5 GiB of memory, found 0\.\d GiB, and ended it",
        Limits(memory_bytes=GIB // 2, load_s=30, batch_s=30),
    ),
    HostileAudit("a whole division by 0", whole_division, "ended with signal 8|failed"),
    HostileAudit("weights that are no numbers", nan_model, "not finite"),
]


def test_sound_model_is_audited_within_the_limits(tmp_path: Path) -> None:
    """Limits that stop the hostile do not touch the sound."""
    result = audit(tmp_path, safe_model())
    assert result.data.n_images == 3


@pytest.mark.parametrize("case", AUDITS, ids=lambda case: case.name)
def test_hostile_audit_ends_in_one_error(
    case: HostileAudit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that fails while it runs is an InferenceError, in time, and leaves no process."""
    # A deadline counts the reading of its images.
    monkeypatch.setattr("iaside_audit.auditing.limits.IMAGE_S", 0.2)
    before = children()
    started = time.monotonic()
    with pytest.raises(InferenceError, match=case.says) as caught:
        audit(tmp_path, case.model(), case.limits)
    assert time.monotonic() - started < 30
    assert exit_code(caught.value) == FAILED
    assert caught.value.message.isprintable()
    assert len(SENTENCE_END.split(caught.value.message)) <= 3
    assert children() <= before


@pytest.fixture(scope="module")
def lender() -> Iterator[Lender]:
    """Return what lends one process to one audit after the other."""
    lender = Lender(Limits())
    yield lender
    lender.end()


@pytest.mark.parametrize(
    "case", [one for one in cases() if one.name.startswith(METADATA)], ids=lambda case: case.name
)
def test_hostile_metadata_are_one_error(case: Case, tmp_path: Path, lender: Lender) -> None:
    """Preprocessing that a model's metadata say is read as a stranger's, in this process."""
    images = save_images(tmp_path / "images", 3)
    spec = AuditSpec(model=case.write(tmp_path), images=images, bands=4, device="cpu")
    lender()  # here, because a process ends with the thread that started it
    started = time.monotonic()
    with pytest.raises(SpecError) as caught:
        list(run_audit(spec, start_worker=lender))
    assert time.monotonic() - started < SLACK_S
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200_000


def test_limit_of_the_size_can_be_raised(tmp_path: Path) -> None:
    """What a lower limit refuses, a higher one lets through."""
    model = safe_model()
    size = model.ByteSize()
    with pytest.raises(IASideError, match="--max-model-bytes") as caught:
        audit(tmp_path / "low", model, Limits(max_model_bytes=size - 1))
    assert exit_code(caught.value) == UNUSABLE
    assert audit(tmp_path / "high", model, Limits(max_model_bytes=size)).data.n_images == 3
