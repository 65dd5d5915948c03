"""What every test relies on."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The machines that run this are slow and shared: a law is not broken by taking a second.
settings.register_profile("iaside", deadline=None, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=300)
settings.load_profile("iaside")


def pytest_collection_finish() -> None:
    """Keep what is loaded by now out of every later search for garbage: it is there to stay.

    A search through the modules and tests of the whole suite takes half a second, and each test of
    the window ends with one.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the models and the rows of whoever runs the tests out of them."""
    home: Path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home))
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        yield
