"""Rows of an earlier audit serve the next one, and only those that still hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from audit_material import (
    assert_same_rows,
    audit_here,
    convnet_spec,
    events_here,
    finished,
    photographs,
)
from PIL import Image

from iaside_audit.events import Warned
from iaside_audit.result import results_agree

if TYPE_CHECKING:
    from pathlib import Path


def test_a_changed_image_is_computed_again(tmp_path: Path) -> None:
    """Of an audit whose images changed since, only the changed are put through the model."""
    asked = convnet_spec(tmp_path, n_images=8, threads=1, batch=1, labels="self")
    out = tmp_path / "out"
    audit_here(asked, out=out)
    Image.fromarray(photographs(1, seed=99)[0]).save(tmp_path / "images" / "002.png")
    events = list(events_here(asked, out=out))
    result = finished(events)
    assert result.runtime.n_resumed == 7
    notes = [one.message for one in events if isinstance(one, Warned) and one.code == "store"]
    assert len(notes) == 1
    assert "7 of its 8 rows are used again" in notes[0]
    assert_same_rows(result, audit_here(asked), atol=1e-4)


def test_an_audit_grows_in_its_folder(tmp_path: Path) -> None:
    """More images go on with the rows there are; the result is that of all at once."""
    asked = convnet_spec(tmp_path, n_images=10, threads=1)
    out = tmp_path / "out"
    audit_here(replace(asked, max_images=4, estimator="exact"), out=out)
    grown = audit_here(replace(asked, estimator="exact"), out=out)
    assert grown.runtime.n_resumed == 4
    assert results_agree(grown, audit_here(replace(asked, estimator="exact")))


def test_another_statistic_costs_no_model_run(tmp_path: Path) -> None:
    """The rows of an audit serve another one with other scores, and one of fewer images."""
    asked = convnet_spec(tmp_path, n_images=10, threads=1)
    cache = tmp_path / "rows.sqlite"
    first = audit_here(asked, cache=cache)
    assert first.runtime.n_cached == 0
    again = audit_here(replace(asked, beta=0.5, confidence=0.9, max_images=6), cache=cache)
    assert again.runtime.n_cached == 6
    assert again.runtime.n_evaluations == 1, "the empty coalition, which all images share"
    np.testing.assert_array_equal(again.rows().log_p, first.rows().log_p[:6])
    for other in ({"baseline": "mean"}, {"range": "clip"}, {"bands": 3}, {"norm": "l2"}):
        assert audit_here(replace(asked, **other), cache=cache).runtime.n_cached == 0
    walked = audit_here(replace(asked, estimator="permutation", seed=0), cache=cache)
    assert walked.runtime.n_cached == 10, "an exact row holds every coalition of a walk"


def test_a_cache_that_fails_is_said_and_done_without(tmp_path: Path) -> None:
    """An audit never fails for its cache."""
    asked = convnet_spec(tmp_path, n_images=6, threads=1)
    (tmp_path / "folder").write_text("a file where a folder is needed")
    events = list(events_here(asked, cache=tmp_path / "folder" / "rows.sqlite"))
    result = finished(events)
    said = [one.message for one in events if isinstance(one, Warned) and one.code == "cache"]
    assert len(said) == 1
    assert "--no-cache" in said[0]
    assert result.data.n_images == 6
