"""Pictures of every page of the window, dark and light, at two sizes: ``make screenshots``.

One process takes the pictures of one screen; this script starts one for each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_ui.app import Program
    from PySide6.QtWidgets import QWidget

    Picture = Callable[..., None]  # a name, and the dialog where it is not the window

SIZES = {"1366x768": (1366, 768, 1.0), "2560x1440": (1280, 720, 2.0)}
WAIT_S = 300.0


def main() -> None:
    """Take the pictures of every screen, or those of one where a size is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--size", choices=SIZES)
    parser.add_argument("--model", type=Path, help="audited beside the built-in one")
    parser.add_argument("--images", type=Path, help="labelled images for it")
    parser.add_argument("--study", type=Path, help="the output folder of a study")
    options = parser.parse_args()
    if options.size:
        take(options.out, options.size, options.model, options.images, options.study)
        return
    for size, (_, _, scale) in SIZES.items():
        settings = (options.out / "settings").absolute()
        environment = os.environ | {
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": str(scale),
            "XDG_CONFIG_HOME": str(settings),
            "XDG_CACHE_HOME": str(settings / f"cache-{size}"),  # every size measures for itself
        }
        words = [sys.executable, __file__, "--size", size, "--out", str(options.out)]
        for name in ("model", "images", "study"):
            if getattr(options, name):
                words += [f"--{name}", str(getattr(options, name))]
        subprocess.run(words, env=environment, check=True)  # noqa: S603 - this script again


def take(out: Path, size: str, model: Path | None, images: Path | None, study: Path | None) -> None:
    """Drive the window through its pages and picture each."""
    from iaside_ui.app import Program, make_application  # noqa: PLC0415 - after the environment

    application = make_application(["screenshots"])
    out.mkdir(parents=True, exist_ok=True)
    program = Program(out / "settings" / "preferences.json")
    program.open()
    width, height, _ = SIZES[size]
    program.window.setMinimumSize(0, 0)
    program.window.resize(width, height)

    def picture(name: str, dialog: QWidget | None = None) -> None:
        for scheme in ("use_light", "use_dark"):
            program.window.actions_by_key[scheme].trigger()  # type: ignore[index]
            settle(application.processEvents)
            path = out / f"{name}-{size}-{scheme.removeprefix('use_')}.png"
            (dialog or program.window).grab().save(str(path))
        actual = program.window.size()
        note = (
            "" if (actual.width(), actual.height()) == (width, height) else f"  TOO LARGE {actual}"
        )
        sys.stdout.write(f"{name} {size}{note}\n")

    with tempfile.TemporaryDirectory() as folder:
        drive(program, application.processEvents, picture, Path(folder), (model, images, study))
    program.close()


def drive(
    program: Program,
    process: Callable[[], None],
    picture: Picture,
    folder: Path,
    material: tuple[Path | None, Path | None, Path | None],
) -> None:
    """Visit every page; an audit is kept in the folder."""
    from iaside_audit.auditing.demo import demo_spec  # noqa: PLC0415 - after the environment

    model, images, study = material
    actions = {str(key): action for key, action in program.window.actions_by_key.items()}
    picture("start")
    actions["inspect_bands"].trigger()
    inspector = program.inspector

    def is_explained() -> bool:
        known = inspector.state.explanation
        return known is not None and known.n_done == known.n_total

    wait(process, is_explained)
    inspector.bands_up_to()
    wait(process, lambda: inspector.state.composed is not None)
    picture("inspector")
    inspector.choose_settings({"bands": 16})
    wait(process, is_explained)
    picture("inspector-16-bands")
    actions["audit_model"].trigger()
    picture("setup-empty")
    program.window.setup_page.advanced_button.click()
    picture("setup-advanced")
    program.window.setup_page.advanced_button.click()
    program.setup.edit("model", str(model or "efficientnet_lite0"))
    program.setup.edit("images", str(images or demo_spec().images))
    if images is None:
        program.setup.edit("labels", "self")
    program.setup.edit("bands", "1")
    wait(process, lambda: program.setup.examination.inspection is not None)
    picture("setup-fault")
    program.setup.edit("bands", "8")
    wait(process, lambda: program.setup.examination.form == program.setup.form)
    actions["find_preprocessing"].trigger()
    page = program.window.setup_page
    wait(process, lambda: bool(page.assistant.verdict))
    picture("setup")
    actions["show_run"].trigger()
    picture("run-idle")
    actions["try_demo"].trigger()
    program.audits.start(demo_spec(), out=folder / "audit", asks_to_be_saved=False)
    wait(process, lambda: bool(program.window.run_page.score_text.startswith("Signed")))
    picture("run")
    wait(process, lambda: len(program.shell.state.results) > 1)
    actions["show_result"].trigger()
    tabs = program.window.result_page.tabs
    for place in range(tabs.count()):
        tabs.setCurrentIndex(place)
        picture(f"result-{place}")
    tabs.setCurrentIndex(0)
    check(program, process, picture)
    drive_robustness(program, process, picture)
    compare(program, process, picture, study)


def check(program: Program, process: Callable[[], None], picture: Picture) -> None:
    """Check the result that is shown, on its model and images."""
    program.checks.check_result()
    dialog = program.checks.dialog
    if dialog is None:
        raise ValueError("the result must lie beside its rows")
    wait(process, lambda: "..." not in dialog.identity)
    picture("check-before", dialog)
    dialog.check_button.click()
    wait(process, lambda: dialog.table.model().rowCount() > 0)
    picture("check-running", dialog)
    wait(process, lambda: bool(dialog.conclusion))
    picture("check", dialog)
    dialog.close()


def compare(
    program: Program,
    process: Callable[[], None],
    picture: Picture,
    study: Path | None,
) -> None:
    """Visit the page of comparisons."""
    program.comparison.show_comparison()
    page = program.window.comparison_page
    wait(process, lambda: "matched by content" in page.compared.note)
    picture("comparison")
    page.compared.quantity.setCurrentIndex(1)
    picture("comparison-differences")
    page.tabs.setCurrentIndex(1)
    picture("study-empty")
    if study is not None:
        program.controller.open_path(study)
        wait(process, lambda: bool(page.study.sentence))
        page.study.plot.choose(0)
        picture("study")


def drive_robustness(program: Program, process: Callable[[], None], picture: Picture) -> None:
    """Measure everything on a few images, and look at each tab."""
    from iaside_ui.state.measuring import Choice, Kind  # noqa: PLC0415 - after the environment

    actions = {str(key): action for key, action in program.window.actions_by_key.items()}
    robustness = program.robustness
    actions["show_robustness"].trigger()
    picture("robustness-empty")
    robustness.choose(Choice(kinds=frozenset(Kind), n_images=12))
    actions["measure"].trigger()
    wait(process, lambda: robustness.state.live is not None)
    picture("robustness-running")
    wait(process, lambda: not robustness.is_running and robustness.state.pair is not None)
    tabs = program.window.robustness_page.tabs
    for place in range(tabs.count()):
        tabs.setCurrentIndex(place)
        picture(f"robustness-{place}")
    robustness.discard()


def wait(process: Callable[[], None], is_there: Callable[[], bool]) -> None:
    """Let the window work until something is there."""
    deadline = time.monotonic() + WAIT_S
    while not is_there():
        if time.monotonic() > deadline:
            raise TimeoutError("the page did not come")
        process()
        time.sleep(0.01)
    settle(process)


def settle(process: Callable[[], None]) -> None:
    """Let pending layout and painting happen."""
    for _ in range(10):
        process()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
