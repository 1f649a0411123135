"""What the suite takes for a deprecated call of ours."""

from __future__ import annotations

import warnings

import pytest
import torch

from tests import own_deprecations


def library(code: str, **names: object) -> dict:
    """The functions of a module that belongs to some library."""
    module: dict = {"__name__": "somelib.inside", "warnings": warnings, **names}
    exec(code, module)
    return module


OLD = library("def old():\n    warnings.warn('old is deprecated', FutureWarning, stacklevel=2)")["old"]


@pytest.fixture
def found(monkeypatch) -> list[str]:
    """What is found in this test, kept from failing it."""
    mine: list[str] = []
    monkeypatch.setattr(own_deprecations, "_found", mine)
    return mine


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_call_of_ours_counts(found):
    OLD()
    assert found == ["FutureWarning: old is deprecated"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_it_counts_through_what_only_passes_it_on(found):
    class Layer(torch.nn.Module):
        forward = staticmethod(OLD)

    Layer()()
    assert found == ["FutureWarning: old is deprecated"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_a_library_calls_of_another_is_its_own_affair(found):
    caller = library("def call():\n    old()", old=OLD)
    caller["__name__"] = "otherlib"
    caller["call"]()
    assert found == []
