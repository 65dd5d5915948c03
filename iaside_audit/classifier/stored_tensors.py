"""Whether the tensors that a model stores, or declares, are there and of a bearable size.

A few bytes can declare terabytes, and external data can name any file of the machine. Nothing is
opened here: files are only asked for their kind and size.
"""

from __future__ import annotations

import stat
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import onnx

BITS: Final = {
    **dict.fromkeys(("DOUBLE", "INT64", "UINT64", "COMPLEX64"), 64),
    **dict.fromkeys(("FLOAT", "INT32", "UINT32"), 32),
    **dict.fromkeys(("FLOAT16", "BFLOAT16", "INT16", "UINT16"), 16),
    **dict.fromkeys(("INT8", "UINT8", "BOOL", "STRING", "FLOAT8E8M0"), 8),
    **dict.fromkeys(("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ"), 8),
    **dict.fromkeys(("INT4", "UINT4", "FLOAT4E2M1"), 4),
    **dict.fromkeys(("INT2", "UINT2"), 2),
    "COMPLEX128": 128,
}
"""Of one element, by ONNX's name of its type; of a string, the least."""
BYTE: Final = 8
MAX_RANK: Final = 32
"""A longer list of integers is no shape."""
MAX_DIGITS: Final = 20
"""Of an offset: more are beyond the end of any file, and slow to read."""
SHAPE_INPUTS: Final = {"ConstantOfShape": 0, "Expand": 1}
"""Operators that make a tensor of the shape that stands in so many inputs on."""


def tensor_findings(
    tensors: Sequence[onnx.TensorProto],
    sparse: Iterable[onnx.SparseTensorProto],
    nodes: Iterable[onnx.NodeProto],
    path: Path,
    *,
    max_bytes: int,
) -> Iterator[str]:
    """Yield what is wrong with the tensors of a model, in words.

    Parameters
    ----------
    tensors : sequence of onnx.TensorProto
        All of the model: of graphs, functions, attributes and sparse tensors.
    sparse : iterable of onnx.SparseTensorProto
        ONNX Runtime makes them dense when it loads.
    nodes : iterable of onnx.NodeProto
        Those that make tensors of a constant shape are looked at.
    path : Path
        Of the model file.
    max_bytes : int
        The most that all tensors together, or all files together, may take.
    """
    total = 0
    for tensor in tensors:
        n_bytes = _declared_bytes(tensor)
        total += n_bytes or 0
        if n_bytes is None:
            size = " x ".join(map(str, tensor.dims))
            yield f"tensor {tensor.name} of size {size} and type {tensor.data_type}"
        elif not is_external(tensor) and n_bytes > _stored_bytes(tensor):
            yield f"tensor {tensor.name}, which declares {n_bytes:,} bytes that are not there"
    total += sum(_dense_bytes(one) for one in sparse)
    if total > max_bytes:
        yield f"tensors of {total:,} bytes (at most {max_bytes:,})"
    yield from _shape_findings(nodes, tensors, max_bytes=max_bytes)
    yield from _external_findings(tensors, path, max_bytes=max_bytes)


def is_external(tensor: onnx.TensorProto) -> bool:
    """Say whether a tensor's numbers lie in another file."""
    return bool(tensor.data_location == tensor.EXTERNAL)


def external_locations(tensors: Iterable[onnx.TensorProto]) -> set[str]:
    """Return the names of the files that hold external data, as the model writes them."""
    return {
        entry.value
        for tensor in tensors
        if is_external(tensor)
        for entry in tensor.external_data
        if entry.key == "location"
    }


def _bits(tensor: onnx.TensorProto) -> int | None:
    """Return the bits of an element, None for a type that is none."""
    try:
        return BITS.get(tensor.DataType.Name(tensor.data_type))
    except ValueError:
        return None


