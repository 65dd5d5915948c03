"""What each command does beside its errors."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from audit_material import (
    ConvNet,
    audit_here,
    command,
    command_here,
    convnet_spec,
    save_images,
)

from iaside_audit.auditing import selfcheck
from iaside_audit.cli import COMMANDS, group
from iaside_audit.cli.options import HELP
from iaside_audit.cli.run import parse_formats
from iaside_audit.errors import SpecError
from iaside_audit.report import load_result, score_sentence
from iaside_audit.report.documents import write_result
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from iaside_audit.result import AuditResult

OPTIONS: dict[str, Any] = {  # Any: of several types
    "labels": "labels.csv",
    "classes": "names.txt",
    "output": "scores",
    "preprocess": "model.toml",
    "bands": 5,
    "norm": "l2",
    "spacing": "octave",
    "frame": 48,
    "baseline": "noise",
    "range": "clip",
    "value": "margin",
    "beta": 0.5,
    "estimator": "permutation",
    "pairs": 2,
    "max_images": 9,
    "budget": 999,
    "target_halfwidth": 0.25,
    "seed": 7,
    "confidence": 0.9,
    "interval": "bca",
    "device": "cpu",
    "batch": 6,
    "threads": 1,
    "workers": 2,
    "max_model_bytes": 10**9,
}
"""A value for every option of INTERFACE.md that goes with all others, none its default."""
APART: list[dict[str, Any]] = [  # Any: the same
    {"shard": "2/4", "resume": False},
    {"scheduler": "local:2"},
    {"estimator": "exact", "interactions": True},
    {"mode": "reference", "reference_batch": 4},
]
"""The others: what they exclude is left out."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small model and a few images."""
    folder = tmp_path_factory.mktemp("place")
    convnet_spec(folder)
    return folder


@pytest.fixture(scope="module")
def audited(place: Path) -> AuditResult:
    """Return the result of an audit of them."""
    return audit_here(convnet_spec(place))


def command_of(name: str) -> click.Command:
    """Return a built-in command."""
    found = group.get_command(None, name)  # type: ignore[arg-type]  # no context is needed
    assert found is not None
    return found


