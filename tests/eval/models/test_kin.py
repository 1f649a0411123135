"""Kinds of other packages: the packages' own numbers through our segment loop, and states that are values."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from babilong_eval.models.kin.config import KinConfig
from babilong_eval.models.kin.kinds import KINDS
from babilong_eval.models.kin.knn_memory import KNNMemory
from babilong_eval.models.kin.model import KinModel, build_kin, from_pretrained, save_pretrained
from babilong_eval.models.protocol import Segment
from babilong_eval.models.registry import load_model
from babilong_eval.models.state import state_bytes, tensors
from babilong_eval.testing import CHECKS, read, some_tokens
from babilong_gen.errors import SourceError, UsageError
from tests.eval.kin_packages import PACKAGES, require
from tests.eval.models.conftest import stir, word_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from babilong_eval.models.protocol import SegmentModel

NARROW: dict[str, Any] = {"num_tokens": 40, "dim": 32, "depth": 2, "heads": 2}


@dataclass(frozen=True)
class SmallKin:
    """A small model of a kind, with segments of 8 tokens."""

    kind: str
    arguments: dict[str, Any]
    bounded: bool = True

    def __str__(self) -> str:
        return f"{self.kind}-{'-'.join(map(str, self.arguments))}"

    def build(self) -> KinModel:
        require(self.kind)
        config = KinConfig(model_type=self.kind, arguments=self.arguments, segment_size=8)
        model = build_kin(config, word_tokenizer(), max_new_tokens=4)
        stir(model.network)
        return model


BLOCKS = NARROW | {"dim_head": 16, "max_seq_len": 8, "num_state_vectors": 3, "recurrent_layers": [2]}
KNN = NARROW | {"dim_head": 16, "memorizing_layers": [1, 2], "num_retrieved_memories": 4}
RMT = NARROW | {"dim_head": 16, "num_memory_tokens": 3, "seq_len": 8}
XL = NARROW | {"attn_dim_head": 16, "max_seq_len": 8, "rotary_pos_emb": True, "use_abs_pos_emb": False}
MEMFORMER = {
    "dim": 32,
    **{
        f"{side}_{name}": size for side in ("enc", "dec") for name, size in (("num_tokens", 40), ("depth", 2))
    },
    **{
        f"{side}_{name}": size for side in ("enc", "dec") for name, size in (("heads", 2), ("max_seq_len", 8))
    },
    "num_memory_slots": 3,
    "mem_update_attn_heads": 2,
}
SMALL = [
    SmallKin("block-recurrent", BLOCKS | {"block_width": 8}),
    SmallKin("block-recurrent", BLOCKS | {"block_width": 4, "use_compressed_mem": False}),
    SmallKin("memorizing", KNN | {"max_knn_memories": 12}),
    SmallKin("memorizing", KNN | {"max_knn_memories": 100, "xl_max_memories": 4}, bounded=False),
    SmallKin("rmt-lucidrains", RMT),
    SmallKin("rmt-lucidrains", RMT | {"use_xl_memories": False}),
    SmallKin("transformer-xl", XL | {"max_mem_len": 12}),
    SmallKin("memformer", MEMFORMER),
]


@pytest.fixture(scope="module", params=SMALL, ids=str)
def small(request: pytest.FixtureRequest) -> KinModel:
    return request.param.build()


@pytest.mark.parametrize("check", CHECKS)
def test_a_model_of_every_kind_keeps_the_promise(
    check: Callable[[SegmentModel], None], small: KinModel
) -> None:
    check(small)


def test_what_an_earlier_segment_held_shows_in_the_answer(small: KinModel) -> None:
    row = some_tokens(small, 41)
    other = row.copy()
    other[30:33] = some_tokens(small, 3, seed=1)  # the last segment begins at 33
    one, another = read(small, [row])[0].scores, read(small, [other])[0].scores
    assert one != pytest.approx(another, abs=1e-3)


@pytest.mark.parametrize("kin", SMALL, ids=str)
def test_a_state_that_may_still_grow_is_not_called_bounded(kin: SmallKin) -> None:
    assert kin.build().bounded_state == kin.bounded


@pytest.mark.parametrize("kin", SMALL, ids=str)
def test_a_saved_model_answers_as_before(kin: SmallKin, tmp_path: Path) -> None:
    model = kin.build()
    save_pretrained(model, tmp_path)
    rows = [some_tokens(model, n) for n in (9, 20)]
    again = load_model(f"{kin.kind}:{tmp_path}")
    assert read(again, rows) == read(model, rows)


def test_weights_that_were_not_fetched_are_named(tmp_path: Path) -> None:
    kin = SMALL[0]
    save_pretrained(kin.build(), tmp_path)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    (tmp_path / "model.safetensors").write_text(pointer)
    with pytest.raises(SourceError, match=r"model.safetensors: a Git LFS pointer.*git lfs pull"):
        load_model(f"{kin.kind}:{tmp_path}")


@pytest.mark.parametrize("kin", SMALL, ids=str)
@pytest.mark.parametrize(("which", "value"), [(0, math.inf), (-1, math.nan)])
def test_weights_that_give_no_finite_numbers_are_named(
    kin: SmallKin, which: int, value: float, tmp_path: Path
) -> None:
    save_pretrained(kin.build(), tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    name = sorted(name for name in weights if name.endswith("weight"))[which]
    weights[name].view(-1)[:] = value
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(SourceError, match=f"^{kin.kind} gives no finite numbers .* weights are damaged"):
        load_model(f"{kin.kind}:{tmp_path}")


@pytest.mark.parametrize("kind", KINDS)
def test_new_weights_are_those_of_their_seed(kind: str) -> None:
    require(kind)
    arguments = next(kin.arguments for kin in SMALL if kin.kind == kind)
    config = KinConfig(model_type=kind, arguments=arguments, segment_size=8)
    one, other = (build_kin(config, word_tokenizer(), seed=5).network.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


@dataclass(frozen=True)
class Golden:
    """What a package computed: folder, configuration, and the file of golden numbers."""

    kind: str
    folder: str
    name: str
    numbers: str
    changes: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.folder}-{self.numbers}"


GOLDEN = [
    *(Golden("rmt-lucidrains", "rmt_pytorch", name, name, {}) for name in ("default", "enhanced", "no_xl")),
    *(Golden("block-recurrent", "block_recurrent", name, name, {}) for name in ("default", "two_layers")),
    Golden("memorizing", "memorizing", "knn", "knn_exact", {}),
    Golden("memorizing", "memorizing", "knn", "knn_exact_limit20", {"max_knn_memories": 20}),
    Golden("transformer-xl", "transformer_xl", "rotary", "rotary", {}),
]


def checkpoint(
    shared_data: Path, folder: str, name: str, kind: str, out: Path, changes: dict[str, Any]
) -> Any:
    """Writes a checkpoint of golden weights; returns the path of its numbers' folder."""
    require(kind)
    source = shared_data / "kin" / folder
    if not source.is_dir():
        pytest.skip(f"no golden numbers in {source}")
    about = json.loads((source / f"{name}.json").read_text())
    config = {
        "model_type": kind,
        "arguments": about["arguments"] | changes,
        "segment_size": about["segment_size"],
    }
    (out / "config.json").write_text(json.dumps(config))
    (out / "model.safetensors").write_bytes((source / f"{name}.state_dict.safetensors").read_bytes())
    word_tokenizer(97).save(str(out / "tokenizer.json"))
    return source


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_scores_are_those_of_the_package_after_each_segment(
    golden: Golden, shared_data: Path, tmp_path: Path
) -> None:
    source = checkpoint(shared_data, golden.folder, golden.name, golden.kind, tmp_path, golden.changes)
    model = load_model(f"{golden.kind}:{tmp_path}")
    numbers = load_file(source / f"{golden.numbers}.golden.safetensors")
    choices = ["kitchen", "w30", "w96"]
    state = model.start(2)
    for number, tokens in enumerate(numbers["input_ids"].split(model.segment_size, dim=1)):
        answers = model.answer(Segment(tokens, None), state, [choices] * 2)
        expected = numbers[f"logits_{number}"][:, -1].log_softmax(-1)[:, [9, 30, 96]]
        assert torch.allclose(
            torch.tensor([answer.scores for answer in answers]), expected, rtol=0, atol=1e-4
        )
        if number == 4 and "short_last_logits" in numbers:
            short = model.answer(Segment(tokens[:, :7], None), state, [choices] * 2)
            expected = numbers["short_last_logits"][:, -1].log_softmax(-1)[:, [9, 30, 96]]
            assert torch.allclose(torch.tensor([each.scores for each in short]), expected, rtol=0, atol=1e-4)
        state = model.step(tokens, None, state)


