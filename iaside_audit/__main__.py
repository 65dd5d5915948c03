"""Run the command line: ``python -m iaside_audit``."""

from __future__ import annotations

from iaside_audit.cli import main

if __name__ == "__main__":
    main()
