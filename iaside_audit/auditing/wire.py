"""Messages between the process that talks to the user and its workers.

A worker runs a stranger's model, so what it sends is read as data: JSON and flat numeric arrays,
never pickles, which could run code on this side.

A message is a 4-byte big-endian length, a JSON header of that length, and the bytes of the arrays
one after the other.
"""

from __future__ import annotations

import json
from math import prod
from typing import Any, Final

import numpy as np

from iaside_audit.errors import InferenceError

Message = dict[str, Any]  # Any: JSON values, and numpy arrays at the top level

DTYPES: Final = {name: np.dtype(name) for name in ("<f4", "<f8", "<u4", "<i8")}


def encode(message: Message) -> bytes:
    """Return the bytes of a message; arrays may stand at its top level.

    Examples
    --------
    >>> decode(encode({"task": "lease", "codes": np.array([1, 2], dtype=np.uint32)}))["codes"]
    array([1, 2], dtype=uint32)
    """
    arrays = {
        name: np.asarray(value, order="C")
        for name, value in message.items()
        if isinstance(value, np.ndarray)
    }
    header = {
        "message": {name: value for name, value in message.items() if name not in arrays},
        "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
    }
    text = json.dumps(header).encode()
    return b"".join([len(text).to_bytes(4), text, *(array.tobytes() for array in arrays.values())])


def decode(data: bytes) -> Message:
    """Return the message of :func:`encode`'s bytes.

    Raises
    ------
    InferenceError
        If the bytes are no message.
    """
    try:
        end = 4 + int.from_bytes(data[:4])
        header = json.loads(data[4:end])
        message: Message = dict(header["message"])
        for name, dtype, shape in header["arrays"]:
            kind = DTYPES[dtype]  # a KeyError for any other, objects above all
            if min(shape, default=0) < 0:
                raise ValueError("a negative size")  # noqa: TRY301 - told below, like the others
            array = np.frombuffer(data, dtype=kind, count=prod(shape), offset=end)
            message[name] = array.reshape(shape)
            end += array.nbytes
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InferenceError(
            "Expected a message from the worker process, found bytes that are none. "
            "The model may have damaged its process; run again with --debug."
        ) from error
    return message
