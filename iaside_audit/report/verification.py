"""What a verification comes to, as words and as a document: for the command line and the window."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from iaside_audit.auditing.verification.verdicts import Verdict, VerificationCheck
from iaside_audit.classifier.safety import MAX_MESSAGE, printable

VERIFICATION_SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A result and all its checks.

    Parameters
    ----------
    result : str
        The file that was checked.
    report_id : str
        Its identity, as on every page of its report.
    seed : int
        Which rows were made again.
    tolerance : float
        By how much a row may differ, in nats.
    checks : tuple of VerificationCheck
        In the order in which they were made.
    """

    result: str
    report_id: str
    seed: int
    tolerance: float
    checks: tuple[VerificationCheck, ...]

    @property
    def holds(self) -> bool:
        """Whether no check failed."""
        return not self.count(Verdict.FAILED)

    @property
    def conclusion(self) -> tuple[str, str]:
        """What the checks come to, and how many of them say so: the halves of one sentence."""
        total = len(self.checks)
        if not self.holds:
            failed = self.count(Verdict.FAILED)
            return "The result does not hold", f"{failed} of {total} checks failed."
        if self.count(Verdict.NOT_CHECKED):
            return (
                "The result holds as far as it was checked",
                f"{self.count(Verdict.PASSED)} of {total} checks passed, none failed.",
            )
        return "The result holds", f"all {total} checks passed."

    @property
    def sentence(self) -> str:
        """The whole sentence."""
        return ": ".join(self.conclusion)

    def count(self, verdict: Verdict) -> int:
        """Return how many checks ended so."""
        return sum(one.verdict == verdict for one in self.checks)

    def to_document(self) -> dict[str, Any]:  # Any: JSON
        """Return the document that ``verify --json`` prints."""
        return {
            "schema_version": VERIFICATION_SCHEMA_VERSION,
            "result": self.result,
            "report_id": self.report_id,
            "seed": self.seed,
            "tolerance": self.tolerance,
            "checks": [asdict(one) for one in self.checks],
            "holds": self.holds,
        }

    def to_text(self) -> str:
        """Return everything as plain text, a line for each check, for a mail.

        Examples
        --------
        >>> checks = (
        ...     VerificationCheck.of("rows are whole", [], fine="40 rows"),
        ...     VerificationCheck.skipped("the model is the audited one", "no model was given"),
        ... )
        >>> one = Verification(
        ...     result="result.json", report_id="0f3a", seed=0, tolerance=1e-4, checks=checks
        ... )
        >>> print(one.to_text())
        Report 0f3a: result.json
        passed: rows are whole: 40 rows
        not checked: the model is the audited one: no model was given
        The result holds as far as it was checked: 1 of 2 checks passed, none failed.
        """
        lines = [f"Report {self.report_id}: {printable(self.result, MAX_MESSAGE)}"]
        lines += [
            f"{one.verdict}: {one.name}: {printable(one.found, MAX_MESSAGE)}" for one in self.checks
        ]
        return "\n".join([*lines, self.sentence])
