"""How long ``iaside-audit --help`` takes, from start to exit, beside a bare interpreter.

The promise is 0.2 s. Both are started in turn, and the least time of each is taken: what a loaded
machine adds is not the program's.

Run it with ``python benchmarks/start_up.py [--rounds N] [--out FILE.json]``.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "help_s": [sys.executable, "-m", "iaside_audit", "--help"],
    "bare_interpreter_s": [sys.executable, "-c", "pass"],
}


def elapsed_s(words: list[str]) -> float:
    """Run a command to its end and return how long it took."""
    started = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    rounds = [
        {name: elapsed_s(words) for name, words in COMMANDS.items()}
        for _ in range(arguments.rounds)
    ]
    least = {name: min(one[name] for one in rounds) for name in COMMANDS}
    print(
        f"--help answers in {least['help_s']:.3f} s at best of {arguments.rounds}; "
        f"Python alone takes {least['bare_interpreter_s']:.3f} s."
    )
    if arguments.out:
        report = {"python": platform.python_version(), "least": least, "rounds": rounds}
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
