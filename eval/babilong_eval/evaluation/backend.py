"""What answers samples: a model on this machine, or one behind a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from babilong_eval.inference.endpoint import KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from babilong_eval.data.dataset import Sample
    from babilong_eval.evaluation.config import AnswerForm, EvaluationConfig
    from babilong_eval.evaluation.distributed import Rank
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import SegmentModel
    from babilong_eval.prompts.prompts import PromptSet


class Backend(Protocol):
    """Answers samples, and says what results must record of how: `LocalBackend` or `ServerBackend`."""

    @property
    def prompts(self) -> PromptSet:
        """The words around the samples of each task."""
        ...

    @property
    def answers(self) -> AnswerForm:
        """In which form it answers."""
        ...

    @property
    def generate_kwargs(self) -> Mapping[str, Any]:
        """How answers are generated."""
        ...

    @property
    def device(self) -> str:
        """Where it computes: `cpu`, a GPU's name, or a server's URL."""
        ...

    @property
    def segment_size(self) -> int | None:
        """Tokens per segment; None where it does not read in segments."""
        ...

    def answer(self, groups: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:
        """Yield a result for every sample, in any order; a group holds the samples of one (task, length)."""
        ...

    def answer_series(self, series: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:
        """Yield a result for every sample, reading each length series in one pass over its longest sample.

        Raises:
            UsageError: the backend cannot.
        """
        ...


def find_backend(
    config: EvaluationConfig, tasks: Sequence[str], rank: Rank, model: SegmentModel | None
) -> Backend:
    """Return the backend that `config.model` names, or the one around a model object.

    Raises:
        UsageError: an option does not go with it.
        SourceError: the model is not there.
    """
    if model is None and config.model.startswith(KIND):
        from babilong_eval.evaluation.server_backend import make_server_backend

        return make_server_backend(config, tasks)
    from babilong_eval.evaluation.local_backend import make_local_backend

    return make_local_backend(config, tasks, rank, model)
