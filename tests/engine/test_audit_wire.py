"""Messages from a worker are read as data: every byte string is a message or one error."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iaside_audit.auditing.wire import DTYPES, decode, encode
from iaside_audit.errors import InferenceError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from iaside_audit.auditing.wire import Message

json_values: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
arrays = st.sampled_from(list(DTYPES.values())).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
)
messages = st.dictionaries(st.text(), json_values | arrays, max_size=6)


def framed(header: object, tail: bytes = b"") -> bytes:
    """Return the bytes of a message with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(4) + text + tail


def array_header(dtype: object, shape: object) -> dict[str, object]:
    """Return the header of a message with one array."""
    return {"message": {}, "arrays": [["a", dtype, shape]]}


@given(message=messages)
def test_wire_round_trip(message: Message) -> None:
    """A message is the same after its way: values equal, arrays to the bit, shape and type."""
    found = decode(encode(message))
    assert found.keys() == message.keys()
    for name, value in message.items():
        if isinstance(value, np.ndarray):
            assert found[name].dtype == value.dtype
            assert found[name].shape == value.shape
            assert found[name].tobytes() == value.tobytes()
        else:
            assert found[name] == value
            assert type(found[name]) is type(value)


@given(array=hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=3)))
def test_wire_carries_views(array: np.ndarray) -> None:
    """An array that is not contiguous arrives with its values in their places."""
    view = array.T[::-1]
    np.testing.assert_array_equal(decode(encode({"a": view}))["a"], view)


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}], dtype=object),
        np.array(["text"]),
        np.array([True]),
        np.array([1j]),
        np.zeros(2, dtype=[("x", "f4")]),
        np.zeros(2, dtype=">f4"),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
    ],
    ids=lambda array: array.dtype.str,
)
def test_wire_refuses_other_arrays(array: np.ndarray) -> None:
    """Only four plain number types pass; objects above all do not."""
    with pytest.raises(InferenceError, match="found bytes that are none"):
        decode(encode({"a": array}))


class Bomb:
    """A pickle that would betray itself."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Bomb()),
        framed(pickle.dumps(Bomb())),
        framed(array_header("|O", [1]), pickle.dumps(Bomb())),
        framed(array_header("<f4", [len(pickle.dumps(Bomb()))]), pickle.dumps(Bomb())),
    ],
    ids=["bare", "as header", "as objects", "as too few numbers"],
)
def test_wire_never_loads_a_pickle(data: bytes) -> None:
    """A pickle is refused wherever it stands in a message."""
    with pytest.raises(InferenceError, match="found bytes that are none"):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0",
        b"\xff\xff\xff\xff",
        framed(b"["),
        framed(b"[" * 100_000),
        framed(b"\xff\xfe"),
        framed(b"9" * 5000),
        framed([]),
        framed(None),
        framed({"message": {}}),
        framed({"arrays": []}),
        framed({"message": 3, "arrays": []}),
        framed({"message": {}, "arrays": 3}),
        framed({"message": {}, "arrays": ["abc"]}),
        framed({"message": {}, "arrays": [["a", "<f4"]]}),
        framed({"message": {}, "arrays": [[[], "<f4", [1]]]}, b"1234"),
        framed(array_header([], [1]), b"1234"),
        framed(array_header("<f4", [2]), b"1234"),
        framed(array_header("<f4", [-1]), b"12345678"),
        framed(array_header("<f4", [-1, -1]), b"12345678"),
        framed(array_header("<f4", [10**30]), b"1234"),
        framed(array_header("<f4", [2**62]), b"1234"),
        framed(array_header("<f4", [0, 2**62])),
        framed(array_header("<f4", [0] * 100)),
        framed(array_header("<f4", [1.0]), b"1234"),
        framed(array_header("<f4", ["1"]), b"1234"),
        framed(array_header("<f4", 1), b"1234"),
        framed(array_header("<f4", {}), b"1234"),
    ],
    ids=lambda data: repr(data[4:60]),
)
def test_wire_refuses(data: bytes) -> None:
    """Headers that lie about themselves or their arrays are one error with advice."""
    with pytest.raises(InferenceError, match="run again with --debug"):
        decode(data)


@given(data=st.binary(max_size=200))
def test_wire_survives_garbage(data: bytes) -> None:
    """Any bytes are a message or an InferenceError, never another exception."""
    assert_message_or_error(data)


headers = st.fixed_dictionaries(
    {
        "message": json_values,
        "arrays": json_values
        | st.lists(
            st.tuples(
                json_values,
                st.sampled_from([*DTYPES, "|O", "<f2", ""]) | json_values,
                json_values | st.lists(st.integers(-(2**70), 2**70), max_size=4),
            )
        ),
    }
)


@given(header=headers | json_values, tail=st.binary(max_size=64))
@example(header={"message": {}, "arrays": [["a", "<f4", [2**63]]]}, tail=b"")
def test_wire_survives_false_headers(header: object, tail: bytes) -> None:
    """Well-formed JSON of any content is a message or an InferenceError."""
    assert_message_or_error(framed(header, tail))


@given(message=messages, data=st.data())
def test_wire_survives_truncation(message: Message, data: st.DataObject) -> None:
    """A message that lacks its end is an InferenceError."""
    whole = encode(message)
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(InferenceError):
        decode(part)


@given(message=messages, data=st.data())
def test_wire_survives_damage(message: Message, data: st.DataObject) -> None:
    """A message with a wrong byte is a message or an InferenceError."""
    whole = bytearray(encode(message))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert_message_or_error(bytes(whole))


def assert_message_or_error(data: bytes) -> None:
    """Decode; anything but a dictionary of values or an InferenceError fails."""
    try:
        message = decode(data)
    except InferenceError:
        return
    assert isinstance(message, dict)
    assert all(
        value.dtype in DTYPES.values()
        for value in message.values()
        if isinstance(value, np.ndarray)
    )