def captured_spec(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[AuditSpec, dict[str, Any]]:
    """Return the specification, and the rest, that ``run`` would run."""
    caught: list[tuple[AuditSpec, dict[str, Any]]] = []

    def catch(spec: AuditSpec, **rest: Any) -> int:
        caught.append((spec, rest))
        return 0

    monkeypatch.setattr("iaside_audit.cli.run.run_and_report", catch)
    outcome = command_here(capsys, "run", *words)
    assert outcome.code == 0, outcome.err
    return caught[0]


def test_help_covers_the_fields_of_a_specification() -> None:
    """Every field of AuditSpec but the model has its option and its line, and nothing else has."""
    names = {field.name for field in fields(AuditSpec)} - {"model"}
    assert HELP.keys() == names
    tested = {"images"}.union(OPTIONS, *APART)
    assert tested == names, "the tests below"
    options = {option.name for option in command_of("run").params}
    beside = {
        "model",
        "out",
        "config",
        "formats",
        "plans",
        "is_panel",
        "cache",
        "as_json",
        "quiet",
        "debug",
    }
    assert options == names | beside


def test_help_shows_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    """The defaults that the help names are those of the specification."""
    text = " ".join(command_here(capsys, "run", "--help").out.split())
    spec = AuditSpec(model="m", images="i")  # type: ignore[arg-type]  # strings are accepted too
    for name, value in spec.to_dict().items():
        if name not in {"model", "images"} and value is not None:
            option = re.split(rf"--{name.replace('_', '-')}[ /]", text, maxsplit=1)[-1]
            shown = re.search(r"\[default: ([^]]*)\]", option)
            assert shown is not None
            expected = f"{'' if value else 'no-'}{name}" if isinstance(value, bool) else str(value)
            assert shown[1].replace("- ", "-") == expected, name


def test_options_of_the_command_line_reach_the_specification(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every option of INTERFACE.md is taken, and is the field of its name."""
    for options in (OPTIONS, *APART):
        words = [
            f"--{'no-' * (value is False)}{name.replace('_', '-')}"
            + ("" if isinstance(value, bool) else f"={value}")
            for name, value in options.items()
        ]
        found, rest = captured_spec(
            monkeypatch, capsys, "m.onnx", "--images", "i", "--out", "o", *words
        )
        assert found == AuditSpec(model="m.onnx", images="i", **options)  # type: ignore[arg-type]
        assert rest["formats"] == ("json", "pdf", "csv")
        assert rest["uses_cache"] is True


def test_resume_and_cache_reach_the_audit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """On the command line and in a file they have a yes and a no."""
    words = ["m.onnx", "--images", "i", "--out", "o", "--no-resume", "--no-cache"]
    found, rest = captured_spec(monkeypatch, capsys, *words)
    assert (found.resume, rest["uses_cache"]) == (False, False)
    config = tmp_path / "audit.toml"
    config.write_text("[audit]\nresume = false\ncache = false\n")
    words = ["m.onnx", "--images", "i", "--out", "o", "--config", config]
    found, rest = captured_spec(monkeypatch, capsys, *words)
    assert (found.resume, rest["uses_cache"]) == (False, False)
    found, rest = captured_spec(monkeypatch, capsys, *words, "--resume", "--cache")
    assert (found.resume, rest["uses_cache"]) == (True, True)


@pytest.mark.parametrize("dashes", [True, False], ids=["with dashes", "with underscores"])
def test_options_of_a_file_reach_the_specification(
    dashes: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same names under ``[audit]`` of a TOML file say the same."""
    values = {"model": "m.onnx", "images": "i", "formats": "csv"} | OPTIONS
    names = {name: name.replace("_", "-") if dashes else name for name in values}
    lines = [f"{names[name]} = {json.dumps(value)}" for name, value in values.items()]
    config = tmp_path / "audit.toml"
    config.write_text("\n".join(["[audit]", *lines]), encoding="utf-8")
    found, rest = captured_spec(monkeypatch, capsys, "--config", config, "--out", "o")
    assert found == AuditSpec(model="m.onnx", images="i", **OPTIONS)  # type: ignore[arg-type]
    assert rest["formats"] == ("csv",)


def test_the_command_line_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said last and nearest counts; the rest stays the file's."""
    config = tmp_path / "audit.toml"
    config.write_text(
        '[audit]\nmodel = "a.onnx"\nimages = "i"\nseed = 3\nbands = 4\nformats = "csv"\n'
    )
    words = ["b.onnx", "--config", config, "--seed", 5, "--out", "o", "--formats", "json"]
    found, rest = captured_spec(monkeypatch, capsys, *words)
    assert (str(found.model), found.seed, found.bands) == ("b.onnx", 5, 4)
    assert rest["formats"] == ("json",)


def test_formats_are_read_as_a_list() -> None:
    """Commas separate, spaces do not matter, and unknown ones are refused."""
    assert parse_formats("json, csv") == ("json", "csv")
    assert parse_formats("pdf") == ("pdf",)
    assert parse_formats(["json", "csv"]) == ("json", "csv")  # as TOML has them
    with pytest.raises(SpecError, match=r"json, pdf, csv, html, found 'svg'"):
        parse_formats("json,svg")


def test_run_writes_what_it_says(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output folder holds the files of INTERFACE.md, and each is named on stdout."""
    out = tmp_path / "new" / "out"
    words = ["run", place / "model.onnx", "--images", place / "images", "--bands", 4]
    outcome = command_here(capsys, *words, "--out", out)
    assert outcome.code == 0
    written = {path for path in out.rglob("*") if path.is_file()}
    assert written == {
        out / name
        for name in (
            "result.json",
            "report.pdf",
            "importance.csv",
            "interactions.csv",
            "images.csv",
            "figures/importance.svg",
            "figures/shapley.svg",
            "values.sqlite",
        )
    }
    named = {line.strip() for line in outcome.out.splitlines() if str(out) in line}
    assert named == {str(path) for path in written}
    result = load_result(out)
    assert result.spec.bands == 4
    assert score_sentence(result) in " ".join(outcome.out.split())


def test_run_in_reference_mode_says_what_is_not_known(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two batches have no interval; the table is printed all the same, and the JSON has null."""
    words = ["run", place / "model.onnx", "--images", place / "images", "--bands", 3]
    words += ["--mode", "reference", "--reference-batch", 3, "--formats", "json", "--quiet"]
    outcome = command_here(capsys, *words, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert "Intervals need 8 in reference mode" in " ".join(outcome.out.split())
    document = json.loads((tmp_path / "out" / "result.json").read_text())
    assert document["score"]["paper"]["interval"] == [None, None]


def test_report_writes_every_format(
    audited: AuditResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A result becomes what its new name says, from the file or its folder."""
    write_result(audited, tmp_path / "result.json")
    for source, name in ((tmp_path, "a.csv"), (tmp_path / "result.json", "b.json")):
        outcome = command_here(capsys, "report", source, "--out", tmp_path / name)
        assert (outcome.code, outcome.out) == (0, f"{tmp_path / name}\n")
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "result.json").read_bytes()
    assert (tmp_path / "a.csv").read_text().count("\n") >= 5
    quiet = command_here(capsys, "report", tmp_path, "--out", tmp_path / "c.csv", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_inspect_shows_what_a_model_is(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table and the JSON document say the same of input, output and preprocessing."""
    table = command_here(capsys, "inspect", place / "model.onnx")
    assert table.code == 0
    words = " ".join(table.out.split())
    assert "image: float32 (N, 3, 32, 32), NCHW, batch free" in words
    assert "gives logits, 5 classes" in words
    assert "from the model's metadata" in words
    outcome = command_here(capsys, "inspect", place / "model.onnx", "--json")
    document = json.loads(outcome.out)
    assert document["schema_version"] == 1
    assert document["graph"]["input_name"] == "image"
    assert document["preprocessing"]["mean"] == [0.4, 0.5, 0.6]
    assert document["n_classes"] == 5
    assert document["sha256"] in words.replace(" ", "")


def test_inspect_template_is_a_preprocessing_file(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ``--template`` prints can be given back as it is."""
    template = command_here(capsys, "inspect", place / "model.onnx", "--template")
    assert template.code == 0
    file = tmp_path / "model.toml"
    file.write_text(template.out, encoding="utf-8")
    again = command_here(capsys, "inspect", place / "model.onnx", "--preprocess", file, "--json")
    assert json.loads(again.out)["preprocessing"]["crop"] == 32


def test_inspect_says_that_preprocessing_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that nobody has described can be inspected; the table says what is missing."""
    model = ConvNet().model()
    del model.metadata_props[:]
    path = tmp_path / "bare.onnx"
    path.write_bytes(model.SerializeToString())
    outcome = command_here(capsys, "inspect", path)
    assert outcome.code == 0
    assert "Expected the preprocessing of 'bare.onnx'" in " ".join(outcome.out.split())


def test_models_lists_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    """The table and the JSON document name every model that ships, with its licence."""
    document = json.loads(command_here(capsys, "models", "--json").out)
    table = command_here(capsys, "models")
    assert document["schema_version"] == 1
    assert "efficientnet_lite0" in [model["id"] for model in document["models"]]
    for model in document["models"]:
        assert model["id"] in table.out
        assert len(model["sha256"]) == 64
        assert model["licence"]


def test_selfcheck_passes_here(capsys: pytest.CaptureFixture[str]) -> None:
    """Every check of known answer passes on this machine, and each is in the document."""
    outcome = command_here(capsys, "selfcheck", "--json", "--device", "cpu")
    assert outcome.code == 0
    checks = json.loads(outcome.out)["checks"]
    assert len(checks) >= 15
    assert all(check["passed"] and check["error"] <= check["tolerance"] for check in checks)


def test_selfcheck_that_finds_a_fault_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One check out of its tolerance, or not a number, is exit code 1."""
    checks = [
        selfcheck.Check(name="right", error=0.0, tolerance=1e-4, elapsed_s=0.1),
        selfcheck.Check(name="wrong", error=float("nan"), tolerance=1e-4, elapsed_s=0.1),
    ]
    monkeypatch.setattr(selfcheck, "run_selfcheck", lambda _device: iter(checks))
    outcome = command_here(capsys, "selfcheck")
    assert outcome.code == 1
    assert "1 of 2 checks passed" in outcome.out
    assert "FAILED" in outcome.out


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_of_the_help_are_commands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The example in every help names the command, and options that it has."""
    text = command_here(capsys, name, "--help").out
    examples = re.findall(r"^ +iaside-audit (.*)$", text, re.MULTILINE)
    assert examples
    for example in examples:
        first, *words = shlex.split(example)
        assert first == name
        options = {one for one in words if one.startswith("--")}
        assert all(option in text or " add " in f" {example} " for option in options)


def test_the_example_of_run_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of the help, word for word, audits a model beside its images."""
    ConvNet().save(tmp_path / "model.onnx")
    save_images(tmp_path / "val", 6, n_classes=5)
    monkeypatch.chdir(tmp_path)
    text = command_here(capsys, "run", "--help").out
    example = re.search(r"^ +iaside-audit (.*)$", text, re.MULTILINE)
    assert example is not None
    assert command_here(capsys, *shlex.split(example[1])).code == 0
    assert load_result(tmp_path / "audit").data.n_images == 6


@pytest.mark.slow
def test_demo_audits_the_model_that_ships(tmp_path: Path) -> None:
    """The demo runs with nothing given, says how few images it has, and writes its report."""
    outcome = command("demo", "--out", tmp_path / "demo", "--json")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["estimator"]["pairs"] == 4
    assert "few_images" in [one["code"] for one in document["warnings"]]
    assert (tmp_path / "demo" / "report.pdf").exists()
