"""The fifteen corruptions of ImageNet-C, at five severities, on uint8 images.

======================  ============================================================
Where                   What
======================  ============================================================
:mod:`.apply`           one corruption of one image; its draws
:mod:`.parameters`      the published parameters, and other image sizes
:mod:`.noise`           gaussian, shot and impulse noise
:mod:`.blur`            defocus, glass, motion and zoom blur
:mod:`.weather`         snow, frost and fog
:mod:`.digital`         brightness, contrast, elastic, pixelate, JPEG
:mod:`.textures`        the cloud of fog and the plates of frost
:mod:`.filters`         what several share
======================  ============================================================

Corruptions are applied in memory after resize and crop, and are not compressed afterwards; the
published data sets were written as JPEG of quality 85 (ImageNet-C, Tiny ImageNet-C), which alone
adds error. The mathematics is METHOD.md, section 9.
"""

from __future__ import annotations

from iaside_audit.robustness.corruptions.apply import Corruption, corrupt, corruption_generator
from iaside_audit.robustness.corruptions.parameters import SEVERITIES, suite_for

__all__ = ["SEVERITIES", "Corruption", "corrupt", "corruption_generator", "suite_for"]
