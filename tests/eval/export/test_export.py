"""`babilong export`: what lies in the folders that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from babilong_eval.data.dataset import Sample, open_dataset, read_samples
from babilong_eval.export.export import ExportConfig, Form, export
from babilong_eval.prompts.prompts import own_prompts
from babilong_gen.errors import OutputError, SourceError, UsageError
from babilong_gen.generation import Silent
from babilong_gen.tokenizer import read_tokenizer
from tests.conftest import Run


def exported(dataset: Path, form: Form, out: Path, **options: Any) -> Path:
    """The folder of an export."""
    export(ExportConfig(data=str(dataset), form=form, out=out, **options), Silent())
    return out


def samples(dataset: Path, task: str, length: str) -> list[Sample]:
    """What is to be exported."""
    return list(read_samples(open_dataset(str(dataset)), task, length))


def prompt_of(sample: Sample) -> str:
    """What `babilong evaluate` has a language model read."""
    return own_prompts([sample.task]).prompts[sample.task].text(sample.input, sample.question)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_json_holds_the_published_columns_and_no_others(dataset: Path, tmp_path: Path) -> None:
    folder = exported(dataset, "json", tmp_path / "json")
    rows = json.loads((folder / "data/qa8/1k.json").read_text(encoding="utf-8"))
    assert rows == [
        {"question": sample.question, "input": sample.input, "target": sample.target}
        for sample in samples(dataset, "qa8", "1k")
    ]


def test_json_loads_as_the_published_set_does(dataset: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder = exported(dataset, "json", tmp_path / "json")
    rows = datasets.load_dataset(str(folder), "1k", split="qa19", cache_dir=str(tmp_path / "cache"))
    assert list(rows["target"]) == [sample.target for sample in samples(dataset, "qa19", "1k")]


def test_what_was_exported_as_json_is_evaluated_as_the_same_dataset(dataset: Path, tmp_path: Path) -> None:
    folder = exported(dataset, "json", tmp_path / "json")
    again = samples(folder, "qa1", "1k")
    assert [(s.input, s.question, s.target, s.choices) for s in again] == [
        (s.input, s.question, s.target, s.choices) for s in samples(dataset, "qa1", "1k")
    ]


def test_ruler_is_given_whole_prompts_in_its_own_fields(dataset: Path, tmp_path: Path) -> None:
    folder = exported(dataset, "ruler-jsonl", tmp_path / "ruler")
    lines = lines_of(folder / "1k/babilong_qa1/validation.jsonl")
    asked = samples(dataset, "qa1", "1k")
    assert [line["index"] for line in lines] == list(range(6))
    assert [line["input"] + line["answer_prefix"] for line in lines] == list(map(prompt_of, asked))
    tokenizer, _ = read_tokenizer("babilong")
    prompts = [len(tokenizer.encode(prompt_of(sample), add_special_tokens=False)) for sample in asked]
    assert [line["length"] for line in lines] == [tokens + 30 for tokens in prompts]
    assert [line["others"]["id"] for line in lines] == [sample.sample_id for sample in asked]


def test_ruler_counts_the_parts_of_a_list_but_not_the_steps_of_a_path(dataset: Path, tmp_path: Path) -> None:
    folder = exported(dataset, "ruler-jsonl", tmp_path / "ruler", lengths=("0k",))
    for line in lines_of(folder / "0k/babilong_qa8/validation.jsonl"):
        assert line["outputs"] == line["others"]["target"].split(",")
    for line in lines_of(folder / "0k/babilong_qa19/validation.jsonl"):
        assert line["outputs"] == [line["others"]["target"]]


def test_ruler_is_told_of_every_task(dataset: Path, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    folder = exported(dataset, "ruler-jsonl", tmp_path / "ruler")
    tasks = yaml.safe_load((folder / "synthetic.yaml").read_text())
    assert set(tasks) == {path.name for path in folder.glob("1k/*")}


def test_lm_eval_is_given_the_prompts_of_evaluate(dataset: Path, tmp_path: Path) -> None:
    folder = exported(dataset, "lm-eval", tmp_path / "tasks")
    rows = pq.read_table(folder / "data/1k/qa19.parquet").to_pylist()
    asked = samples(dataset, "qa19", "1k")
    assert [row["prompt"] for row in rows] == list(map(prompt_of, asked))
    assert [(row["question"], row["target"]) for row in rows] == [(s.question, s.target) for s in asked]


def test_parts_of_the_prompt_can_be_left_out(dataset: Path, tmp_path: Path) -> None:
    folder = exported(dataset, "lm-eval", tmp_path / "tasks", off=("examples",))
    prompt = pq.read_table(folder / "data/0k/qa1.parquet")["prompt"][0].as_py()
    assert "<example>" not in prompt
    assert own_prompts(["qa1"]).prompts["qa1"].instruction.strip() in prompt


def test_a_part_of_the_dataset_can_be_exported(dataset: Path, tmp_path: Path) -> None:
    folder = exported(dataset, "json", tmp_path / "json", tasks=("qa8",), lengths=("0k",), limit=2)
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.json")] == ["data/qa8/0k.json"]
    assert len(json.loads((folder / "data/qa8/0k.json").read_text())) == 2


def test_long_samples_close_row_groups_early(babilong: Run, noise_files: str, tmp_path: Path) -> None:
    made = babilong(
        "generate", "--tasks", "detect", "--lengths", "512k", "--samples", 4, "--noise", noise_files,
        "--workers", 1, "--out", tmp_path / "long",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    folder = exported(tmp_path / "long", "lm-eval", tmp_path / "tasks")
    assert pq.read_metadata(folder / "data/512k/detect.parquet").num_row_groups > 1


def test_a_folder_of_other_things_is_left_alone(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match="is there already"):
        exported(dataset, "json", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_export_that_fails_leaves_nothing(dataset: Path, tmp_path: Path) -> None:
    shard = next((dataset / "data/1k").glob("qa8-*"))
    broken = tmp_path / "broken"
    for path in dataset.rglob("*.parquet"):
        copy = broken / path.relative_to(dataset)
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        # the footer stays whole, so that the damage is found on the way
        copy.write_bytes(content if path != shard else bytes(2_000) + content[2_000:])
    with pytest.raises(SourceError, match="qa8"):
        exported(broken, "json", tmp_path / "json")
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_a_task_that_is_not_there_is_named(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'qa2'"):
        exported(dataset, "json", tmp_path / "json", tasks=("qa2",))


@pytest.mark.parametrize("form", ["ruler-jsonl", "lm-eval", "json"])
def test_the_command_says_what_to_do_next(dataset: Path, babilong: Run, tmp_path: Path, form: str) -> None:
    done = babilong("export", dataset, "--to", form, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    made, then = done.stdout.splitlines()
    assert made == f"{tmp_path / 'out'}: 36 samples of 6 tasks and lengths"
    assert str(tmp_path / "out") in then
