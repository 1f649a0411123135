"""The knobs of RULER's tasks, under RULER's names, and how `--task-option TASK:NAME=VALUE` sets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from babilong_gen.errors import UsageError
from babilong_gen.tasks.ruler.needles import Kind

_FORM = "expected TASK:NAME=VALUE, as in niah_multikey_1:num_needle_k=8"

_Few = Annotated[int, Field(ge=1, le=1_000)]


class NiahOptions(BaseModel):
    """The knobs of `niah_*`.

    Attributes:
        type_haystack: `noise`: a few sentences over and over; `needle`: needles of other keys; `essay`: the
            dataset's own noise.
        type_needle_k, type_needle_v: what keys and values are.
        num_needle_k: keys in the text, no fewer than are asked about.
        num_needle_v: values of each key.
        num_needle_q: keys that are asked about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type_haystack: Literal["noise", "essay", "needle"] = "essay"
    type_needle_k: Kind = "words"
    type_needle_v: Kind = "numbers"
    num_needle_k: _Few = 1
    num_needle_v: _Few = 1
    num_needle_q: _Few = 1


class VtOptions(BaseModel):
    """The knobs of `vt`.

    Attributes:
        type_haystack: as of `NiahOptions`.
        num_chains: chains of assignments in the text.
        num_hops: assignments of a chain after the first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type_haystack: Literal["noise", "essay"] = "noise"
    num_chains: _Few = 1
    num_hops: _Few = 4


class CweOptions(BaseModel):
    """The knobs of `cwe`.

    Attributes:
        freq_cw, freq_ucw: how often a common word appears, and any other.
        num_cw: common words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    freq_cw: _Few = 30
    freq_ucw: _Few = 3
    num_cw: Annotated[int, Field(ge=1, le=100)] = 10

    @field_validator("freq_ucw")
    @classmethod
    def _fewer(cls, freq_ucw: int, info: ValidationInfo) -> int:
        if freq_ucw >= info.data.get("freq_cw", freq_ucw + 1):
            raise ValueError("expected fewer than freq_cw")
        return freq_ucw


class FweOptions(BaseModel):
    """The knobs of `fwe`.

    Attributes:
        alpha: of the zeta distribution: the higher, the steeper.
        coded_wordlen: letters of a coded word.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: Annotated[float, Field(gt=1, le=4)] = 2.0
    coded_wordlen: Annotated[int, Field(ge=4, le=32)] = 6


RulerOptions = NiahOptions | VtOptions | CweOptions | FweOptions


def with_options(name: str, defaults: RulerOptions, task_options: Iterable[str]) -> RulerOptions:
    """Return a task's options: the published ones, but for those that a user set.

    Args:
        name: the task's.
        task_options: of all tasks, each as in `niah_multikey_1:num_needle_k=8`.

    Raises:
        UsageError: the task has no such option, or not this value of it.
    """
    given = split_options(task_options).get(name, {})
    if unknown := given.keys() - type(defaults).model_fields.keys():
        known = ", ".join(type(defaults).model_fields)
        raise UsageError(f"--task-option {name}:{min(unknown)}: {name} has no such option; it has {known}")
    try:
        return type(defaults).model_validate({**defaults.model_dump(), **given})
    except ValidationError as invalid:
        wrong = invalid.errors()[0]
        option = str(wrong["loc"][0])
        value = given.get(option, wrong["input"])
        what = wrong["msg"].removeprefix("Value error, ")
        raise UsageError(f"--task-option {name}:{option}={value}: {what}") from None


def split_options(task_options: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    """Return the options of each task that has any, by name.

    Raises:
        UsageError: one is not of the form, or is given twice.
    """
    found: dict[str, dict[str, str]] = {}
    for option in task_options:
        task, colon, setting = option.strip().partition(":")
        name, equals, value = map(str.strip, setting.partition("="))
        if not (task and colon and name and equals and value):
            raise UsageError(f"--task-option {option!r}: {_FORM}")
        if name in found.setdefault(task, {}):
            raise UsageError(f"--task-option {task}:{name} is given twice: give it once")
        found[task][name] = value
    return found
