"""What cannot work is refused with one clear message, the right exit code, and nothing written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from audit_material import (
    SIDE,
    ConvNet,
    command_here,
    convnet_spec,
    photographs,
    save_images,
    save_npz,
)
from onnx import TensorProto, helper
from PIL import Image
from sample_results import sample_result

from iaside_audit.classifier.providers import has_nvidia_driver
from iaside_audit.report.documents import write_result

FAILED, UNUSABLE = 1, 2


def graph_of(*inputs: tuple[str, int, list[object]]) -> onnx.ModelProto:
    """Return a model with these inputs: name, element type and shape."""
    values = [helper.make_tensor_value_info(*one) for one in inputs]
    nodes = [helper.make_node("ReduceMean", [values[0].name], ["scores"], axes=[2])]
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 3])
    graph = helper.make_graph(nodes, "graph", values, [scores])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of good and bad material; nothing in it is changed by a test."""
    folder = tmp_path_factory.mktemp("material")
    convnet_spec(folder)
    image = ["N", 3, SIDE, SIDE]
    onnx.save(
        graph_of(("left", TensorProto.FLOAT, image), ("right", TensorProto.FLOAT, image)),
        str(folder / "siamese.onnx"),
    )
    onnx.save(graph_of(("ids", TensorProto.INT64, ["N", 128])), str(folder / "bert.onnx"))
    (folder / "notes.onnx").write_text("These are my notes.\n")
    Image.fromarray(photographs(1)[0]).save(folder / "photo.png")
    (folder / "photo.onnx").write_bytes((folder / "photo.png").read_bytes())
    truncated = (folder / "model.onnx").read_bytes()
    (folder / "truncated.onnx").write_bytes(truncated[: len(truncated) // 2])
    bare = ConvNet().model()
    del bare.metadata_props[:]
    onnx.save(bare, str(folder / "bare.onnx"))
    ConvNet(standardises=True).save(folder / "standardising.onnx")

    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("no image")
    (folder / "unlabelled").mkdir()
    Image.fromarray(photographs(1)[0]).save(folder / "unlabelled" / "a.png")
    small = save_images(folder / "small", 3, side=5)
    assert small.is_dir()
    save_images(folder / "one", 1)
    wrong = save_images(folder / "wrong", 3)
    (wrong / "labels.csv").write_text("path,label\n000.png,0\n001.png,5\n002.png,cat\n")
    (folder / "latin1.csv").write_bytes(b"path,label\nphot\xe9.png,0\n")
    (folder / "twice.csv").write_text("path,label\n000.png,0\n001.png,1\n./000.png,2\n")
    (folder / "header.csv").write_text("path,label\n")
    (folder / "absent.csv").write_text("path,label\nnone.png,0\nnever.png,1\n")
    np.savez(folder / "floats.npz", images=photographs(2) / 255)
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    save_npz(folder / "good.npz", 2)

    (folder / "typo.toml").write_text("[preprocess]\nresise = 32\ncrop = 32\n")
    (folder / "faulty.toml").write_text(
        '[preprocess]\nresize = -1\ncrop = "x"\nstd = [1, 1, 0]\nlayout = "CHW"\n'
    )
    (folder / "large.toml").write_text("[preprocess]\nresize = 64\ncrop = 64\n")
    (folder / "no_table.toml").write_text("resize = 32\n")
    (folder / "no.toml").write_text("resize = = 32\n")
    (folder / "config.toml").write_text('[audit]\nimages = "images"\nband = 4\n')
    (folder / "empty_config.toml").write_text("[audits]\nbands = 4\n")
    (folder / "types.toml").write_text(
        '[audit]\nimages = "images"\nspacing = 0.5\ndevice = 0\nlabels = 3\n'
    )
    (folder / "formats.toml").write_text('[audit]\nimages = "images"\nformats = "pfd"\n')
    (folder / "cache.toml").write_text('[audit]\nimages = "images"\ncache = "no"\n')

    (folder / "a_file").write_text("")
    (folder / "other").mkdir()
    write_result(sample_result(), folder / "other" / "result.json")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "result.json").write_text('{"schema_version": 1, "bands": [')
    return folder


class Case(NamedTuple):
    """Words that are refused: paths are relative to the material, and --out is added."""

    name: str
    words: str
    says: str
    code: int = UNUSABLE


RUN = "run model.onnx --images images"
CASES = [
    Case("no such model", "run modell.onnx --images images", "found nothing at 'modell.onnx'"),
    Case("a folder as model", "run images --images images", "found the folder 'images'"),
    Case("no such id", "run efficientnet_lite1 --images images", "mean 'efficientnet_lite0'"),
    Case("no model", "run --images images", "Expected model in the specification, found none"),
    Case("no images", "run model.onnx", "Expected images in the specification, found none"),
    Case("a photograph as model", "run photo.onnx --images images", "Expected an ONNX model"),
    Case("a text as model", "run notes.onnx --images images", "Expected an ONNX model"),
    Case("a truncated model", "run truncated.onnx --images images", "Expected an ONNX model"),
    Case(
        "two image inputs",
        "run siamese.onnx --images images",
        r"one image input.*found 2 inputs \(left.*right.*Choose an image classifier",
    ),
    Case("a model of text", "run bert.onnx --images images", r"found ids: int64 \(N, 128\)"),
    Case("no such folder", "run model.onnx --images nowhere", "found nothing.*Check --images"),
    Case("an empty folder", "run model.onnx --images empty", "found no file. Check --images"),
    Case("a folder of texts", "run model.onnx --images texts", r"found 1 file \(\.txt\)"),
    Case("a photograph as folder", "run model.onnx --images photo.png", "give the folder of this"),
    Case("an array of floats", "run model.onnx --images floats.npz", "found float64 of shape"),
    Case("a damaged array", "run model.onnx --images broken.npz", "found a file that does not"),
    Case("5 px", "run model.onnx --images small", "found none among 3.*at least 16 px"),
    Case(
        "a label that is no class", "run model.onnx --images wrong", "from 0 to 4.*found '5'; 'cat'"
    ),
    Case("a table in Latin-1", f"{RUN} --labels latin1.csv", "Expected UTF-8.*Save the file as"),
    Case("an image twice", f"{RUN} --labels twice.csv", "line 4 repeats '000.png' of line 2"),
    Case("a table of nothing", f"{RUN} --labels header.csv", "found no row at all"),
    Case("images that are not there", f"{RUN} --labels absent.csv", "none among 2.*found no file"),
    Case("too many bands for all", f"{RUN} --bands 33", "33 is not in the range 2<=x<=32"),
    Case("one band", f"{RUN} --bands 1", "1 is not in the range 2<=x<=32"),
    Case("no labels", "run model.onnx --images unlabelled", "use --labels self"),
    Case("one image to shuffle", "run model.onnx --images one --baseline shuffle", "two different"),
    Case("too many bands", f"{RUN} --bands 20", "32 x 32 px. The largest.* is 17"),
    Case("too fine octaves", f"{RUN} --bands 8 --spacing octave", "32 x 32"),
    Case("too many for exact", f"{RUN} --bands 17 --estimator exact", "at most 16 bands in exact"),
    Case("too small a budget", f"{RUN} --budget 3", "Raise --budget"),
    Case("unknown norm", f"{RUN} --norm l3", "found 'l3'. Did you mean 'l2'"),
    Case("unknown baseline", f"{RUN} --baseline zeroo", "Did you mean 'zero'"),
    Case("unknown value", f"{RUN} --value margins", "Did you mean 'margin'"),
    Case("unknown estimator", f"{RUN} --estimator exakt", "Did you mean 'exact'"),
    Case("unknown spacing", f"{RUN} --spacing octaves", "Did you mean 'octave'"),
    Case("unknown labels", f"{RUN} --labels slef", "found 'slef'.*Did you mean 'self'"),
    Case("unknown device", f"{RUN} --device gpu", "auto, cpu, cuda"),
    Case("unknown format", f"{RUN} --formats json,pfd", "Did you mean 'pdf'"),
    Case("unknown option", f"{RUN} --band 4", "No such option.*--bands"),
    Case("a word for a number", f"{RUN} --bands many", "'many' is not a valid integer"),
    Case("a batch of one", f"{RUN} --mode reference --reference-batch 1", "at least 2, found 1"),
    Case("too few for a batch", f"{RUN} --mode reference", "one batch of 10 images.*found 6"),
    Case("unpublished settings", f"{RUN} --mode reference --norm l2", "another norm"),
    Case("no preprocessing", "run bare.onnx --images images", "found none: no 'bare.toml'"),
    Case("no such preprocessing", f"{RUN} --preprocess none.toml", "found nothing at 'none.toml'"),
    Case("a path without a name", f"{RUN} --config=", "Expected a path, found an empty name"),
    Case("a typing error", f"{RUN} --preprocess typo.toml", "'resise'. Did you mean 'resize'"),
    Case(
        "many faults at once",
        f"{RUN} --preprocess faulty.toml",
        "layout is 'CHW'.*resize is -1.*crop is 'x'.*std holds a zero",
    ),
    Case("another size", f"{RUN} --preprocess large.toml", "height 32, found 64; width 32"),
    Case("no table", f"{RUN} --preprocess no_table.toml", r"Expected a table \[preprocess\]"),
    Case("no TOML", f"{RUN} --preprocess no.toml", "Expected a TOML preprocessing file"),
    Case("no such config", "run model.onnx --config none.toml", "Expected a TOML file of options"),
    Case(
        "a typo in the config",
        "run model.onnx --config config.toml",
        "'band'. Did you mean 'b.*'config.toml'",
    ),
    Case("no table in the config", "run model.onnx --config empty_config.toml", r"table \[audit\]"),
    Case("types in the config", "run model.onnx --config types.toml", "labels.*spacing.*device"),
    Case("formats in the config", "run model.onnx --config formats.toml", "Did you mean 'pdf'"),
    Case("cache in the config", "run model.onnx --config cache.toml", "true or false, found 'no'"),
    Case(
        "a model that standardises",
        "run standardising.onnx --images images",
        "divide 0 by 0.*--baseline noise",
        FAILED,
    ),
    Case("a model no file can be", f"inspect {'z' * 300}", "zzz': File name too long. Check the"),
    Case("a shard no folder can be", f"merge {'z' * 300} --out o", "zzz': File name too long. Ch"),
    Case(
        "a name too long to ask for",
        f"report other --beside {'z' * 300} --out a.svg",
        "too long: 'zzz.*Check the path",
    ),
    Case("inspect nothing", "inspect nowhere.onnx", "found nothing at 'nowhere.onnx'"),
    Case("inspect a photograph", "inspect photo.onnx", "Expected an ONNX model"),
    Case("report of nothing", "report nowhere.json --out a.pdf", "nowhere.json"),
    Case("report of another file", "report typo.toml --out a.pdf", "Expected a JSON document"),
    Case("report in no format", "report other --out a.docx", "found '.docx'"),
    Case("report into nothing", "report other --out no/a.csv", "Create the folder", FAILED),
]


def files_below(folder: Path) -> set[Path]:
    """Return every file and folder below a folder."""
    return set(folder.rglob("*"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_refused(
    case: Case,
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One message on stderr, nothing on stdout, the exit code of the fault, no file anywhere."""
    monkeypatch.chdir(place)
    before = files_below(place)
    words = case.words.split()
    if words[0] == "run":
        words += ["--out", str(tmp_path / "new" / "out"), "--quiet"]
    outcome = command_here(capsys, *words)
    assert outcome.code == case.code, outcome.err
    assert re.search(case.says, outcome.err), outcome.err
    assert outcome.err.count("Error: ") == 1
    assert outcome.err.strip().splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    assert files_below(tmp_path) == set()
    assert files_below(place) == before


class Folder(NamedTuple):
    """An output folder that is taken, and what is said of it."""

    out: str
    says: str
    more: str = ""


FOLDERS = [
    Folder("other", r"found another audit in 'other': .*bands was 8, now 4.*Choose another --out"),
    Folder("damaged", "found a 'result.json' in 'damaged' that cannot be read"),
    Folder("a_file", "found a file: 'a_file'"),
    Folder("a_file", "found a file: 'a_file'", more="--stability"),
    Folder("", "Expected a path, found an empty name"),
]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.out}{folder.more}")
def test_an_output_folder_that_is_taken_is_kept(
    folder: Folder,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What lies in --out is somebody's; it is named, and not one byte of it changes."""
    monkeypatch.chdir(place)
    before = {path: path.read_bytes() for path in files_below(place) if path.is_file()}
    words = ["run", "model.onnx", "--images", "images", "--bands", 4]
    outcome = command_here(capsys, *words, "--out", folder.out, *folder.more.split())
    assert outcome.code == UNUSABLE
    assert re.search(folder.says, outcome.err), outcome.err
    assert outcome.err.count("Error: ") == 1
    assert {path: path.read_bytes() for path in files_below(place) if path.is_file()} == before


def test_another_model_in_the_same_place_is_another_audit(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same request over a model file that has changed is refused; unchanged it repeats."""
    model = ConvNet().save(tmp_path / "model.onnx")
    out = tmp_path / "out"
    words = ["run", model, "--images", place / "images", "--bands", 4, "--formats", "json"]
    words += ["--out", out, "--quiet"]
    assert command_here(capsys, *words).code == 0
    first = json.loads((out / "result.json").read_text())
    assert command_here(capsys, *words).code == 0
    again = json.loads((out / "result.json").read_text())
    assert again["bands"] == first["bands"]
    ConvNet(gain=2.0).save(model)
    outcome = command_here(capsys, *words)
    assert outcome.code == UNUSABLE
    assert re.search(r"rows of the same audit.*Choose another --out", outcome.err)
    assert json.loads((out / "result.json").read_text()) == again


@pytest.mark.parametrize("out", ["/proc/out", "/proc/version/out"])
@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a place where nobody writes")
def test_an_output_folder_that_cannot_be_made_is_refused(
    out: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any work is done, the place is named, and what to do."""
    monkeypatch.chdir(place)
    outcome = command_here(capsys, *RUN.split(), "--out", out)
    assert outcome.code in {FAILED, UNUSABLE}
    assert re.search(rf"Expected a folder .*for --out.*'{out}'.*Choose another --out", outcome.err)
    assert outcome.err.count("Error: ") == 1
    assert outcome.out == ""


def test_images_of_one_content_are_counted(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bootstrap takes copies for new images, so their number is a warning."""
    images = save_images(tmp_path / "images", 3)
    (images / "copy.png").write_bytes((images / "001.png").read_bytes())
    with (images / "labels.csv").open("a") as table:
        table.write("copy.png,1\n")
    words = ["run", place / "model.onnx", "--images", images, "--out", tmp_path / "out"]
    outcome = command_here(capsys, *words, "--bands", 4, "--formats", "json")
    assert outcome.code == 0, outcome.err
    for stream in (outcome.err, outcome.out):  # either may be all that somebody reads
        assert "1 of 4 images has the content of another one" in " ".join(stream.split())


@pytest.mark.skipif(has_nvidia_driver(), reason="needs a machine without CUDA")
@pytest.mark.parametrize(
    "words", ["run model.onnx --images images --out {}", "inspect model.onnx", "selfcheck"]
)
def test_cuda_without_cuda_is_unusable(
    words: str,
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was asked for is never replaced in silence; the next step is named."""
    monkeypatch.chdir(place)
    for slow in ("_game_checks", "_interval_checks"):
        monkeypatch.setattr(f"iaside_audit.auditing.selfcheck.{slow}", lambda: ())
    out = tmp_path / "out"
    outcome = command_here(capsys, *words.format(out).split(), "--device", "cuda")
    assert outcome.code == UNUSABLE
    assert re.search(r"Expected the CUDA provider.*use --device cpu", outcome.err)
    assert not out.exists()


def test_lost_images_are_worse_than_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An audit that had to leave images out finishes, writes, and exits 4."""
    spec = convnet_spec(tmp_path, n_images=6)
    (spec.images / "003.png").write_bytes(b"")
    words = ["run", spec.model, "--images", spec.images, "--bands", 4, "--out", tmp_path / "out"]
    outcome = command_here(capsys, *words, "--formats", "json")
    assert outcome.code == 4
    assert "Left out 003.png: " in outcome.err
    assert "1 failed" in outcome.out
    assert json.loads((tmp_path / "out" / "result.json").read_text())["data"]["n_failed"] == 1


def test_a_missed_target_is_worse_than_asked(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An audit whose interval stays wider than asked finishes, writes, and exits 4."""
    words = ["run", place / "model.onnx", "--images", place / "images", "--bands", 4]
    words += ["--target-halfwidth", 0.001, "--out", tmp_path / "out", "--formats", "json"]
    outcome = command_here(capsys, *words)
    assert outcome.code == 4
    document = json.loads((tmp_path / "out" / "result.json").read_text())
    assert document["estimator"]["converged"] is False
