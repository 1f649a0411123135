"""The export for RULER of RULER's own tasks: what its scripts read, and what its rule makes of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from babilong_eval.data.dataset import label_sets, open_dataset, read_samples
from babilong_eval.export.export import ExportConfig, export
from babilong_eval.prompts.prompts import own_prompts
from babilong_eval.prompts.ruler import MAX_NEW_TOKENS
from babilong_eval.scoring.score import score
from babilong_gen.generation import Silent
from babilong_gen.tasks import RULER_TASKS
from babilong_gen.tokenizer import load_tokenizer
from tests.conftest import Run
from tests.eval.rulers_evaluation import evaluate_by_ruler, prediction

# tokens_to_generate of RULER's scripts/data/synthetic/constants.py
KINDS = {
    "niah": 128,
    "variable_tracking": 30,
    "common_words_extraction": 120,
    "freq_words_extraction": 50,
}


@pytest.fixture(scope="module")
def data(babilong: Run, noise_files: str, wordpiece: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of all eleven tasks."""
    out = tmp_path_factory.mktemp("ruler") / "data"
    done = babilong(
        "generate", "--tasks", ",".join(RULER_TASKS), "--lengths", "1k", "--samples", 2,
        "--noise", noise_files, "--tokenizer", wordpiece, "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def exported(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "out"
    export(ExportConfig(data=str(data), form="ruler-jsonl", out=out), Silent())
    return out


def lines(exported: Path, task: str) -> list[dict[str, Any]]:
    path = exported / f"1k/babilong_{task}/validation.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rule_of_ruler(predictions: list[str], references: list[list[str]]) -> float:
    """`string_match_all` of RULER's eval/synthetic/constants.py, told again."""
    shares = [
        sum(answer.lower() in told.lower() for answer in answers) / len(answers)
        for told, answers in zip(predictions, references, strict=True)
    ]
    return round(100 * sum(shares) / len(shares), 2)


@pytest.mark.parametrize("task", RULER_TASKS)
def test_a_line_has_what_rulers_scripts_read(data: Path, exported: Path, wordpiece: Path, task: str) -> None:
    tokenizer = load_tokenizer(str(wordpiece)).tokenizer
    declared = yaml.safe_load((exported / "synthetic.yaml").read_text())[f"babilong_{task}"]["task"]
    told = zip(lines(exported, task), read_samples(open_dataset(str(data)), task, "1k"), strict=True)
    for line, sample in told:
        assert list(line) == [
            "index", "input", "outputs", "length", "length_w_model_temp", "answer_prefix", "others"
        ]  # fmt: skip
        whole = line["input"] + line["answer_prefix"]
        assert whole == own_prompts([task]).prompts[task].text(sample.input, sample.question)
        assert line["answer_prefix"].startswith((" The special magic", " Answer: "))
        assert line["outputs"] == sample.target.split(",")
        assert line["length"] == len(tokenizer.encode(whole, add_special_tokens=False)) + KINDS[declared]
    assert KINDS[declared] == MAX_NEW_TOKENS[task.partition("_")[0]]


@pytest.mark.parametrize("task", RULER_TASKS)
def test_rulers_rule_gives_what_ours_gives(exported: Path, task: str) -> None:
    references = [line["outputs"] for line in lines(exported, task)]
    perfect = [" ".join(f"{n}. {answer}" for n, answer in enumerate(answers, 1)) for answers in references]
    assert rule_of_ruler(perfect, references) == 100
    half = [", ".join(answers[: len(answers) // 2]) for answers in references]
    cut = [told[: len(told) // 2] for told in perfect]
    for outputs in (perfect, half, cut):
        ours = score(
            {
                "target": [",".join(answers) for answers in references],
                "output": outputs,
                "question": [""] * len(outputs),
            },
            labels=(),
            scorer="official",
        )
        assert rule_of_ruler(outputs, references) == round(100 * ours.accuracy, 2)
    assert rule_of_ruler(half, references) == round(100 * (len(references[0]) // 2) / len(references[0]), 2)


def test_rulers_own_script_scores_the_export(exported: Path, tmp_path: Path) -> None:
    """It gives 100 for perfect answers, and for answers cut in half what ours gives."""
    declared = (exported / "synthetic.yaml").read_text()
    references = {task: [line["outputs"] for line in lines(exported, task)] for task in RULER_TASKS}
    for name, part in (("perfect", 1.0), ("half", 0.5)):
        outputs = {
            task: [", ".join(answers)[: int(part * len(", ".join(answers)))] for answers in several]
            for task, several in references.items()
        }
        predictions = {
            f"babilong_{task}": [
                prediction(answers, output, index)
                for index, (answers, output) in enumerate(zip(references[task], outputs[task], strict=True))
            ]
            for task in RULER_TASKS
        }
        (tmp_path / name).mkdir()
        scores = evaluate_by_ruler(tmp_path / name, predictions, declared)
        for task in RULER_TASKS:
            targets = [",".join(answers) for answers in references[task]]
            columns = {"target": targets, "output": outputs[task], "question": [""] * len(targets)}
            ours = score(columns, labels=(), scorer="official")
            assert scores[f"babilong_{task}"] == round(100 * ours.accuracy, 2)
        if name == "perfect":
            assert set(scores.values()) == {100.0}
        else:
            assert scores["babilong_niah_single_1"] == 0
            assert 0 < scores["babilong_cwe"] <= 60


def test_a_dataset_of_others_has_lengths_that_are_not_known(data: Path, tmp_path: Path) -> None:
    export(ExportConfig(data=str(data), form="json", out=tmp_path / "json", tasks=("vt",)), Silent())
    export(ExportConfig(data=str(tmp_path / "json"), form="ruler-jsonl", out=tmp_path / "ruler"), Silent())
    assert {line["length"] for line in lines(tmp_path / "ruler", "vt")} == {-1}


def test_lm_evals_rules_are_ours_and_leave_room_for_the_answer(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "lm-eval"
    export(ExportConfig(data=str(data), form="lm-eval", out=out, tasks=("niah_multivalue",)), Silent())
    assert "max_gen_toks: 128" in (out / "_babilong_yaml").read_text()
    assert (out / "string_match.py").is_file()


def test_open_answers_have_no_labels(data: Path) -> None:
    assert label_sets(open_dataset(str(data)), [("cwe", "1k")]) == {"cwe": ()}