def _declared_bytes(tensor: onnx.TensorProto) -> int | None:
    """Return the bytes that a tensor should take, None where its type or a dimension is none."""
    bits = _bits(tensor)
    if bits is None or min(tensor.dims, default=0) < 0:
        return None
    return -(-int(prod(tensor.dims)) * bits // BYTE)


def _stored_bytes(tensor: onnx.TensorProto) -> int:
    """Return the bytes that the file holds for a tensor, counted as generously as can be."""
    if tensor.raw_data:
        return len(tensor.raw_data)
    n_shared = len(tensor.int32_data) + len(tensor.uint64_data) + len(tensor.string_data)
    each = max((_bits(tensor) or BYTE) // BYTE, 1)  # these fields also hold narrower types
    wide = len(tensor.double_data) + len(tensor.int64_data)
    return 4 * len(tensor.float_data) + 8 * wide + each * n_shared


def _dense_bytes(sparse: onnx.SparseTensorProto) -> int:
    if min(sparse.dims, default=0) < 0:
        return 0  # ONNX Runtime refuses it
    return int(prod(sparse.dims)) * (_bits(sparse.values) or BYTE) // BYTE


def _shape_findings(
    nodes: Iterable[onnx.NodeProto], tensors: Iterable[onnx.TensorProto], *, max_bytes: int
) -> Iterator[str]:
    """Find nodes that make a tensor of a constant, unbearable shape."""
    nodes = list(nodes)
    sizes = {tensor.name: n for tensor in tensors if (n := _product(tensor)) > max_bytes}
    for node in nodes:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                n_values = max(_product(attribute.t), _product_of(attribute.ints))
                if n_values > max_bytes:
                    sizes |= dict.fromkeys(node.output, n_values)
    for node in nodes:
        place = SHAPE_INPUTS.get(node.op_type, len(node.input))
        n_values = sizes.get(node.input[place], 0) if place < len(node.input) else 0
        if node.op_type.startswith("Random"):
            shapes = (one.ints for one in node.attribute if one.name == "shape")
            n_values = max(map(_product_of, shapes), default=0)
        if n_values > max_bytes:
            yield f"a {node.op_type} of {n_values:,} values"


def _product(tensor: onnx.TensorProto) -> int:
    """Return the product of a tensor's integers, where it might be a shape; else 0."""
    if tensor.data_type != tensor.INT64 or len(tensor.dims) != 1 or tensor.dims[0] > MAX_RANK:
        return 0
    raw = tensor.raw_data
    return _product_of(
        np.frombuffer(raw[: len(raw) // 8 * 8], dtype="<i8").tolist() if raw else tensor.int64_data
    )


def _product_of(sizes: Sequence[int]) -> int:
    return prod(sizes) if 0 < len(sizes) <= MAX_RANK and min(sizes) > 0 else 0


def _external_findings(
    tensors: Iterable[onnx.TensorProto], path: Path, *, max_bytes: int
) -> Iterator[str]:
    """Find external data outside the model's folder, and such that is not all there."""
    folder = path.parent.resolve()
    sizes: dict[str, int | None] = {}
    for tensor in tensors:
        if not is_external(tensor):
            continue
        keys = [entry.key for entry in tensor.external_data]
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if len(keys) != len(entries):
            yield f"tensor {tensor.name}, whose external data are named twice"
        location = entries.get("location", "")
        if location not in sizes:
            try:
                sizes[location] = _size_beside(folder, location)
            except ValueError as error:
                sizes[location] = None
                yield f"external data in '{location}', {error}"
        size = sizes[location]
        if size is None:
            continue
        offset, length = entries.get("offset", "0"), entries.get("length", "0")
        needed = _declared_bytes(tensor) or 0
        if not (offset.isdecimal() and length.isdecimal()):
            yield f"tensor {tensor.name}, at the offset '{offset}' for '{length}' bytes"
        elif int(offset[:MAX_DIGITS]) + max(int(length[:MAX_DIGITS]), needed) > size:
            yield f"tensor {tensor.name}, which ends after the end of '{location}'"
    total = sum(size or 0 for size in sizes.values())
    if total > max_bytes:
        yield f"external data of {total:,} bytes (at most {max_bytes:,})"


def _size_beside(folder: Path, location: str) -> int:
    """Return the size of a file below `folder`, which is asked for without opening it.

    Raises
    ------
    ValueError
        Saying why the file must not be read.
    """
    parts = PurePosixPath(location).parts
    if PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor:
        raise ValueError("an absolute path")
    if not parts or ".." in (*parts, *PureWindowsPath(location).parts):
        raise ValueError("which is not below the model's folder")
    file = folder
    for part in parts:
        file /= part
        try:
            status = file.lstat()
        except (OSError, ValueError) as error:
            raise ValueError("which is not there") from error
        if stat.S_ISLNK(status.st_mode):
            raise ValueError("a symbolic link")
    if not file.resolve().is_relative_to(folder):  # a junction, where there are such
        raise ValueError("which is not below the model's folder")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("which is no regular file")
    if status.st_nlink > 1:
        raise ValueError("a hard link, which may be a file from elsewhere")
    return status.st_size