def test_a_memformer_answers_as_its_decoder_does(shared_data: Path, tmp_path: Path) -> None:
    source = checkpoint(shared_data, "memformer", "encoder_decoder", "memformer", tmp_path, {})
    numbers = load_file(source / "encoder_decoder.golden.safetensors")
    model = from_pretrained(tmp_path, "memformer")
    state = model.start(2)
    for number, tokens in enumerate(numbers["input_ids"].split(model.segment_size, dim=1)):
        before, said = state[0].carry, numbers["tgt"]
        with torch.inference_mode():
            _, (encoded, _) = model.network.prefill(tokens, before)
            logits, _ = model.network.read_on(said, (encoded, said[:, :0]))
        assert torch.allclose(logits, numbers[f"dec_logits_{number}"], rtol=0, atol=1e-4)
        state = model.step(tokens, None, state)
        assert torch.allclose(state[0].carry, numbers[f"mem_{number}"], rtol=1e-4, atol=1e-3)


def test_an_answer_that_fills_the_segment_goes_on_in_the_next() -> None:
    model = SmallKin("rmt-lucidrains", RMT).build()
    tokens = torch.from_numpy(some_tokens(model, 19))[None]
    with torch.inference_mode():
        state = model.network.read(tokens[:, :8], model.network.start(1))
        first, carry = model.network.prefill(tokens[:, 8:16], state)
        logits, _ = model.network.read_on(tokens[:, 16:], carry)
        again, _ = model.network.prefill(tokens[:, 16:], model.network.read(tokens[:, 8:16], state))
    assert torch.equal(logits[:, -1], again)
    assert first.shape == again.shape


