"""The dataset's specification: everything that decides its bytes, checked where a user's input comes in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypedDict, Unpack, cast

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from babilong_gen.errors import UsageError
from babilong_gen.lengths import Length, parse_length
from babilong_gen.placement import Placement, parse_placement
from babilong_gen.presets import with_preset
from babilong_gen.split import Split
from babilong_gen.tasks import RULER_TASKS, TASK_NAMES, TASKS, WHOLE_TEXT_TASKS, find_task
from babilong_gen.tasks.ruler.options import split_options
from babilong_gen.tasks.story import StoryShape
from babilong_gen.tasks.task import LeakCheck

# Raised whenever the same spec could give other samples than before.
# 2: token counts of sentences that end in a character of several tokens.
SAMPLES_VERSION = 2

# Raised where other stories, noise and places are to be drawn for the same spec. It is apart from
# SAMPLES_VERSION, so that a mended fault changes the samples that had it and no others.
DRAWS_VERSION = 1

_FACTS = re.compile(r"([0-9]{1,8})(?:-([0-9]{1,8}))?")
_SIZE = re.compile(r"\s*\d*\.?\d+\s*[a-z]*\s*", re.IGNORECASE)

Preset = Literal["rmt-paper", "babilong", "ruler", "niah"]

# What is said of a faulty option in place of pydantic's words.
_EXPECTED = {
    "byte_size": "expected a number with a unit, as in 256MB or 1GiB",
    "extra_forbidden": "there is no such option",
    "missing": "missing; give it, or a --preset that says it",
}


def _several(names: object) -> object:
    """Split `a,b,c`; anything else is left to the field's own type."""
    return tuple(filter(None, map(str.strip, names.split(",")))) if isinstance(names, str) else names


def _tasks(names: tuple[str, ...]) -> tuple[str, ...]:
    expanded = [task for name in names for task in (TASKS if name == "all" else [name])]
    unknown = [name for name in expanded if name not in TASK_NAMES]
    if unknown:
        raise UsageError(f"unknown task {unknown[0]!r}: expected all, or some of {', '.join(TASK_NAMES)}")
    return tuple(dict.fromkeys(expanded))


def _lengths(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parse_length(name).name for name in names))


def _placement(text: str) -> str:
    return parse_placement(text).text


def _task_options(given: tuple[str, ...]) -> tuple[str, ...] | None:
    """Put options into one spelling and order; none are the same as no option."""
    found = split_options(given)
    settings = [f"{task}:{name}={value}" for task, own in found.items() for name, value in own.items()]
    return tuple(sorted(settings)) or None


_Names = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]


def _size(size: Any) -> Any:
    """Refuse what pydantic would read in part: `256MB-1GB` as 256 MB."""
    if isinstance(size, str) and not _SIZE.fullmatch(size):
        raise UsageError(f"--shard-size {size!r}: expected a number with a unit, as in 256MB or 1GiB")
    return size


