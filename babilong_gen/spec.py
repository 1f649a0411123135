"""The dataset's specification: everything that decides its bytes, checked where a user's input comes in."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from babilong_gen.errors import UsageError
from babilong_gen.lengths import Length, parse_length
from babilong_gen.placement import Placement, parse_placement
from babilong_gen.split import Split
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.story import StoryShape

# Raised whenever the same spec could give other samples than before.
# 2: token counts of sentences that end in a character of several tokens.
SAMPLES_VERSION = 2

# Raised where other stories, noise and places are to be drawn for the same spec. It is apart from
# SAMPLES_VERSION, so that a mended fault changes the samples that had it and no others.
DRAWS_VERSION = 1

_FACTS = re.compile(r"([0-9]{1,8})(?:-([0-9]{1,8}))?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def _tasks(names: tuple[str, ...]) -> tuple[str, ...]:
    expanded = [task for name in names for task in (TASKS if name == "all" else [name])]
    unknown = [name for name in expanded if name not in TASKS]
    if unknown:
        raise UsageError(f"unknown task {unknown[0]!r}: expected all, or some of {', '.join(TASKS)}")
    return tuple(dict.fromkeys(expanded))


def _lengths(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parse_length(name).name for name in names))


def _placement(text: str) -> str:
    return parse_placement(text).text


class DatasetSpec(BaseModel):
    """What to generate. Field for field the options of `babilong generate`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_tasks)]
    lengths: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_lengths)]
    samples: Annotated[int, Field(ge=1, le=100_000_000)] = 100
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    stories: str = "simulate"
    facts: str | None = None
    fact_density: Annotated[float, Field(gt=0, le=1_000)] | None = None
    distractor_facts: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    vocabulary: str = "original"
    noise: str = "procedural"
    tokenizer: str = "babilong"
    placement: Annotated[str, AfterValidator(_placement)] = "uniform"
    segment_size: Annotated[int, Field(ge=8, le=10_000_000)] = 499
    reserve: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    paired: bool = False
    leak_check: Literal["statement", "words", "off"] = "statement"
    split: Split = "all"
    reuse: bool = True
    store_tokens: bool = False
    preset: Literal["rmt-paper", "babilong"] | None = None
    shard_bytes: Annotated[int, Field(ge=1_000_000, le=10**12)] = 256_000_000

    @model_validator(mode="after")
    def _one_measure_of_facts(self) -> Self:
        if self.story_shape.facts is not None and self.fact_density is not None:
            raise UsageError(
                "--facts and --fact-density both say how many facts a story has: give one of them"
            )
        return self

    @model_validator(mode="after")
    def _lengths_hold_something(self) -> Self:
        for length in self.parsed_lengths:
            if not length.facts_only and length.input_tokens(
                question_tokens=0, segment_size=self.segment_size, reserve=self.reserve
            ) < 1:  # fmt: skip
                raise UsageError(
                    f"length {length.name} is used up by --reserve {self.reserve}: ask for longer samples"
                )
        return self

    @property
    def parsed_lengths(self) -> list[Length]:
        """The lengths, as asked for."""
        return [parse_length(name) for name in self.lengths]

    @property
    def parsed_placement(self) -> Placement:
        """The placement."""
        return parse_placement(self.placement)

    @property
    def story_shape(self) -> StoryShape:
        """What is asked of simulated stories."""
        return StoryShape(facts=_bounds(self.facts), distractors=self.distractor_facts)

    def fingerprint(self, *, stories_key: str, noise_key: str) -> str:
        """SHA-256 of all that decides one sample.

        That leaves out which tasks, lengths and how many samples are asked for, and how they are cut into
        shards. Sources and tokenizer count by their content, wherever they lie.

        Args:
            stories_key: the story source's content.
            noise_key: the noise corpus's key, which covers source content, splitter and tokenizer.
        """
        return self._digest(SAMPLES_VERSION, stories_key, noise_key)

    def draws_key(self, *, stories_key: str, noise_key: str) -> str:
        """The key of all randomness: a digest like the fingerprint, by `DRAWS_VERSION`."""
        return self._digest(DRAWS_VERSION, stories_key, noise_key)

    def _digest(self, version: int, stories_key: str, noise_key: str) -> str:
        decides = self.model_dump(
            include={"seed", "placement", "segment_size", "reserve", "paired", "leak_check", "reuse"}
        )
        canonical = {
            **decides,
            "stories": stories_key,
            "noise": noise_key,
            "samples_version": version,
        }
        if self.split != "all":
            canonical["split"] = self.split
        return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()


def _bounds(facts: str | None) -> tuple[int, int] | None:
    if facts is None:
        return None
    match = _FACTS.fullmatch(facts.strip())
    if match is None or int(match[1]) < 1 or int(match[2] or match[1]) < int(match[1]):
        raise UsageError(f"--facts {facts!r}: expected bounds such as 5-20, or one number")
    return int(match[1]), int(match[2] or match[1])


def make_spec(**options: Any) -> DatasetSpec:
    """A checked spec from a user's options.

    Raises:
        UsageError: an option is unknown, malformed or contradicts another; one line says which.
    """
    try:
        return DatasetSpec(**options)
    except ValidationError as invalid:
        raise UsageError(_first_line(invalid)) from None


def _first_line(invalid: ValidationError) -> str:
    first = invalid.errors()[0]
    option = "--" + "-".join(str(part) for part in first["loc"][:1]).replace("_", "-")
    return f"{option}: {first['msg']}, found {first['input']!r}"


def parse_size(text: str) -> int:
    """Bytes of a size such as `256MB` or `1GiB`.

    Raises:
        UsageError: the text is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"unknown size {text!r}: expected a number with a unit, as in 256MB or 1GiB")
    return int(float(match[1]) * _SIZE_UNITS[(match[2] or "").upper()])