def test_the_oldest_memories_leave_first_and_forks_share_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babilong_eval.models.kin.knn_memory._BLOCK", 4)
    keys = torch.randn(1, 14, 2, 3, generator=torch.Generator().manual_seed(0))
    blocks: tuple[torch.Tensor, ...] = ()
    states = []
    for part in keys.split(2, dim=1):
        memory = KNNMemory(blocks, batch_size=1, limit=9)
        memory.add(part)
        blocks = memory.blocks
        states.append(blocks)
    assert torch.equal(torch.cat(blocks, dim=1), keys[:, 5:])
    assert torch.equal(torch.cat(states[3], dim=1), keys[:, :8])
    shared = {block.untyped_storage().data_ptr() for block in states[3]}
    assert any(block.untyped_storage().data_ptr() in shared for block in states[4])


def test_the_nearest_memories_are_those_of_a_whole_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babilong_eval.models.kin.knn_memory._BLOCK", 4)
    generator = torch.Generator().manual_seed(0)
    stored, queries = (torch.randn(size, generator=generator) for size in ((2, 11, 2, 3), (2, 2, 5, 3)))
    memory = KNNMemory((), batch_size=2, limit=100)
    for part in stored.split(3, dim=1):
        memory.add(part)
    found, mask = memory.search(queries, 6)
    products = queries @ stored[:, None, :, 0].mT
    places = products.topk(6).indices
    expected = torch.stack([stored[row][places[row]] for row in range(2)])
    assert torch.equal(found, expected)
    assert mask.all()
    few, known = KNNMemory((stored[:, :2],), batch_size=2, limit=9).search(queries, 6)
    assert few.shape == found.shape
    assert known.sum(-1).unique().tolist() == [2]


def test_a_memory_stays_within_its_bound_and_off_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SmallKin("memorizing", KNN | {"max_knn_memories": 12}).build()
    monkeypatch.chdir(tmp_path)
    tokens = torch.from_numpy(some_tokens(model, 80))[None]
    state = model.start(1)
    for segment in tokens.split(8, dim=1):
        state = model.step(segment, None, state)
    layers, keys_and_values, width = 2, 2, 16
    assert state_bytes(state) == layers * 12 * keys_and_values * width * 4
    assert not any(tensor.requires_grad for tensor in tensors(state))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_package_a_kind_says_what_to_install(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, PACKAGES[kind], None)
    config = {"model_type": kind, "arguments": {}, "segment_size": 4}
    for name, content in (("config.json", json.dumps(config)), ("model.safetensors", "")):
        (tmp_path / name).write_text(content)
    word_tokenizer().save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UsageError, match=r"pip install 'babilong-gen\[kin\]'"):
        load_model(f"{kind}:{tmp_path}")


MISTAKES = [
    ({"wings": 2}, "cannot be built of its arguments"),
    ({"seq_len": 4}, "segments of 8 tokens are longer than rmt-lucidrains's seq_len, 4"),
    ({"memory_not_causal": False}, "cannot read segments of 8 tokens"),
    ({"causal": False}, "is no language model"),
]


@pytest.mark.parametrize(("changes", "says"), MISTAKES, ids=[says for _, says in MISTAKES])
def test_arguments_that_cannot_be_read_with_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        SmallKin("rmt-lucidrains", RMT | changes).build()


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    save_pretrained(SmallKin("rmt-lucidrains", RMT).build(), tmp_path)
    with pytest.raises(SourceError, match="describes a model of type 'rmt-lucidrains'"):
        load_model(f"memformer:{tmp_path}")
    with pytest.raises(SourceError, match="no model folder"):
        load_model(f"memformer:{tmp_path}/nowhere")
