"""What is refused before a stranger's model reaches ONNX Runtime, and why.

Only the head of the file and the parsed graph are looked at: external data are never opened, and
nothing is run. What is left for a process of its own to survive: loops without end, memory that
only shows while running, and faults of ONNX Runtime itself.

Operators may be those of ONNX (``""`` or ``ai.onnx``), of ``com.microsoft``, which every build of
ONNX Runtime holds and its quantiser and optimiser write, and those that the model defines as
functions. All others are refused: ``ai.onnx.ml`` and ``ai.onnx.training`` are no part of an image
classifier and had memory faults, layout-optimised files (``com.microsoft.nchwc``) fit one kind of
processor, and custom operators would need a library.

This module imports no onnx: the process that talks to the user checks files and prints with it.
"""

from __future__ import annotations

import stat
from math import prod
from typing import TYPE_CHECKING, Final

from iaside_audit.choices import MAX_MODEL_BYTES
from iaside_audit.classifier.contents import (
    STANDARD_DOMAIN,
    model_contents,
    nesting_findings,
    operator_key,
)
from iaside_audit.classifier.stored_tensors import tensor_findings
from iaside_audit.errors import ModelError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import onnx

    from iaside_audit.classifier.contents import FunctionKey

PROTOBUF_BYTES: Final = (2 << 30) - 1
"""What the format can hold; larger models keep their weights in external data."""
MAX_INPUT_PIXELS: Final = 4096 * 4096
MAX_INPUT_VALUES: Final = 1 << 28
"""Of a whole fixed batch: 1 GiB in float32."""
MAX_TEXT: Final = 1 << 20
"""Characters of names and metadata that are handed to the process that talks to the user."""
MAX_PRINTED: Final = 300
"""Characters of one foreign text in a message."""
MAX_MESSAGE: Final = 2500
"""Characters of a whole message that is printed."""
MAX_FINDINGS: Final = 5
"""Named in a message; an error carries them all."""

ALLOWED_DOMAINS: Final = frozenset({STANDARD_DOMAIN, "com.microsoft"})
RESERVED_PREFIXES: Final = ("ai.onnx.", "com.microsoft.", "com.ms.")
"""Domains of ONNX Runtime's own; a function must not pass for one of their operators."""
REFUSED_OPERATORS: Final = {
    "EPContext": "which reads a compiled model from another file",
    "PythonOp": "which runs Python code",
    "ATen": "which runs another library",
    "Snpe": "which runs another library",
}

FIRST_BYTES: Final = frozenset(b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca\xd2")
"""The tags of a model's fields: what an ONNX file can begin with."""
SIGNATURES: Final = (
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"PK\x03\x04", "a ZIP archive (of PyTorch or Keras)"),
    (0, b"\x89HDF", "an HDF5 file"),
    (4, b"TFL3", "a TensorFlow Lite model"),
)


