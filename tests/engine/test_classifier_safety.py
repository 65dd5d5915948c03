"""What is unsafe is refused before ONNX Runtime sees it, all at once, in printable words."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hostile_kit import Case, Outcome, external, model_of, nodes_after, safe_model, save
from hostile_models import cases, write_corpus
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from shared_material import shared

from iaside_audit.choices import MAX_MODEL_BYTES
from iaside_audit.classifier import safety
from iaside_audit.classifier.catalogue import shipped_models
from iaside_audit.classifier.contents import model_contents
from iaside_audit.classifier.graph import load_graph
from iaside_audit.classifier.safety import (
    MAX_FINDINGS,
    check_file,
    check_graph,
    printable,
)
from iaside_audit.classifier.stored_tensors import external_locations
from iaside_audit.classifier.synthetic import synthetic_classifiers
from iaside_audit.errors import ModelError, ModelNotFoundError

if TYPE_CHECKING:
    from onnx import ModelProto

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and links are POSIX")

LATER = re.compile("can load|NoSuch|Expected |found 0|output|acyclic|No.+Such")
"""What the description of the graph, or ONNX Runtime, says of the corpus."""
REFUSED = [
    case
    for case in cases()
    if case.outcome == Outcome.REFUSED and case.says and not LATER.match(case.says)
]
ACCEPTED = [case for case in cases() if case.outcome in {Outcome.FINE, Outcome.FAILS}]


def check(path: Path) -> None:
    """Check a file and its graph, as a worker does before it opens a session."""
    check_file(path)
    check_graph(load_graph(path), path)


def refusal(model: ModelProto, path: Path, *, max_bytes: int = MAX_MODEL_BYTES) -> ModelError:
    """Return the error that refuses a model."""
    with pytest.raises(ModelError) as caught:
        check_graph(model, path, max_bytes=max_bytes)
    return caught.value


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the corpus once."""
    written = write_corpus(tmp_path_factory.mktemp("corpus"))
    return {case.name: path for case, path in written}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_hostile_files_are_refused_with_a_reason(case: Case, corpus: dict[str, Path]) -> None:
    """Each is one printable ModelError that names the reason, found without running anything."""
    with pytest.raises(ModelError, match=case.says) as caught:
        check(corpus[case.name])
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 2500
    assert caught.value.path == str(corpus[case.name])


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_other_files_are_let_through(case: Case, corpus: dict[str, Path]) -> None:
    """What is sound, and what only fails while it runs, is not refused here."""
    check(corpus[case.name])


def test_shipped_and_synthetic_models_are_safe(tmp_path: Path) -> None:
    """No model of our own is refused."""
    for number, classifier in enumerate(synthetic_classifiers()):
        path = tmp_path / f"{number}.onnx"
        classifier.save(path)
        check(path)
    for record in shipped_models():
        check(record.path)


@pytest.mark.shared
def test_published_models_are_safe() -> None:
    """No model of the zoo is refused."""
    paths = list(shared("zoo/models").glob("*.onnx"))
    assert paths
    for path in paths:
        check(path)


def test_check_names_a_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(ModelNotFoundError, match=r"found nothing at '.*none\.onnx'"):
        check_file(tmp_path / "none.onnx")


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
def test_check_names_an_unreadable_file(tmp_path: Path) -> None:
    """A file that may not be read is a ModelError."""
    path = save(safe_model(), tmp_path)
    path.chmod(0)
    with pytest.raises(ModelError, match="you may read it"):
        check_file(path)


def test_file_may_be_a_link(tmp_path: Path) -> None:
    """Model caches link to their files: the model itself may be a link, of either kind."""
    path = save(safe_model(), tmp_path)
    (tmp_path / "soft.onnx").symlink_to(path)
    (tmp_path / "hard.onnx").hardlink_to(path)
    check(tmp_path / "soft.onnx")
    check(tmp_path / "hard.onnx")


