"""Tasks for lm-evaluation-harness: a folder that `lm_eval --include_path FOLDER --tasks …` runs as it is.

    babilong_qa1_4k.yaml    a task at a length; all settings they share are in _babilong_yaml
    babilong_4k.yaml        a group: all tasks at a length, with their mean
    babilong_all.yaml       a group of the groups
    data/4k/qa1.parquet     the rows: the whole prompt, the target, the choices
    utils.py                reads the rows and scores
    official.py, strict.py  the scoring rules; string_match.py has those of open answers

The harness is given finished prompts, so a model reads what it reads in `babilong evaluate`; it scores by our
own rule, and asks for a greedy answer of the same number of tokens.
"""

from __future__ import annotations

from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from babilong_eval.data.layout import Pair
    from babilong_eval.export.chosen_samples import ChosenSamples

_SCHEMA = pa.schema(
    [
        ("prompt", pa.large_string()),
        ("question", pa.string()),
        ("target", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("task", pa.string()),
        ("length", pa.string()),
        ("sample_id", pa.string()),
    ]
)

# Prompts hardly repeat: a dictionary or statistics of them would cost several copies of the longest.
_PARQUET: dict[str, Any] = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}

# A row group is closed when its prompts reach this size, so that few are held at once.
_ROW_GROUP_CHARACTERS = 4_000_000

_PYTHON = {
    "utils.py": "export/task_utils.py",
    "official.py": "scoring/official.py",
    "strict.py": "scoring/strict.py",
    "string_match.py": "scoring/string_match.py",
}

_COMMON = """\
# What all tasks of this folder share. The scoring rule is official or strict; it is named twice.
custom_dataset: !function utils.rows
dataset_path: parquet
test_split: test
output_type: generate_until
doc_to_text: prompt
doc_to_target: target
num_fewshot: 0
generation_kwargs:
  until: []
  do_sample: false
  max_gen_toks: {max_tokens}
process_results: !function utils.{scorer}
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
  scorer: {scorer}
  dataset_fingerprint: "{fingerprint}"
  babilong_gen: "{version}"
"""

_TASK = """\
include: _babilong_yaml
task: {name}
dataset_kwargs:
  data_files: {data}
"""

_MEAN = """\
aggregate_metric_list:
  - metric: acc
    weight_by_size: true
"""


def write_lm_eval(chosen: ChosenSamples, folder: Path) -> None:
    """Write tasks, groups, rows and scoring rules into a folder."""
    common = _COMMON.format(
        max_tokens=chosen.max_tokens,
        scorer=chosen.scorer,
        fingerprint=chosen.dataset.fingerprint,
        version=version("babilong-gen"),
    )
    (folder / "_babilong_yaml").write_text(common, encoding="utf-8")
    for pair in chosen.sizes:
        task, length = pair
        data = f"data/{length}/{task}.parquet"
        _write_rows(chosen, pair, folder / data)
        name = _task_name(pair)
        (folder / f"{name}.yaml").write_text(_TASK.format(name=name, data=data), encoding="utf-8")
    for length in chosen.lengths:
        members = [_task_name(pair) for pair in chosen.sizes if pair[1] == length]
        _write_group(folder, _group_name(length), members, _MEAN)
    # a mean over lengths would say nothing
    _write_group(folder, _group_name("all"), [_group_name(length) for length in chosen.lengths])
    _copy_scoring(folder)


def _task_name(pair: Pair) -> str:
    task, length = pair
    return f"babilong_{task}_{length}"


def _group_name(length: str) -> str:
    return f"babilong_{length}"


def _write_group(folder: Path, name: str, members: Sequence[str], aggregate: str = "") -> None:
    listed = "".join(f"  - {member}\n" for member in members)
    text = f"group: {name}\ntask:\n{listed}{aggregate}metadata:\n  version: 1.0\n"
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _write_rows(chosen: ChosenSamples, pair: Pair, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, _SCHEMA, **_PARQUET) as writer:
        for rows in _groups(chosen, pair):
            writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))


def _groups(chosen: ChosenSamples, pair: Pair) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    characters = 0
    for sample in chosen.samples(pair):
        prompt = chosen.prompt(sample)
        group.append(
            {
                "prompt": prompt,
                "question": sample.question,
                "target": sample.target,
                "choices": list(chosen.labels[sample.task]),
                "task": sample.task,
                "length": sample.length,
                "sample_id": sample.sample_id,
            }
        )
        characters += len(prompt)
        if characters >= _ROW_GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _copy_scoring(folder: Path) -> None:
    package = resources.files("babilong_eval")
    for name, source in _PYTHON.items():
        (folder / name).write_bytes(package.joinpath(source).read_bytes())
