"""The objective `lm`: what is learnt of texts and pairs, and that a run of it ends as others do."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.training.lm_unroll import TextLossOptions, UnrolledLanguageModel
from babilong_eval.training.metrics_log import read_log
from babilong_eval.training.pairs import SplitPairs, read_pairs
from babilong_eval.training.recipe import read_recipe
from babilong_eval.training.samples import open_sample_source
from babilong_eval.training.texts import NOT_LEARNT, Documents, TextRow, as_batch, pair_rows
from babilong_eval.training.train import train
from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from babilong_gen.split import belongs
from babilong_gen.tokenizer import load_tokenizer
from tests.eval.kin_packages import require
from tests.eval.training.conftest import NARROW_GPT2, Command
from tests.eval.training.processes import start_training, wait_for
from tests.eval.training.small import build_small
from tests.eval.training.test_kinds import MODELS
from tests.eval.training.test_train_command import put

RMT: dict[str, Any] = {"form": "decoder", "backbone": dict(NARROW_GPT2), "memory_tokens": 3}
LANGUAGE_MODELS = {"rmt": RMT} | {kind: model for kind, model in MODELS.items() if kind != "memformer"}


def lm_recipe(noise: str, model: dict[str, Any] = RMT, steps: int = 3) -> dict[str, Any]:
    return {
        "name": "text",
        "objective": "lm",
        "save_every": 2,
        "model": {"tokenizer": "babilong", "segment_size": 20, **model},
        "data": {"noise": [noise]},
        "optimizer": {"warmup_steps": 0, "learning_rate": 0.003},
        "stages": [{"name": "only", "segments": [1, 3], "batch": 2, "until": {"steps": steps}}],
    }


def write_pairs(path: Path, count: int = 40) -> list[dict[str, str]]:
    pairs = [{"prompt": f"the sum of {n} and {n} is", "target": f"{2 * n}"} for n in range(count)]
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return pairs


@pytest.fixture(params=LANGUAGE_MODELS)
def kind(request: pytest.FixtureRequest) -> str:
    require(request.param)
    return request.param


def test_each_language_model_is_trained_on_text(
    kind: str, command: Command, write_recipe: Any, noise_files: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    content = lm_recipe(noise_files, LANGUAGE_MODELS[kind])
    content["stages"][0] |= {"gradient_checkpointing": True, "bptt_segments": 2}
    done = command("train", write_recipe(content), "--out", out)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "config.json").read_text())["model_type"] == kind
    assert len(read_log(out / "training" / "log.jsonl")) == 3


def test_a_text_becomes_more_likely_while_it_is_learnt(
    command: Command, write_recipe: Any, noise_files: str, tmp_path: Path
) -> None:
    done = command("train", write_recipe(lm_recipe(noise_files, steps=30)), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    losses = [line["loss"] for line in read_log(tmp_path / "out" / "training" / "log.jsonl")]
    assert abs(losses[0] - math.log(load_tokenizer("babilong").tokenizer.get_vocab_size())) < 0.5
    assert sum(losses[-5:]) < sum(losses[:5]) - 5


def test_killed_it_continues_to_the_same_log_and_weights(
    write_recipe: Any, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    recipe = write_recipe(lm_recipe(noise_files, steps=8) | {"save_every": 3})
    train(read_recipe(recipe), tmp_path / "whole", cache=cache)
    out = tmp_path / "killed"
    (process,) = start_training(recipe, out, cache)
    wait_for([process], (out / "training" / "snapshot.pt").is_file)
    process.kill()
    process.join()
    train(read_recipe(recipe), out, cache=cache)
    for name in ("training/log.jsonl", "model.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.parametrize("model", [RMT, MODELS["armt"]], ids=["rmt", "armt"])
def test_pairs_are_learnt_from_a_file(
    model: dict[str, Any], command: Command, write_recipe: Any, tmp_path: Path
) -> None:
    write_pairs(tmp_path / "sums.jsonl")
    content = lm_recipe("", model)
    content["data"] = {"pairs": [str(tmp_path / "sums.jsonl")]}
    done = command("train", write_recipe(content), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr


def test_of_a_pair_the_target_alone_is_learnt(tmp_path: Path) -> None:
    write_pairs(tmp_path / "sums.jsonl")
    tokenizer = load_tokenizer("babilong").tokenizer
    pairs = read_pairs([str(tmp_path / "sums.jsonl")])
    rows = pair_rows(SplitPairs(training=pairs.training[:3], held_out=0), tokenizer, " ").rows
    batch = as_batch(rows, segment_size=4)
    learnt = batch.targets.transpose(0, 1).flatten(1)
    texts = {tokenizer.decode(row[row != NOT_LEARNT].tolist()) for row in learnt}
    assert texts == {pair.target for pair in pairs.training[:3]}


def test_a_tenth_of_the_pairs_is_held_out_by_content(tmp_path: Path) -> None:
    written = write_pairs(tmp_path / "sums.jsonl", 200)
    pairs = read_pairs([str(tmp_path / "sums.jsonl")])
    assert len(pairs.training) + pairs.held_out == 200
    assert 5 < pairs.held_out < 40
    assert all(belongs(f"{pair.prompt}\n{pair.target}".encode(), "train") for pair in pairs.training)
    assert written[0].keys() == {"prompt", "target"}


def test_rows_are_stretches_of_training_documents(write_recipe: Any, noise_files: str, cache: Path) -> None:
    recipe = read_recipe(write_recipe(lm_recipe(noise_files)))
    source = open_sample_source(recipe, "babilong", cache=cache, report=lambda _: None, notify=lambda _: None)
    pool = source.context(0, "detect").pool
    corpus, rng = pool.corpus, Rng("rows")
    ends = [int(corpus.token_end[end - 1]) for end in corpus.document_end]
    documents = [corpus.tokens[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    trained = [
        document.tobytes()
        for number, document in enumerate(documents)
        if corpus.document_end[number] - 1 in pool.kept
    ]
    for most in (2, 7, 61, 100_000):
        for _ in range(20):
            row = Documents(pools=[pool]).row(rng, most)
            assert 2 <= len(row.tokens) <= most
            assert any(row.tokens.tobytes() in document for document in trained)


def test_the_loss_is_that_of_one_token_after_another() -> None:
    network = build_small("decoder").network
    assert isinstance(network, RMTDecoder)
    rng = Rng("rows")
    tokens = torch.tensor([[rng.randrange(500) for _ in range(25)] for _ in range(2)])
    batch = as_batch([TextRow(tokens=row.numpy().astype("uint32"), given=1) for row in tokens], 12)
    expected, memory = [], network.start(2)
    for part in tokens[:, :24].split(12, dim=1):
        expected.append(network.logits(part, memory))
        memory = network.read(part, memory)
    loss = nn.functional.cross_entropy(torch.cat(expected, dim=1).flatten(0, 1), tokens[:, 1:].flatten())
    unrolled = UnrolledLanguageModel(network)
    gradients = []
    for options in (TextLossOptions(), TextLossOptions(gradient_checkpointing=True)):
        network.zero_grad()
        found = unrolled(batch, options)
        found.backward()
        assert torch.allclose(found, loss, atol=1e-5)
        assert network.memory.grad is not None
        gradients.append(network.memory.grad.clone())
    assert torch.allclose(*gradients, atol=1e-6)


def test_gradients_stop_where_back_propagation_is_cut() -> None:
    """With one segment at a time, the first memory learns from the first segment alone."""
    network = build_small("decoder").network
    assert isinstance(network, RMTDecoder)
    row = torch.arange(37).numpy().astype("uint32")
    found = []
    for given in (1, 13):  # learnt: all three segments, and the last two
        network.zero_grad()
        batch = as_batch([TextRow(tokens=row, given=given)], 12)
        unrolled = UnrolledLanguageModel(network)
        unrolled(batch, TextLossOptions(bptt_segments=1)).backward()
        assert network.memory.grad is not None
        found.append(network.memory.grad.abs().max().item())
    assert found[0] > 0
    assert found[1] == 0


MISTAKES: list[tuple[str, Any, str]] = [
    ("model.form", "encoder", "objective: lm: an encoder predicts no next token"),
    ("stages.0.tasks", {"qa1": 1}, "stages.0.tasks: not with objective: lm"),
    ("stages.0.until", {"steps": 3, "accuracy": 0.5}, "stages.0.until.accuracy: not with objective: lm"),
    ("stages.0.streams", {"empty": 0.5}, "stages.0.streams: not with objective: lm"),
    ("stages.0.segments", 0, "fills at least 1 segment"),
    ("data.leak_check", "off", "data.leak_check: not with objective: lm"),
    ("data.pairs", ["pairs.jsonl"], "data: noise or pairs"),
    ("objective", "answer", "stages.0.tasks is missing: name tasks, or set objective: lm"),
    ("objective", "score", "objective"),
    ("model", {"kind": "memformer", "tokenizer": "babilong"}, "memformer's decoder predicts no token"),
]


@pytest.mark.parametrize(("key", "value", "says"), MISTAKES, ids=[says for _, _, says in MISTAKES])
def test_a_mistake_is_found_when_the_recipe_is_read(
    key: str, value: Any, says: str, write_recipe: Any, noise_files: str
) -> None:
    content = lm_recipe(noise_files)
    put(content, key, value)
    with pytest.raises(UsageError, match=says):
        read_recipe(write_recipe(content))


BAD_PAIRS = [
    ('{"prompt": "a"}', "line 1: target: Field required"),
    ('{"prompt": "a", "target": 3}', "line 1: target: Input should be a valid string"),
    ('{"prompt": "a", "target": " "}', "line 1: the target is empty"),
    ("nonsense", "line 1"),
    (json.dumps({"prompt": "a " * 100, "target": "b"}), "no pair fits 1 segments of 20 tokens"),
]


@pytest.mark.parametrize(("text", "says"), BAD_PAIRS, ids=[says for _, says in BAD_PAIRS])
def test_a_file_of_pairs_that_cannot_be_learnt_is_one_line(
    text: str, says: str, command: Command, write_recipe: Any, tmp_path: Path
) -> None:
    (tmp_path / "pairs.jsonl").write_text(text)
    content = lm_recipe("")
    content["data"] = {"pairs": [str(tmp_path / "pairs.jsonl")]}
    assert says in command("train", write_recipe(content), "--out", tmp_path / "out").refusal


def test_missing_pairs_are_one_line(command: Command, write_recipe: Any, tmp_path: Path) -> None:
    content = lm_recipe("")
    content["data"] = {"pairs": [str(tmp_path / "none.jsonl")]}
    done = command("train", write_recipe(content), "--out", tmp_path / "out")
    assert f"no pairs in {tmp_path / 'none.jsonl'}" in done.refusal
