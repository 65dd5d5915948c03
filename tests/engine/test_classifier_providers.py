"""CUDA that is asked for is had, or it is an error; nothing falls back without a word."""

from __future__ import annotations

import ctypes
import os
from importlib.metadata import PackageNotFoundError
from typing import NamedTuple

import pytest

from iaside_audit.classifier import providers
from iaside_audit.classifier.providers import (
    CPU,
    CUDA,
    available_threads,
    check_installation,
    cuda_missing,
    has_nvidia_driver,
    providers_for,
)
from iaside_audit.errors import InferenceError, SpecError

GPU_WHEEL = ["TensorrtExecutionProvider", CUDA, CPU]
CPU_WHEEL = ["AzureExecutionProvider", CPU]


class Case(NamedTuple):
    """A device asked for on a machine, and the first provider, or the fault found."""

    device: str
    available: list[str]
    has_driver: bool
    first: str | None
    fault: str = ""


CASES = [
    *(
        Case("cpu", wheel, has_driver, CPU)
        for wheel in (GPU_WHEEL, CPU_WHEEL)
        for has_driver in (True, False)
    ),
    Case("auto", GPU_WHEEL, True, CUDA),
    Case("auto", GPU_WHEEL, False, CPU),
    Case("auto", CPU_WHEEL, True, CPU),
    Case("auto", CPU_WHEEL, False, CPU),
    Case("cuda", GPU_WHEEL, True, CUDA),
    Case("cuda:1", GPU_WHEEL, True, CUDA),
    Case("cuda", GPU_WHEEL, False, None, "no NVIDIA driver"),
    Case("cuda:1", GPU_WHEEL, False, None, "no NVIDIA driver"),
    Case("cuda", CPU_WHEEL, True, None, "an ONNX Runtime with AzureExecutionProvider, CPU"),
    Case("cuda", CPU_WHEEL, False, None, "an ONNX Runtime with AzureExecutionProvider, CPU"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_providers_table(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Device, build and driver decide the provider; a CUDA that is not to be had is an error."""
    monkeypatch.setattr(providers, "has_nvidia_driver", lambda: case.has_driver)
    if case.first is None:
        asked = f"--device {case.device}, found"
        with pytest.raises(SpecError, match=rf"CUDA.*{asked} {case.fault}.*or use --device cpu"):
            providers_for(case.device, case.available)
    else:
        found = [name for name, _ in providers_for(case.device, case.available)]
        assert found == ([CUDA, CPU] if case.first == CUDA else [CPU])


@pytest.mark.parametrize(
    ("device", "number"), [("auto", "0"), ("cuda", "0"), ("cuda:0", "0"), ("cuda:3", "3")]
)
def test_providers_number_the_device_and_forbid_tf32(
    device: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbered device is asked for, in full float32."""
    monkeypatch.setattr(providers, "has_nvidia_driver", lambda: True)
    (_, options), (_, cpu_options) = providers_for(device, GPU_WHEEL)
    assert options["device_id"] == number
    assert options["use_tf32"] == "0"
    assert cpu_options == {}


def test_cuda_missing_says_what_to_do() -> None:
    """The error names CUDA, what was found, the command that mends it, and the way round."""
    error = cuda_missing("cuda", "no NVIDIA driver")
    assert "pip install 'iaside-audit[cuda]'" in error.message
    assert (error.expected, error.found) == (CUDA, "no NVIDIA driver")


@pytest.mark.parametrize("loads", [True, False])
def test_driver_is_there_where_its_library_loads(
    *, loads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver is what can be loaded, not what a package claims."""

    def load(name: str) -> object:
        if not loads:
            raise OSError(name)
        return object()

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert has_nvidia_driver() is loads


@pytest.mark.parametrize(
    "installed",
    [{"onnxruntime": "1.32.0"}, {"onnxruntime-gpu": "1.31.1"}, {}],
    ids=["cpu wheel", "gpu wheel", "neither known"],
)
def test_one_wheel_is_accepted(installed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One ONNX Runtime package, of either kind, is as it should be."""
    monkeypatch.setattr(providers, "version", versions(installed))
    check_installation()


def test_both_wheels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both packages overwrite each other: the error names both and the two commands."""
    both = {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"}
    monkeypatch.setattr(providers, "version", versions(both))
    with pytest.raises(
        InferenceError, match=r"found onnxruntime 1\.32\.0 and onnxruntime-gpu 1\.31\.1"
    ) as caught:
        check_installation()
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in caught.value.message
    assert "pip install --force-reinstall" in caught.value.message


def test_threads_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processors allowed to the process count; where that is unknown, those of the machine."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert available_threads() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_threads() == 1


def versions(installed: dict[str, str]) -> object:
    """Return a stand-in for importlib.metadata.version that knows only `installed`."""

    def version(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    return version
