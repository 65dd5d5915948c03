"""What one check of a result says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationCheck:
    """One check of a result.

    Parameters
    ----------
    name : str
        What was checked.
    verdict : Verdict
        How it ended.
    found : str
        What was found; of a fault, where; of what was not checked, why.
    """

    name: str
    verdict: Verdict
    found: str

    @classmethod
    def of(cls, name: str, faults: list[str], *, fine: str) -> VerificationCheck:
        """Return a check that failed if there is any fault, and else says what is `fine`."""
        if not faults:
            return cls(name=name, verdict=Verdict.PASSED, found=fine)
        more = len(faults) - MAX_FAULTS
        named = "; ".join(faults[:MAX_FAULTS]) + (f"; and {more} more" if more > 0 else "")
        return cls(name=name, verdict=Verdict.FAILED, found=named)

    @classmethod
    def skipped(cls, name: str, why: str) -> VerificationCheck:
        """Return a check that was not made."""
        return cls(name=name, verdict=Verdict.NOT_CHECKED, found=why)


MAX_FAULTS = 3
"""Named of each check; the others are counted."""
