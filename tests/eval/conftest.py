"""A small dataset in the published schema, and a small model that really reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
NAMES = ("Daniel", "John", "Mary", "Sandra")
NOISE = ("It rained all day.", "The lamps were lit early.", "Nobody came to the door.", "A dog barked twice.")
SEGMENT_SIZE = 16

Row = dict[str, Any]


def row(index: int, noise_sentences: int, *, task: str = "qa1") -> Row:
    """A sample in which one person has gone to one place, first thing, and much happens afterwards."""
    name, place = NAMES[index % len(NAMES)], PLACES[index % len(PLACES)]
    noise = [NOISE[(index + number) % len(NOISE)] for number in range(noise_sentences)]
    fact = f"{name} went to the {place}."
    return {
        "input": " ".join([fact, *noise]),
        "question": f"Where is {name}?",
        "target": place,
        "sample_id": f"{task}/x/{index:06d}",
    }


def write_parquet(folder: Path, length: str, task: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Writes rows where the dataset in `folder` has that task and length."""
    path = folder / "data" / length / f"{task}-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(map(dict, rows))), path)
    return path


@pytest.fixture
def write_dataset() -> Callable[..., Path]:
    """`write_parquet`."""
    return write_parquet


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """qa1 at 0k and 1k, twelve samples each, and five of qa11 at 0k."""
    folder = tmp_path / "data set"
    write_parquet(folder, "0k", "qa1", [row(index, 0) for index in range(12)])
    write_parquet(folder, "1k", "qa1", [row(index, 20 + index) for index in range(12)])
    write_parquet(folder, "0k", "qa11", [row(index, 1, task="qa11") for index in range(5)])
    return folder


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A tokenizer of the words of the small dataset."""
    text = " ".join([*NAMES, *PLACES, *NOISE, "Mary went to the . Where is in ?"]).lower()
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *dict.fromkeys(text.replace(".", " . ").split())]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(words[:4])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


@pytest.fixture(scope="session")
def rmt_folder(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An RMT around a BERT of two narrow layers; its weights are random, and large enough to remember by."""
    import torch
    from transformers import BertConfig

    from babilong_eval.models.rmt.build import build_rmt
    from babilong_eval.models.rmt.config import RMTConfig
    from babilong_eval.models.rmt.serialization import save_pretrained

    torch.set_num_threads(1)  # threads of a narrow model wait for each other longer than they compute
    folder = tmp_path_factory.mktemp("models") / "small"
    bert = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=SEGMENT_SIZE + 8,
    )
    config = RMTConfig(form="encoder", memory_tokens=3, segment_size=SEGMENT_SIZE, labels=PLACES)
    model = build_rmt(config, bert, tokenizer)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.network.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    save_pretrained(model, folder)
    return folder
