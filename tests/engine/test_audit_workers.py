"""A worker answers, tells how it died, and leaves nothing behind: no process, no secret."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from models_for_tests import declared_model, endless_model, save, small_model
from onnx import TensorProto

from iaside_audit.auditing import workers
from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.wire import encode
from iaside_audit.auditing.workers import InProcessWorker, ProcessWorker, raise_if_error
from iaside_audit.errors import (
    IASideError,
    InferenceError,
    ModelNotFoundError,
    SignatureError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc are POSIX")
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")

SECRET = "IASIDE_TEST_SECRET"  # noqa: S105 - a name
DEADLINE_S = 20.0


def answer(worker: Worker, message: Message) -> Message:
    """Send one task and return its reply."""
    worker.send(message)
    reply = worker.receive(DEADLINE_S)
    assert reply is not None
    return reply


def wait_until(condition: Callable[[], bool]) -> bool:
    """Say whether `condition` comes true before the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    """Say whether no process, not even a zombie, has that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def is_gone_or_zombie(pid: int) -> bool:
    """Say whether a process that is not our child has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessWorker]:
    """Start a worker beside a secret, and end it."""
    monkeypatch.setenv(SECRET, "do not tell")
    started = ProcessWorker()
    yield started
    started.kill()


@pytest.mark.parametrize("start", [ProcessWorker, InProcessWorker])
def test_worker_answers_one_task_after_another(start: Callable[[], Worker], tmp_path: Path) -> None:
    """Tasks are answered in their order; a task that fails does not end the worker."""
    path = save(small_model("softmax"), tmp_path / "m.onnx")
    worker = start()
    try:
        first = answer(worker, {"task": "inspect", "model": str(path)})
        assert (first["kind"], first["graph"]["head"]) == ("done", "Softmax")
        failed = answer(worker, {"task": "inspect", "model": str(tmp_path / "none.onnx")})
        with pytest.raises(ModelNotFoundError, match="found nothing at"):
            raise_if_error(failed)
        opened = answer(
            worker,
            {
                "task": "open",
                "model": str(path),
                "graph": first["graph"],
                "device": "cpu",
                "threads": 1,
                "size": [8, 8],
            },
        )
        raise_if_error(opened)
        assert opened["provider"] == "CPUExecutionProvider"
        assert opened["output_kind"] == "logits before the final softmax"
        assert (opened["n_classes"], opened["threads"]) == (5, 1)
        assert worker.receive(0.0) is None
    finally:
        worker.kill()


@pytest.mark.parametrize("start", [ProcessWorker, InProcessWorker])
def test_worker_reports_errors_with_their_type_and_facts(
    start: Callable[[], Worker], tmp_path: Path
) -> None:
    """An error keeps its type, message and attributes on its way."""
    model = declared_model([("ids", TensorProto.INT64, ["N", 7])])
    path = save(model, tmp_path / "bert.onnx")
    worker = start()
    try:
        reply = answer(worker, {"task": "inspect", "model": str(path)})
    finally:
        worker.kill()
    with pytest.raises(SignatureError, match=r"found ids: int64 \(N, 7\) in 'bert\.onnx'") as e:
        raise_if_error(reply)
    assert e.value.found == "ids: int64 (N, 7)"


def test_unknown_error_names_become_inference_errors() -> None:
    """A worker cannot make this side raise anything but the errors of the tree."""
    raise_if_error({"kind": "done"})
    with pytest.raises(InferenceError, match="boo") as caught:
        raise_if_error({"kind": "error", "error": "SystemExit", "message": "boo"})
    assert isinstance(caught.value, IASideError)


def test_killed_worker_leaves_no_process(worker: ProcessWorker) -> None:
    """kill() ends the process and reaps it, and may be called again."""
    pid = worker._process.pid
    assert not is_gone(pid)
    worker.kill()
    assert is_gone(pid)
    worker.kill()


def run_for_ever(worker: ProcessWorker, folder: Path) -> None:
    """Open a model whose first run never ends, and wait until it runs."""
    path = save(endless_model(), folder / "m.onnx")
    graph = answer(worker, {"task": "inspect", "model": str(path)})["graph"]
    opening = {"task": "open", "model": str(path), "graph": graph, "device": "cpu", "threads": 1}
    worker.send({**opening, "size": [8, 8]})
    assert worker.receive(2.0) is None


def test_killed_worker_ends_its_models_run_itself(worker: ProcessWorker, tmp_path: Path) -> None:
    """A run is terminated through ONNX Runtime, so that the worker ends in good order."""
    run_for_ever(worker, tmp_path)
    worker.kill(grace_s=DEADLINE_S)
    assert worker._process.returncode == 0


