"""What the numbers of this program were found to be worth, each in one sentence.

Measured in the studies of ``docs/evidence.md``; whoever changes them there changes them here.
"""

from __future__ import annotations

from typing import Final

SCORE_CLAIM: Final = (
    "The score compares trainings of one architecture: there, a higher score went with less "
    "error added by corruption. Across architectures trained alike it says little beyond accuracy."
)

PREDICTION_CLAIM: Final = (
    "Where it was measured, the prediction from SNR and Shapley values told which corruption "
    "hurts a model (r of 0.6 to 0.7 across conditions) and ordered trainings of one architecture "
    "by their error under corruption (r = 0.98, beyond clean error); across architectures it said "
    "no more about that error than accuracy does."
)