def check_file(path: Path, *, max_bytes: int = MAX_MODEL_BYTES) -> None:
    """Refuse a file that cannot be an ONNX model, before it is parsed or hashed.

    Parameters
    ----------
    path : Path
        The model file; it may be a symbolic link.
    max_bytes : int
        The most that is read.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    ModelError
        If it is no regular file, empty, too large, in ONNX Runtime's own format, or of another
        kind by its first bytes.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _not_onnx(path, _kind_of(status.st_mode))
        limit = min(max_bytes, PROTOBUF_BYTES)
        if status.st_size > limit:
            raise _too_large(path, status.st_size, limit)
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError as error:
        raise ModelNotFoundError(
            f"Expected a model file, found nothing at '{printable(path)}'. Check the path.",
            path=str(path),
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(
            f"Expected a readable model file, found '{printable(path)}': "
            f"{getattr(error, 'strerror', None) or error}. "
            "Check that it is a file and that you may read it.",
            path=str(path),
        ) from error
    if path.suffix.lower() == ".ort" or head[4:8] == b"ORTM":
        raise _not_onnx(path, "a file in ONNX Runtime's own format (.ort)")
    if not head or head[0] not in FIRST_BYTES:
        raise _not_onnx(path, _content(head))


def check_graph(model: onnx.ModelProto, path: Path, *, max_bytes: int = MAX_MODEL_BYTES) -> None:
    """Refuse a model that would read other files, run other code, or fill the memory.

    Parameters
    ----------
    model : onnx.ModelProto
        Parsed without external data.
    path : Path
        Where it lies; external data must lie below its folder, in files of their own.
    max_bytes : int
        The most that the model and its external data, or the tensors that it declares, may take.

    Raises
    ------
    ModelError
        Naming every finding; ``found`` holds them all.
    """
    everything = model_contents(model)
    contents = everything.values()
    nodes = [node for one in contents for node in one.nodes]
    tensors = [tensor for one in contents for tensor in one.tensors]
    sparse = [tensor for one in contents for tensor in one.sparse]
    if not all(isinstance(text, str) for text in _texts(model, nodes, tensors)):
        raise _refusal(path, ["names that are no text in UTF-8"])
    findings = [
        *nesting_findings(model, everything),
        *_domain_findings(nodes, [key for key in everything if key is not None]),
        *tensor_findings(tensors, sparse, nodes, path, max_bytes=max_bytes),
        *_input_findings(model),
    ]
    if findings:
        raise _refusal(path, findings)


def _texts(
    model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto], tensors: Iterable[onnx.TensorProto]
) -> Iterator[object]:
    """Yield the names that are looked at, or leave the worker; protobuf gives bytes for no text."""
    yield from (model.producer_name, model.producer_version)
    for node in nodes:
        yield from (node.op_type, node.domain, node.overload, *node.input, *node.output)
    for function in model.functions:
        yield from (function.name, function.domain, function.overload)
    for value in (*model.graph.input, *model.graph.output):
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    for tensor in tensors:
        yield tensor.name
        yield from (text for one in tensor.external_data for text in (one.key, one.value))
    yield from (text for one in model.metadata_props for text in (one.key, one.value))


def _domain_findings(
    nodes: Iterable[onnx.NodeProto], functions: Iterable[FunctionKey]
) -> Iterator[str]:
    """Name the operators that are not allowed, each once."""
    for domain, name, _ in sorted(functions):
        if domain in ALLOWED_DOMAINS or domain.startswith(RESERVED_PREFIXES):
            yield f"a function that takes the name of an operator, {name} of '{domain}'"
    used = {operator_key(node.domain, node.op_type, node.overload) for node in nodes}.difference(
        functions
    )
    for domain, name in sorted({(domain, name) for domain, name, _ in used}):
        if domain not in ALLOWED_DOMAINS:
            yield f"operator {name} of the domain '{domain}'"
        elif domain != STANDARD_DOMAIN and name in REFUSED_OPERATORS:
            yield f"operator {name} of the domain '{domain}', {REFUSED_OPERATORS[name]}"


def _input_findings(model: onnx.ModelProto) -> Iterator[str]:
    """Say what would take too much memory where the bands are planned and messages are read."""
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in stored]
    for value in inputs:
        dims = [one.dim_value for one in value.type.tensor_type.shape.dim]
        largest = sorted(dims[1:])[-2:]
        if prod(largest) > MAX_INPUT_PIXELS or prod(n for n in dims if n > 0) > MAX_INPUT_VALUES:
            yield f"an input of {' x '.join(str(n) if n else '?' for n in dims)} values"
    values = [*inputs, *model.graph.output]
    texts = [model.producer_name, model.producer_version, *(value.name for value in values)]
    texts += [dim.dim_param for one in values for dim in one.type.tensor_type.shape.dim]
    texts += [text for one in model.metadata_props for text in (one.key, one.value)]
    n_characters = sum(map(len, texts))
    if n_characters > MAX_TEXT:
        yield f"{n_characters:,} characters of names and metadata (at most {MAX_TEXT:,})"


def _refusal(path: Path, findings: Iterable[str]) -> ModelError:
    named = [printable(finding) for finding in findings]
    more = f"; and {len(named) - MAX_FINDINGS} more" if len(named) > MAX_FINDINGS else ""
    found = "; ".join(named[:MAX_FINDINGS]) + more
    return ModelError(
        f"Expected a model that is safe to run, found in '{printable(path.name)}': {found}. "
        "Export it again with standard operators and its data in files beside it.",
        path=str(path),
        expected="a model that is safe to run",
        found="; ".join(named),
    )


def _too_large(path: Path, size: int, limit: int) -> ModelError:
    advice = (
        "Raise --max-model-bytes if you trust it."
        if limit < PROTOBUF_BYTES
        else "Export it with its weights as external data."
    )
    return ModelError(
        f"Expected a model file of at most {limit:,} bytes, found {size:,} bytes in "
        f"'{printable(path)}'. {advice}",
        path=str(path),
        expected=f"at most {limit} bytes",
        found=f"{size} bytes",
    )


def _not_onnx(path: Path, found: str) -> ModelError:
    return ModelError(
        f"Expected an ONNX model, found {found} in '{printable(path)}'. "
        "Choose a file that was exported as .onnx.",
        path=str(path),
        expected="an ONNX model",
        found=found,
    )


def _kind_of(mode: int) -> str:
    """Name a file that is no regular one; opening it might block, or never end."""
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((name for is_kind, name in kinds if is_kind(mode)), "a device")


def _content(head: bytes) -> str:
    """Say in words what a file that is no model holds."""
    if not head:
        return "an empty file"
    for start, magic, name in SIGNATURES:
        if head[start:].startswith(magic):
            return name
    if head.isascii() and head.decode("ascii").strip("\r\n\t").isprintable():
        return "text"
    return "other content"


def printable(text: object, max_length: int = MAX_PRINTED) -> str:
    r"""Return `text` with what a terminal might act on escaped, and its middle left out if long.

    Control characters, line ends, marks that turn the direction of writing, and code points that
    stand for nothing are escaped as Python writes them.

    Examples
    --------
    >>> print(printable("a name\x1b[2J\nof two lines"))
    a name\x1b[2J\nof two lines
    >>> printable("0123456789", 7)
    '012…789'
    """
    whole = str(text)
    if len(whole) > max_length:
        end = (max_length - 1) // 2
        whole = f"{whole[: max_length - 1 - end]}…{whole[len(whole) - end :]}"
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in whole
    )
