"""The value functions: what they compute, their units, and plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit import registry
from iaside_audit.errors import SpecError
from iaside_audit.statistics import guessing_value, value_function, value_unit
from iaside_audit.statistics.values import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Callable

log_probabilities = st.floats(-80, 0, width=32)


class FakePoint:
    """An entry point that holds an object."""

    def __init__(self, name: str, target: object) -> None:
        self.name = name
        self.target = target

    def load(self) -> object:
        """Return the object."""
        return self.target


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Register an object as the value function ``plugged``."""

    def register(target: object) -> None:
        point = FakePoint("plugged", target)

        def entry_points(*, group: str, name: str = "plugged") -> list[FakePoint]:
            is_asked = group == registry.VALUE_FUNCTIONS.group and name == point.name
            return [point] if is_asked else []

        monkeypatch.setattr(registry, "entry_points", entry_points)

    return register


def test_builtin_value_functions_are_the_registered_ones() -> None:
    """What a specification may name is what is implemented, in the same order."""
    assert tuple(BUILTIN) == registry.VALUE_FUNCTIONS.builtin


def test_units_are_those_of_the_method() -> None:
    """Log-probability and margin are in nats; probability and accuracy are pure numbers."""
    units = [value_unit(name) for name in registry.VALUE_FUNCTIONS.builtin]
    assert units == ["nats", "", "", "nats"]


@given(log_probabilities, log_probabilities)
def test_value_functions_follow_their_definitions(log_p: float, best_other: float) -> None:
    """Each reads the stored pair as section 3 says, in float64."""
    stored = np.array([log_p], dtype=np.float32), np.array([best_other], dtype=np.float32)
    expected = {
        "log-probability": log_p,
        "probability": np.exp(log_p),
        "accuracy": float(log_p > best_other),
        "margin": log_p - best_other,
    }
    for name, value in expected.items():
        result = value_function(name)(*stored)
        assert result.dtype == np.float64
        np.testing.assert_allclose(result, [value], rtol=1e-15)


def test_guessing_is_worth_what_an_even_answer_is() -> None:
    """Where it is not known, as of a class alone or of a plug-in, nothing is said."""
    worths = [guessing_value(name, n_classes=4) for name in BUILTIN]
    assert worths == pytest.approx([np.log(0.25), 0.25, 0.25, 0.0])
    assert np.isnan(
        [guessing_value("margin", n_classes=0), guessing_value("own", n_classes=4)]
    ).all()


def test_a_tie_counts_as_wrong() -> None:
    """A model that gives two classes the same probability has not recognised the label."""
    tied = np.full((2, 1), -0.6931472, dtype=np.float32)
    assert value_function("accuracy")(tied, tied).tolist() == [[0.0], [0.0]]


def test_probability_nothing_is_zero_and_unknown_stays_unknown() -> None:
    """Values of -inf and NaN pass without a warning."""
    log_p = np.array([-np.inf, np.nan, -np.inf])
    best_other = np.array([-1.0, -1.0, -np.inf])
    answers = {name: value_function(name)(log_p, best_other) for name in BUILTIN}
    np.testing.assert_array_equal(answers["log-probability"], [-np.inf, np.nan, -np.inf])
    np.testing.assert_array_equal(answers["probability"], [0.0, np.nan, 0.0])
    np.testing.assert_array_equal(answers["accuracy"], [0.0, np.nan, np.nan])
    np.testing.assert_array_equal(answers["margin"], [-np.inf, np.nan, np.nan])


def test_a_plug_in_is_called_with_float64(plug_in: Callable[[object], None]) -> None:
    """A plug-in gets the stored pair in float64 and may say its unit."""

    def square(log_p: np.ndarray, best_other: np.ndarray) -> np.ndarray:
        assert log_p.dtype == best_other.dtype == np.float64
        return log_p**2

    plug_in(square)
    stored = np.array([[-2.0, -3.0]], dtype=np.float32)
    assert value_function("plugged")(stored, stored).tolist() == [[4.0, 9.0]]
    assert value_unit("plugged") == ""
    square.unit = "nats squared"  # type: ignore[attr-defined]
    assert value_unit("plugged") == "nats squared"


def test_a_plug_in_of_another_shape_is_refused(plug_in: Callable[[object], None]) -> None:
    """An answer that is not one value a coalition is reported at the seam."""
    plug_in(lambda log_p, _best_other: log_p.sum())
    stored = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(SpecError, match=r"shape \(2, 3\) from the value function 'plugged'"):
        value_function("plugged")(stored, stored)


def test_a_plug_in_that_cannot_be_called_is_refused(plug_in: Callable[[object], None]) -> None:
    """A plug-in is a callable."""
    plug_in(3)
    with pytest.raises(SpecError, match="'plugged' to be callable, found int"):
        value_function("plugged")


@pytest.mark.parametrize("ask", [value_function, value_unit])
def test_unknown_value_functions_are_refused(ask: Callable[[str], object]) -> None:
    """A wrong name is answered with the nearest known one."""
    with pytest.raises(SpecError, match="Did you mean 'accuracy'"):
        ask("acuracy")
