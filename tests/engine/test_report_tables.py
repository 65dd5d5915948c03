"""The bands as CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

import pytest
from sample_results import sample_result

from iaside_audit.report.tables import COLUMNS, importance_csv, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import BandResult


def numbers_of(band: BandResult) -> tuple[float, ...]:
    """Return a band's numbers in the order of the columns."""
    return (
        band.low,
        band.high,
        band.shapley,
        band.standard_error,
        *band.interval,
        band.importance,
        band.importance_standard_error,
        *band.importance_interval,
    )


@pytest.mark.parametrize("n_bands", [4, 8, 16])
def test_importance_csv_round_trips_exactly(n_bands: int) -> None:
    """Every number reads back to the last bit, a line for each band."""
    result = sample_result(n_bands)
    header, *lines = csv.reader(io.StringIO(importance_csv(result)))
    assert tuple(header) == COLUMNS
    assert [tuple(map(float, line[1:-1])) for line in lines] == [
        numbers_of(band) for band in result.bands
    ]
    assert [line[0] for line in lines] == [str(band.index) for band in result.bands]
    assert [line[-1] == "true" for line in lines] == [band.at_boundary for band in result.bands]


def test_importance_csv_says_nan_where_nothing_is_defined() -> None:
    """Interval ends that are not defined read back as NaN."""
    lines = list(csv.DictReader(io.StringIO(importance_csv(sample_result(has_intervals=False)))))
    assert all(math.isnan(float(line["shapley_low"])) for line in lines)


def test_write_csv_ends_lines_as_the_standard_says(tmp_path: Path) -> None:
    """Lines end in carriage return and line feed on every system (RFC 4180)."""
    write_csv(sample_result(4), tmp_path / "a.csv")
    data = (tmp_path / "a.csv").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 5
