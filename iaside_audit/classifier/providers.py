"""Which execution providers this machine offers, and which one an audit asks for."""

from __future__ import annotations

import ctypes
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from iaside_audit.errors import InferenceError, SpecError

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"


def check_installation() -> None:
    """Refuse an installation that holds both ONNX Runtime wheels.

    They share one folder: the CPU files overwrite the GPU's and CUDA is lost without a word.

    Raises
    ------
    InferenceError
        With the two commands that mend it.
    """
    installed = []
    for name in ("onnxruntime", "onnxruntime-gpu"):
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    if len(installed) > 1:
        raise InferenceError(
            f"Expected one ONNX Runtime package, found {' and '.join(installed)}, which overwrite "
            "each other's files and lose CUDA. Run `pip uninstall -y onnxruntime onnxruntime-gpu`, "
            "then `pip install --force-reinstall onnxruntime-gpu` (or onnxruntime).",
            expected="one of onnxruntime, onnxruntime-gpu",
            found=" and ".join(installed),
        )


def available_threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_nvidia_driver() -> bool:
    """Say whether an NVIDIA driver can be loaded.

    Asked before CUDA is tried, because the GPU wheel offers CUDA on every machine and logs errors
    where it then fails.
    """
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def providers_for(device: str, available: list[str]) -> list[tuple[str, dict[str, str]]]:
    """Return the providers to ask ONNX Runtime for, the preferred one first.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    available : list of str
        What this build of ONNX Runtime holds.

    Raises
    ------
    SpecError
        If CUDA is asked for and this machine or this build has none.
    """
    wants_cuda = device.startswith("cuda")
    cuda = device if wants_cuda else "cuda"
    if device == "cpu":
        return [(CPU, {})]
    if CUDA not in available:
        if wants_cuda:
            raise cuda_missing(device, f"an ONNX Runtime with {', '.join(available)} only")
        return [(CPU, {})]
    if not has_nvidia_driver():
        if wants_cuda:
            raise cuda_missing(device, "no NVIDIA driver")
        return [(CPU, {})]
    # TF32 would round the inputs of convolutions to 10 bits; HEURISTIC avoids a benchmark of every
    # convolution for each new batch shape.
    options = {
        "device_id": cuda.partition(":")[2] or "0",
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
    }
    return [(CUDA, options), (CPU, {})]


def cuda_missing(device: str, found: str, *, mend: str = "Install an NVIDIA driver") -> SpecError:
    """Return the error for a CUDA that was asked for and is not to be had."""
    return SpecError(
        f"Expected the CUDA provider for --device {device}, found {found}. "
        f"{mend} and `pip install 'iaside-audit[cuda]'`, or use --device cpu.",
        expected=CUDA,
        found=found,
    )
