"""Where stories come from: simulated without end, or the official bAbI files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from babilong_gen.split import Split, belongs
from babilong_gen.tasks import RULER_TASKS, TASK_NAMES, TASKS, find_task
from babilong_gen.tasks.babi import SPLITS, babi_files, parse_babi
from babilong_gen.tasks.reskin import ORIGINAL, read_vocabulary, reskin
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.user_paths import user_path

# Part of every dataset's fingerprint: raise it whenever a simulator draws other stories than before.
SIMULATORS_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Fresh stories, as many as are asked for.

    Attributes:
        shape: of every story, where no density is given.
        fact_density: facts for every 1,000 tokens of the sample; None where stories do not grow with it.
        vocabulary: the words they are told in, by name.
        split: stories of the other part are drawn again.
        task_options: of RULER's tasks, as a user sets them.
    """

    shape: StoryShape = field(default_factory=StoryShape)
    fact_density: float | None = None
    vocabulary: str = ORIGINAL.name
    split: Split = "all"
    task_options: tuple[str, ...] = ()

    credit = (
        "Stories simulated by babilong-gen after the bAbI tasks (Weston et al. 2016, arXiv:1502.05698) "
        "and the RMT paper's (Bulatov et al. 2023, arXiv:2304.11062)."
    )

    def story(self, task: str, rng: Rng) -> Story:
        """Return one story of `task`, a pure function of `rng`.

        Raises:
            UsageError: no such task, or the task has no story of this shape.
        """
        if task not in TASK_NAMES:
            raise UsageError(f"{task} cannot be simulated; tasks that can: {', '.join(TASK_NAMES)}")
        # The other words are there in place of bAbI's: RULER's tasks have none of these.
        words = read_vocabulary(ORIGINAL.name if task in RULER_TASKS else self.vocabulary)
        while True:
            story = reskin(find_task(task, self.task_options).simulate(rng, self.shape), words)
            if in_split(story, self.split):
                return story

    def at_tokens(self, shortest: int, longest: int) -> Simulated:
        """Return this source for samples of so many tokens: with a density, stories have facts to match.

        Args:
            shortest, longest: of the lengths that a story is to fit; the facts are those of the shortest.
        """
        source = replace(self, shape=replace(self.shape, longest=longest))
        if self.fact_density is None or shortest <= 0:
            return source
        facts = max(1, round(self.fact_density * shortest / 1_000))
        return replace(source, shape=replace(source.shape, facts=(facts, facts)))

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks that this source has stories of."""
        return TASK_NAMES

    @property
    def content_key(self) -> str:
        """What tells these stories from others, for a dataset's fingerprint."""
        shape = f"{self.shape.facts}:{self.shape.distractors}:{self.fact_density}"
        return f"simulate:{SIMULATORS_VERSION}:{shape}:{self.vocabulary}{_mark(self.split)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialFiles:
    """The stories of the bAbI release, each question one story, in the files' order.

    Attributes:
        path: the archive, or a folder.
        split: `test` or `train`.
        vocabulary: the words they are told in, by name.
        part: `all` of the file's stories, or the `train` or `test` part by `babilong_gen.split`.
        task_options: of RULER's tasks, whose stories are simulated beside the files'.
    """

    path: Path
    split: str = "test"
    vocabulary: str = ORIGINAL.name
    part: Split = "all"
    task_options: tuple[str, ...] = ()

    credit = (
        "Stories from bAbI tasks 1-20 v1.2 (Weston et al. 2016, arXiv:1502.05698), "
        "© Facebook, Inc., CC BY 3.0."
    )

    def stories(self, task: str) -> list[Story]:
        """Return all stories of `task`; they are read once per process, so the list must not be changed.

        Raises:
            UsageError: the files have none of that task.
            SourceError: a file that cannot be read or is not in bAbI's form.
        """
        files = _contents(self.path, self.split)
        if task not in files:
            raise UsageError(f"{self.path} has no {self.split} file of {task}; it has {', '.join(files)}")
        return _stories(self.path, self.split, task, self.vocabulary, self.part)

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks that this source has stories of."""
        return tuple(_contents(self.path, self.split))

    @property
    def content_key(self) -> str:
        """What tells these stories from others: a hash of the split's files, wherever they lie."""
        digest = hashlib.sha256()
        for task, (_, content) in _contents(self.path, self.split).items():
            digest.update(f"{task} {len(content)}\n".encode())
            digest.update(content)
        return f"babi:{self.split}:{digest.hexdigest()}:{self.vocabulary}{_mark(self.part)}"


StorySource = Simulated | OfficialFiles


def open_story_source(
    name: str,
    shape: StoryShape | None = None,
    *,
    fact_density: float | None = None,
    vocabulary: str = ORIGINAL.name,
    split: Split = "all",
    task_options: tuple[str, ...] = (),
) -> StorySource:
    """Open the story source called `simulate`, `babi:PATH`, `babi:PATH#train` or `babi:PATH#test`.

    Raises:
        UsageError: another name, an unknown vocabulary, or a shape for stories that are already written.
        SourceError: no bAbI files at PATH.
    """
    words = read_vocabulary(vocabulary).name
    if name == "simulate":
        return Simulated(
            shape=shape or StoryShape(),
            fact_density=fact_density,
            vocabulary=words,
            split=split,
            task_options=task_options,
        )
    kind, colon, location = name.partition(":")
    if kind != "babi" or not colon or not location:
        raise UsageError(f"unknown story source {name!r}: expected simulate or babi:PATH[#train|#test]")
    if shape not in (None, StoryShape()) or fact_density is not None:
        raise UsageError(f"the number of facts can be chosen only for --stories simulate, not for {name}")
    path, mark, files = location.rpartition("#")
    if not mark:
        path, files = location, "test"
    if files not in SPLITS:
        raise UsageError(f"unknown split {files!r} in {name!r}: expected #train or #test")
    source = OfficialFiles(
        path=user_path(path), split=files, vocabulary=words, part=split, task_options=task_options
    )
    source.tasks()
    return source


def in_split(story: Story, split: Split) -> bool:
    """Return whether a story's facts are in a part; its question does not count.

    Of a story that has no facts, its answers decide.
    """
    return belongs("\n".join(story.facts or story.answers).encode(), split)


@lru_cache(maxsize=2)
def _contents(path: Path, split: str) -> dict[str, tuple[str, bytes]]:
    return {task: (file.name, file.read()) for task, file in babi_files(path, split).items()}


@lru_cache(maxsize=len(TASKS))
def _stories(path: Path, split: str, task: str, vocabulary: str, part: Split) -> list[Story]:
    name, content = _contents(path, split)[task]
    words = read_vocabulary(vocabulary)
    told = (reskin(story, words) for story in parse_babi(content, task, name))
    return [story for story in told if in_split(story, part)]


def _mark(split: Split) -> str:
    return "" if split == "all" else f":{split}"