def test_late_worker_ends_its_models_run_itself(
    worker: ProcessWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it does at a deadline."""
    run_for_ever(worker, tmp_path)
    monkeypatch.setattr(workers, "STOP_S", DEADLINE_S)
    monkeypatch.setattr(worker._deadline, "_limits", Limits(load_s=0.0))
    with pytest.raises(InferenceError, match="to open within 0 s"):
        worker.receive(0.1)
    assert worker._process.returncode == 0


def test_worker_that_does_not_end_is_killed(worker: ProcessWorker) -> None:
    """A worker that cannot answer is killed, within a second."""
    os.kill(worker._process.pid, signal.SIGSTOP)
    started = time.monotonic()
    worker.kill()
    assert time.monotonic() - started < 1.0
    assert worker._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=["kill", "crash"])
def test_worker_that_dies_names_the_signal(worker: ProcessWorker, number: signal.Signals) -> None:
    """A worker ended by a signal is an InferenceError with its number and advice."""
    os.kill(worker._process.pid, number)
    match = rf"ended with signal {number.value}\b.*try a smaller --batch"
    with pytest.raises(InferenceError, match=match):
        worker.receive(DEADLINE_S)
    with pytest.raises(InferenceError, match=match):
        worker.send({"task": "inspect", "model": "m.onnx"})


def test_worker_that_fails_quotes_its_last_line(worker: ProcessWorker) -> None:
    """A worker that ends by itself is an InferenceError with exit code and last words."""
    worker.send({"task": "nonsense"})
    with pytest.raises(InferenceError, match=r"exit code 1 \(KeyError: 'nonsense'\)"):
        worker.receive(DEADLINE_S)


def test_worker_that_sends_garbage_is_an_error(
    worker: ProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are no message are one error, whatever they are."""
    monkeypatch.setattr(worker._connection, "poll", lambda _: True)
    monkeypatch.setattr(worker._connection, "recv_bytes", lambda _: b"\xff" * 9)
    with pytest.raises(InferenceError, match="found bytes that are none"):
        worker.receive(DEADLINE_S)


@pytest.mark.parametrize("size", [2**40, 2**63 - 1], ids=["a terabyte", "beyond any"])
def test_worker_that_announces_too_much_is_an_error(worker: ProcessWorker, size: int) -> None:
    """A message too long for any memory is refused before memory is asked for."""
    ours, theirs = Pipe()
    original, worker._connection = worker._connection, ours
    try:
        os.write(theirs.fileno(), struct.pack("!i", -1) + struct.pack("!Q", size) + b"abc")
        with pytest.raises(InferenceError, match="broke the connection"):
            worker.receive(DEADLINE_S)
    finally:
        worker._connection = original
        theirs.close()


@pytest.mark.parametrize(("program", "code"), [("false", 1), ("true", 0)])
def test_worker_that_does_not_start_says_how_it_ended(
    program: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends before it connects is one prompt error, and nothing is left open."""
    monkeypatch.setattr(sys, "executable", shutil.which(program))
    started = time.monotonic()
    with pytest.raises(InferenceError, match=f"ended with exit code {code}"):
        ProcessWorker()
    assert time.monotonic() - started < DEADLINE_S / 2


def test_worker_that_never_connects_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A process that hangs at its start is ended at the deadline."""
    program = tmp_path / "hang"
    program.write_text("#!/bin/sh\necho $$ > " + str(tmp_path / "pid") + "\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(workers, "START_DEADLINE_S", 0.5)
    with pytest.raises(InferenceError, match="Expected the worker process to answer"):
        ProcessWorker()
    assert is_gone(int((tmp_path / "pid").read_text()))


@needs_proc
def test_worker_inherits_no_secret(worker: ProcessWorker) -> None:
    """A stranger's model finds nothing in the environment but what it needs to run."""
    environ = Path(f"/proc/{worker._process.pid}/environ").read_bytes()
    names = {item.split(b"=")[0].decode() for item in environ.split(b"\0") if item}
    assert os.environ[SECRET] == "do not tell"
    assert "PATH" in names
    assert names <= {*workers.ENVIRONMENT, *workers.ONE_BLAS_THREAD, *workers.KEPT_MEMORY}
    assert b"do not tell" not in environ


@needs_proc
def test_worker_takes_no_argument_and_no_key_from_its_command_line(worker: ProcessWorker) -> None:
    """What other users can read of the process holds no key."""
    command = Path(f"/proc/{worker._process.pid}/cmdline").read_bytes().split(b"\0")
    assert command[1:] == [b"-P", b"-m", b"iaside_audit.worker", b""]


BUSY = """
worker.send({"task": "inspect", "model": sys.argv[1]})
graph = worker.receive(20)["graph"]
opening = {"task": "open", "model": sys.argv[1], "graph": graph, "device": "cpu", "size": [8, 8]}
worker.send({**opening, "threads": 1})
assert worker.receive(0.5) is None
"""


@needs_proc
@pytest.mark.parametrize("work", ["", BUSY], ids=["idle", "busy for ever"])
def test_worker_ends_with_its_parent(tmp_path: Path, work: str) -> None:
    """A parent that is killed, and so cannot clean up, leaves no worker behind, busy or not."""
    path = save(endless_model(), tmp_path / "m.onnx")
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\n"
        "from iaside_audit.auditing.workers import ProcessWorker\n"
        f"worker = ProcessWorker()\n{work}"
        "print(worker._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, str(script), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not is_gone_or_zombie(pid)
        parent.kill()
    assert wait_until(lambda: is_gone_or_zombie(pid))


def test_script_needs_no_main_guard(tmp_path: Path) -> None:
    """A worker started at the top level of a script does not run the script again."""
    path = save(small_model(), tmp_path / "m.onnx")
    script = tmp_path / "script.py"
    script.write_text(
        "from iaside_audit.auditing.inspection import inspect_file\n"
        "from pathlib import Path\n"
        f"print(inspect_file(Path({str(path)!r}), device='cpu').n_classes)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("5\n", "")


def test_working_folder_is_not_on_the_workers_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module beside a stranger's model is not imported by the worker."""
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit('imported from the folder')\n")
    path = save(small_model(), tmp_path / "m.onnx")
    monkeypatch.chdir(tmp_path)
    worker = ProcessWorker()
    try:
        assert answer(worker, {"task": "inspect", "model": str(path)})["kind"] == "done"
    finally:
        worker.kill()


def test_in_process_worker_speaks_the_same_messages(tmp_path: Path) -> None:
    """The worker of the tests passes every message through the same bytes."""
    path = save(small_model(), tmp_path / "m.onnx")
    worker = InProcessWorker()
    reply = answer(worker, {"task": "inspect", "model": str(path)})
    assert json.loads(json.dumps(reply)) == reply
    assert encode(reply)
    worker.kill()