def test_external_data_lie_beside_the_path_that_is_given(tmp_path: Path) -> None:
    """A link to a model elsewhere brings no data from there; ONNX Runtime looks beside the link."""
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    model = model_of(nodes_after(), tensors=[external("weights.bin")])
    path = save(model, tmp_path / "there")
    (tmp_path / "there" / "weights.bin").write_bytes(bytes(60))
    check(path)
    link = tmp_path / "here" / "model.onnx"
    link.symlink_to(path)
    with pytest.raises(ModelError, match="which is not there"):
        check(link)


def test_folder_of_the_model_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """A link above the model's folder is the user's own matter."""
    (tmp_path / "there").mkdir()
    save(model_of(nodes_after(), tensors=[external("weights.bin")]), tmp_path / "there")
    (tmp_path / "there" / "weights.bin").write_bytes(bytes(60))
    (tmp_path / "here").symlink_to(tmp_path / "there")
    check(tmp_path / "here" / "model.onnx")


def test_every_finding_is_told_at_once(tmp_path: Path) -> None:
    """The message names the first findings and counts the others; the error holds them all."""
    nodes = [
        helper.make_node("Custom", ["image"], [f"x{n}"], domain=f"domain{n}") for n in range(7)
    ]
    model = model_of(nodes_after(*nodes), tensors=[external("../secret.bin")])
    error = refusal(model, tmp_path / "m.onnx")
    assert error.message.count("operator Custom") == MAX_FINDINGS
    assert "; and 3 more. " in error.message
    assert error.found is not None
    assert error.found.count("operator Custom") == 7
    assert "../secret.bin" in error.found


def test_limit_of_bytes_can_be_raised(tmp_path: Path) -> None:
    """The same file and the same tensors are refused below, and accepted at, their size."""
    path = save(safe_model(), tmp_path)
    size = path.stat().st_size
    check_file(path, max_bytes=size)
    with pytest.raises(ModelError, match=r"Raise --max-model-bytes"):
        check_file(path, max_bytes=size - 1)
    model = load_graph(path)
    check_graph(model, path, max_bytes=60)
    assert "tensors of 60 bytes" in str(refusal(model, path, max_bytes=59).found)


def test_external_data_count_for_the_limit(tmp_path: Path) -> None:
    """A small tensor of a large file makes ONNX Runtime map, and us hash, the large file."""
    (tmp_path / "weights.bin").write_bytes(bytes(10_000))
    model = model_of(nodes_after(), tensors=[external("weights.bin")])
    check_graph(model, tmp_path / "m.onnx", max_bytes=10_000)
    error = refusal(model, tmp_path / "m.onnx", max_bytes=9_999)
    assert error.found == "external data of 10,000 bytes (at most 9,999)"


