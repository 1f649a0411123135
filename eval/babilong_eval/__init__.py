"""How far does a long-context model remember? Evaluate models, score, read and draw their results.

    evaluate(EvaluationConfig(data="data/demo", model="rmt:tiny-detect", out="results/demo"))
    read_results("results/demo")                        a pandas DataFrame, one row per cell
    accuracy_by_length(load_runs("results/demo"))       a matplotlib figure

These names are the package's public face, beside those of `babilong_eval.testing`, for tests of your own
model, and of `babilong_eval.models.rmt`, for its torch modules. What they need (torch, pandas, matplotlib) is
imported when they are first used.

In the order of the data, each room with a map of its own:

cli.py        the command `babilong`, the generator's part included
commands/     what a user types
data/         the dataset as the harness reads it
prompts/      what a model is asked, in words
models/       what is asked: `SegmentModel`, and every kind of it
checkpoints/  three that ship
inference/    samples through a model, or to a server
evaluation/   the run: ask, log, score
results/      what a run leaves on disk
scoring/      what counts as correct
analysis/     from results to numbers
figures/      from numbers to pictures
report/       all of a study on one page
training/     from a recipe to a checkpoint
export/       a dataset in other programs' forms
sweep.py      many runs from one file
testing.py    the promises of a `SegmentModel`, as checks
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_gen.lazy_names import lazy_names

if TYPE_CHECKING:
    from babilong_eval.analysis.compare_runs import compare_runs
    from babilong_eval.analysis.perplexity import measure_perplexity
    from babilong_eval.data.torch_iterable import to_torch_iterable
    from babilong_eval.evaluation.config import EvaluationConfig
    from babilong_eval.evaluation.evaluate import evaluate
    from babilong_eval.figures.accuracy_by_length import accuracy_by_length
    from babilong_eval.figures.heatmaps import task_by_length
    from babilong_eval.models.protocol import Answer, SegmentModel
    from babilong_eval.models.registry import load_model
    from babilong_eval.results.frame import read_results
    from babilong_eval.results.load import load_runs
    from babilong_eval.scoring.explain import explain
    from babilong_eval.scoring.score import score
    from babilong_eval.training.train import train

__all__ = [
    "Answer",
    "EvaluationConfig",
    "SegmentModel",
    "accuracy_by_length",
    "compare_runs",
    "evaluate",
    "explain",
    "load_model",
    "load_runs",
    "measure_perplexity",
    "read_results",
    "score",
    "task_by_length",
    "to_torch_iterable",
    "train",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Answer": "models.protocol",
        "EvaluationConfig": "evaluation.config",
        "SegmentModel": "models.protocol",
        "accuracy_by_length": "figures.accuracy_by_length",
        "compare_runs": "analysis.compare_runs",
        "evaluate": "evaluation.evaluate",
        "explain": "scoring.explain",
        "load_model": "models.registry",
        "load_runs": "results.load",
        "measure_perplexity": "analysis.perplexity",
        "read_results": "results.frame",
        "score": "scoring.score",
        "task_by_length": "figures.heatmaps",
        "to_torch_iterable": "data.torch_iterable",
        "train": "training.train",
    },
)
