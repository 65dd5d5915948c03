"""The bands as CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

import pytest
from sample_results import sample_result

from iaside_audit.report.tables import (
    COLUMNS,
    classes_csv,
    images_csv,
    importance_csv,
    interactions_csv,
    outcomes_csv,
    write_csv,
)

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


def lines_of(text: str | None) -> list[dict[str, str]]:
    """Read a table back."""
    assert text is not None
    return list(csv.DictReader(io.StringIO(text)))


def test_classes_and_outcomes_read_back_exactly() -> None:
    """Every number of a group stands in the column of its name and band."""
    result = sample_result(4, has_breakdown=True)
    assert result.classes is not None
    assert result.outcomes is not None
    classes, outcomes = lines_of(classes_csv(result)), lines_of(outcomes_csv(result))
    assert [line["name"] for line in classes] == ["tench", ""]
    assert [line["outcome"] for line in outcomes] == ["correct", "wrong"]
    groups = [*result.classes, result.outcomes.correct, result.outcomes.wrong]
    for line, group in zip([*classes, *outcomes], groups, strict=True):
        assert (int(line["n_images"]), float(line["top1"])) == (group.n_images, group.top1)
        assert float(line["signed_high"]) == group.signed_interval[1]
        for band in range(4):
            found = [float(line[f"shapley_{band}{end}"]) for end in ("", "_low", "_high")]
            assert found == [group.shapley[band], *group.interval[band]]
            found = [float(line[f"importance_{band}{end}"]) for end in ("", "_low", "_high")]
            assert found == [group.importance[band], *group.importance_interval[band]]


def test_interactions_list_every_pair_once() -> None:
    """Pairs come from the upper triangle, coefficients by their members."""
    result = sample_result(4, has_breakdown=True)
    record = result.interactions
    assert record is not None
    lines = lines_of(interactions_csv(result))
    pairs = [line for line in lines if line["kind"] == "SII"]
    assert [line["bands"] for line in pairs] == ["0 1", "0 2", "0 3", "1 2", "1 3", "2 3"]
    for line in pairs:
        one, other = map(int, line["bands"].split())
        assert float(line["value"]) == record.matrix[other][one]
        assert (float(line["low"]), float(line["high"])) == record.interval[one][other]
    coefficients = lines[len(pairs) :]
    assert [line["bands"] for line in coefficients] == ["", "0", "1", "2", "3"]
    assert float(coefficients[3]["value"]) == record.moebius[3].value


def test_images_keep_their_order() -> None:
    """A line for each image, its Shapley values by band."""
    result = sample_result(4, has_breakdown=True)
    assert result.images is not None
    lines = lines_of(images_csv(result))
    for line, image in zip(lines, result.images, strict=True):
        assert (line["path"], line["image_id"]) == (image.path, image.image_id)
        assert tuple(float(line[f"shapley_{band}"]) for band in range(4)) == image.shapley


def test_what_a_result_does_not_hold_is_no_table() -> None:
    """No interactions, classes, outcomes or images: no file, rather than an empty one."""
    result = sample_result(4)
    tables = (classes_csv, outcomes_csv, interactions_csv, images_csv)
    assert [table(result) for table in tables] == [None] * 4


def test_importance_csv_says_nan_where_nothing_is_defined() -> None:
    """Interval ends that are not defined read back as NaN."""
    lines = list(csv.DictReader(io.StringIO(importance_csv(sample_result(has_intervals=False)))))
    assert all(math.isnan(float(line["shapley_low"])) for line in lines)


def test_write_csv_ends_lines_as_the_standard_says(tmp_path: Path) -> None:
    """Lines end in carriage return and line feed on every system (RFC 4180)."""
    write_csv(sample_result(4), tmp_path / "a.csv")
    data = (tmp_path / "a.csv").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 5