def test_many_tensors_of_one_place_count_each(tmp_path: Path) -> None:
    """A thousand tensors that share the same bytes take a thousand times the memory."""
    (tmp_path / "weights.bin").write_bytes(bytes(60))
    model = model_of(nodes_after(), tensors=[external("weights.bin") for _ in range(1000)])
    error = refusal(model, tmp_path / "m.onnx", max_bytes=59_999)
    assert error.found == "tensors of 60,000 bytes (at most 59,999)"


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
@pytest.mark.parametrize(
    "kind",
    [
        getattr(TensorProto, name)
        for name in (
            *("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT8", "UINT8", "INT16", "INT32"),
            *("INT64", "UINT32", "UINT64", "BOOL", "COMPLEX64", "COMPLEX128", "INT4", "UINT4"),
            *("FLOAT8E4M3FN", "FLOAT8E5M2", "FLOAT4E2M1"),
        )
    ],
    ids=TensorProto.DataType.Name,
)
@pytest.mark.parametrize("n_values", [0, 1, 5, 12])
def test_tensors_that_are_there_are_accepted(
    kind: int, n_values: int, tmp_path: Path, *, raw: bool
) -> None:
    """Whatever its type, and in whichever field it is stored, a whole tensor passes."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    values = np.arange(n_values).astype(dtype)
    tensor = (
        numpy_helper.from_array(values, "stored")
        if raw
        else helper.make_tensor("stored", kind, [n_values], values)
    )
    check_graph(model_of(nodes_after(), tensors=[tensor]), tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["FLOAT", "INT64", "FLOAT16", "BOOL", "UINT32", "DOUBLE"])
@given(n_values=st.integers(1, 40), missing=st.integers(1, 40), raw=st.booleans())
def test_tensors_that_are_not_there_are_refused(
    name: str, n_values: int, missing: int, *, raw: bool
) -> None:
    """A tensor that declares more values than it stores is found, however little is missing."""
    kind = getattr(TensorProto, name)
    values = np.ones(n_values, dtype=helper.tensor_dtype_to_np_dtype(kind))
    tensor = (
        numpy_helper.from_array(values, "stored")
        if raw
        else helper.make_tensor("stored", kind, [n_values], values)
    )
    tensor.dims[0] += missing
    error = refusal(model_of(nodes_after(), tensors=[tensor]), Path("m.onnx"))
    assert "tensor stored" in str(error.found)


def test_locations_are_found_wherever_they_stand() -> None:
    """The files of external data are those of graphs, branches, functions and attributes."""
    constant = helper.make_node("Constant", [], ["weights"], value=external("constant.bin"))
    body = helper.make_graph([], "body", [], [], [external("branch.bin")])
    branch = helper.make_node("If", ["yes"], ["z"], then_branch=body, else_branch=body)
    inner = helper.make_node("Constant", [], ["y"], value=external("function.bin"))
    function = helper.make_function("local", "F", [], ["y"], [inner], [])
    model = model_of(
        [constant, branch],
        functions=[function],
        tensors=[external("graph.bin")],
        sparse=[helper.make_sparse_tensor(
            external("sparse.bin"), numpy_helper.from_array(np.zeros(1, np.int64)), [3]
        )],
    )  # fmt: skip
    tensors = [one for part in model_contents(model).values() for one in part.tensors]
    assert external_locations(tensors) == {
        f"{name}.bin" for name in ("constant", "branch", "function", "graph", "sparse")
    }


def test_unused_functions_are_checked_too(tmp_path: Path) -> None:
    """A function that nothing calls is held to the same rules."""
    node = helper.make_node("Custom", ["x"], ["y"], domain="com.example")
    function = helper.make_function("local", "F", ["x"], ["y"], [node], [])
    error = refusal(model_of(nodes_after(), functions=[function]), tmp_path / "m.onnx")
    assert "com.example" in str(error.found)


def test_domains_that_are_only_imported_are_accepted(tmp_path: Path) -> None:
    """Exporters import domains that they do not use; only nodes count."""
    model = model_of(nodes_after(), domains=["ai.onnx.ml", "com.microsoft.nchwc", "com.example"])
    check_graph(model, tmp_path / "m.onnx")


def test_check_of_a_large_graph_is_quick(tmp_path: Path) -> None:
    """As many nodes as are accepted are checked within seconds."""
    many = [helper.make_node("Neg", ["image"], [f"n{n}"]) for n in range(190_000)]
    model = model_of(nodes_after(*many))
    started = time.perf_counter()
    check_graph(model, tmp_path / "m.onnx")
    assert time.perf_counter() - started < 20


@given(st.text())
def test_printable_text_holds_nothing_to_act_on(text: str) -> None:
    """Whatever goes in, what comes out is printable; plain text is unchanged."""
    shown = printable(text)
    assert shown.isprintable()
    if text.isprintable() and len(text) <= safety.MAX_PRINTED:
        assert shown == text


@given(st.text(min_size=20), st.integers(5, 19))
def test_long_text_keeps_its_ends(text: str, max_length: int) -> None:
    """What is left out is the middle, and a mark stands for it."""
    shown = printable(text, max_length)
    kept = [part for part in (text[:2], text[-2:]) if part.isprintable()]
    assert "…" in shown
    assert all(part in shown for part in kept)
    assert not text.isprintable() or len(shown) == max_length


def test_printable_escapes_what_fools_a_reader() -> None:
    """Terminal codes, line ends and turned writing appear as Python writes them."""
    assert printable("a\x1b[2J\r\n\u202eb\ud800") == "a\\x1b[2J\\r\\n\\u202eb\\ud800"
