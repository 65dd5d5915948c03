"""What every test relies on."""

from __future__ import annotations

from hypothesis import settings

# The machines that run this are slow and shared: a law is not broken by taking a second.
settings.register_profile("iaside", deadline=None, derandomize=True)
settings.load_profile("iaside")