class DatasetSpec(BaseModel):
    """Everything that decides a dataset's bytes; `make_spec` makes one from a user's options.

    Attributes:
        tasks: `qa1` to `qa20`, `memorize`, `detect`, `reasoning`, or `all` of these; and RULER's by name.
        task_options: the knobs of RULER's tasks, each as in `niah_multikey_1:num_needle_k=8`; None for the
            published values.
        lengths: `0k` (facts only), `4k` and `1M` in tokens of `input`, `8seg` in segments.
        samples: of each task at each length.
        seed: keys all randomness.
        stories: `simulate`, or `babi:PATH[#train|#test]` for the official files.
        facts: bounds on the facts of a simulated story, as in `5-20`.
        fact_density: facts for every 1,000 tokens, in place of `facts`.
        distractor_facts: true facts about others that are added to every simulated story.
        vocabulary: `original`, or `reskin:SEED` for other names, places and objects.
        noise: `procedural[:SEED]`, `quality`, `pg19`, `hf:REPO[:config[:split]]`, `files:GLOB[#field]`.
        tokenizer: `babilong` (built in), a folder or `tokenizer.json`, a Hub name, a checkpoint that ships.
        placement: where the facts go; see `babilong_gen.placement`.
        segment_size: tokens per segment.
        reserve: tokens of `k` and `M` lengths that are kept free for a prompt.
        paired: whether a sample has the same story and noise at every length.
        leak_check: which noise sentences are dropped: those that could be taken for a fact
            (`statement`), those that name an entity or label of the task (`words`), or none (`off`).
        split: all documents and stories, or the part for training, or the tenth held out for testing.
        reuse: whether noise may occur twice in a sample; otherwise too little noise is an error.
        store_tokens: whether samples have `input_ids`.
        preset: the published work whose settings were the defaults.
        shard_bytes: most bytes of text in a shard; `shard_size` as an option, which takes `256MB`, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: Annotated[_Names, AfterValidator(_tasks)]
    lengths: Annotated[_Names, AfterValidator(_lengths)]
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
    leak_check: LeakCheck = "statement"
    split: Split = "all"
    reuse: bool = True
    store_tokens: bool = False
    preset: Preset | None = None
    task_options: (
        Annotated[tuple[str, ...], BeforeValidator(_several), AfterValidator(_task_options)] | None
    ) = None
    shard_bytes: Annotated[
        ByteSize,
        BeforeValidator(_size),
        Field(ge=1_000_000, le=10**12, validation_alias=AliasChoices("shard_size", "shard_bytes")),
    ] = ByteSize(256_000_000)

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

    @model_validator(mode="after")
    def _facts_can_be_counted(self) -> Self:
        ruler = [task for task in self.tasks if task in RULER_TASKS]
        if ruler and (self.story_shape != StoryShape() or self.fact_density is not None):
            raise UsageError(
                f"--facts, --fact-density and --distractor-facts are for bAbI's stories: {ruler[0]} has "
                "options of its own (--task-option); make two datasets"
            )
        return self

    @model_validator(mode="after")
    def _whole_texts_have_a_length(self) -> Self:
        whole = [task for task in self.tasks if task in WHOLE_TEXT_TASKS]
        if whole and any(length.facts_only for length in self.parsed_lengths):
            raise UsageError(
                f"{whole[0]} at 0k: its text is nothing but what is asked about, so it needs a length; "
                "ask for 1k or more, or make two datasets"
            )
        return self

    @model_validator(mode="after")
    def _tasks_take_these_options(self) -> Self:
        for task in split_options(self.task_options or ()):
            if task not in self.tasks:
                raise UsageError(
                    f"--task-option {task}: the dataset has no such task; give it in --tasks, too"
                )
            if task not in RULER_TASKS:
                raise UsageError(
                    f"--task-option {task}: only RULER's tasks have options: {', '.join(RULER_TASKS)}"
                )
            find_task(task, self.task_options or ())
        return self

    @model_serializer(mode="wrap")
    def _without_what_was_not_asked_for(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out task options where there are none: older manifests have no such line."""
        dumped = dump(self)
        if dumped.get("task_options", ()) is None:
            del dumped["task_options"]
        return dumped

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
        """Return the SHA-256 of all that decides one sample.

        That leaves out which tasks, lengths and how many samples are asked for, and how they are cut into
        shards. Sources and tokenizer count by their content, wherever they lie.

        Args:
            stories_key: the story source's content.
            noise_key: the noise corpus's key, which covers source content, splitter and tokenizer.
        """
        return self._digest(SAMPLES_VERSION, stories_key, noise_key)

    def draws_key(self, *, stories_key: str, noise_key: str) -> str:
        """Return the key of all randomness: a digest like the fingerprint, by `DRAWS_VERSION`."""
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
        if self.task_options:
            canonical["task_options"] = self.task_options
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


class SpecOptions(TypedDict, total=False):
    """The options of `make_spec`: the fields of `DatasetSpec`, under the names that the command line has."""

    tasks: str | Sequence[str]
    lengths: str | Sequence[str]
    samples: int | None
    seed: int | None
    stories: str | None
    facts: str | None
    fact_density: float | None
    distractor_facts: int | None
    vocabulary: str | None
    noise: str | None
    tokenizer: str | None
    placement: str | None
    segment_size: int | None
    reserve: int | None
    paired: bool | None
    leak_check: LeakCheck | None
    split: Split | None
    reuse: bool | None
    store_tokens: bool | None
    preset: Preset | None
    task_options: str | Sequence[str] | None
    shard_size: int | str | None


def make_spec(**options: Unpack[SpecOptions]) -> DatasetSpec:
    """Check a user's options and make a spec of them.

    Args:
        options: see `DatasetSpec`; None stands for the default. `tasks` and `lengths` may be written
            `"qa1,qa2"`. With `preset`, published settings are the defaults.

    Raises:
        UsageError: an option is unknown, malformed or contradicts another; one line says which.

    >>> make_spec(tasks=["qa1"], lengths=["0k", "4k"], samples=20).samples
    20
    """
    given = cast(dict[str, Any], options)
    try:
        return DatasetSpec(**with_preset(given.pop("preset", None), given))
    except ValidationError as invalid:
        raise UsageError(_first_line(invalid)) from None


def spec_of(spec: DatasetSpec | None, options: SpecOptions) -> DatasetSpec:
    """Return the spec that was given, or the one that the options describe.

    Raises:
        UsageError: both were given, or an option is wrong.
    """
    if spec is None:
        return make_spec(**options)
    if options:
        raise UsageError(f"give a spec or its options, not both: {', '.join(options)} came with a spec")
    return spec


def _first_line(invalid: ValidationError) -> str:
    first = invalid.errors()[0]
    option = "--" + "-".join(str(part) for part in first["loc"][:1]).replace("_", "-")
    found = "" if first["type"] == "missing" else f", found {first['input']!r}"
    return f"{option}: {_EXPECTED.get(first['type'], first['msg'])}{found}"


def option_defaults() -> dict[str, str]:
    """Return the defaults of the options, each as a user would type it, by the option's name."""
    fields = DatasetSpec.model_fields.items()
    defaults = {name: str(field.default) for name, field in fields if type(field.default) in (str, int)}
    return {**defaults, "shard_size": f"{DatasetSpec.model_fields['shard_bytes'].default / 1e6:g}MB"}
