"""What is exported: samples, and the words around them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from babilong_eval.data.dataset import Dataset, read_samples
from babilong_eval.data.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tokenizers import Tokenizer

    from babilong_eval.data.layout import Pair
    from babilong_eval.prompts.prompts import Prompt

Rule = Literal["official", "strict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenSamples:
    """What is exported.

    Attributes:
        sizes: how many samples of each (task, length), shortest lengths first.
        labels: each task's label set.
        prompts: the words around a sample, by task.
        max_tokens: of an answer, where the form says how to ask.
        tokenizer: the one that the dataset's lengths are counted with; None where it cannot be had.
        scorer: the rule by which answers count, where the form says how to score.
        on_sample: called with 1 for each sample that is written.
    """

    dataset: Dataset
    sizes: Mapping[Pair, int]
    labels: Mapping[str, Sequence[str]]
    prompts: Mapping[str, Prompt]
    max_tokens: int
    tokenizer: Tokenizer | None
    scorer: Rule
    on_sample: Callable[[int], None]

    def samples(self, pair: Pair) -> Iterator[Sample]:
        """Yield the samples of a (task, length), one in memory at a time."""
        for sample in islice(read_samples(self.dataset, *pair), self.sizes[pair]):
            yield sample
            self.on_sample(1)

    def prompt(self, sample: Sample) -> str:
        """Return everything that a model reads for a sample."""
        return self.prompts[sample.task].text(sample.input, sample.question)

    @property
    def tasks(self) -> list[str]:
        """In their order."""
        return list(self.labels)

    @property
    def lengths(self) -> list[str]:
        """The shortest first."""
        return list(dict.fromkeys(length for _, length in self.sizes))
