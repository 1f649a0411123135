"""What the recurrence costs: an RMT's reading against the bare backbone's forward over the same segments.

    python benchmarks/rmt_overhead.py --json rmt_overhead.json
    python benchmarks/rmt_overhead.py --original CHECKOUT     with the authors' code, run beside ours

Each contender reads the same tokens in turn, several times over; what is reported are the medians of the
rounds' ratios, which a machine's other work disturbs little. Weights are random: they do not matter to speed.

    overhead    ours / the backbone without a head on the same segments (goal: at most 1.10)
    speed-up    the authors' implementation / ours (goal: at least 1, with a large vocabulary 1.3)
    memory      peak of the process after many segments / after few, for tiny models whose state it would show
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)

from babilong_eval.models.incremental_forward import reader_for
from babilong_eval.models.pretrained import LanguageModel, body
from babilong_eval.models.protocol import SegmentModel
from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.segments import segment_batches
from babilong_eval.models.stateful_lm import CarriedModel

LABELS = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
ENCODER = RMTConfig(form="encoder", labels=LABELS)
DECODER = RMTConfig(form="decoder", segment_size=492)  # with memory before and after 512 positions

CASES: dict[str, tuple[RMTConfig, PretrainedConfig]] = {
    "bert-base": (ENCODER, BertConfig()),
    "bert-6-layers-384": (
        ENCODER,
        BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536),
    ),
    "gpt2": (DECODER, GPT2Config()),
    "gpt2-small-vocabulary": (DECODER, GPT2Config(vocab_size=1000, bos_token_id=1, eos_token_id=2)),
    "llama-6-layers-512": (
        DECODER,
        LlamaConfig(
            hidden_size=512,
            num_hidden_layers=6,
            num_attention_heads=8,
            intermediate_size=1408,
            vocab_size=32000,
        ),
    ),
}

Run = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One case; seconds are medians of all segments' reading, ratios medians of the rounds' ratios."""

    case: str
    segments: int
    batch_size: int
    backbone_seconds: float
    rmt_seconds: float
    overhead: float
    original_seconds: float | None
    speed_up: float | None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated; default: all")
    parser.add_argument("--segments", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of a CPU")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--original", type=Path, help="checkout of booydar/recurrent-memory-transformer")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    measured = []
    for case in arguments.cases.split(","):
        measured.append(measure(case, arguments))
        print(line(measured[-1]), flush=True)
    growth = memory_growth()
    for name, ratio in growth.items():
        print(f"{name:24} peak memory after 256 segments / after 16: {ratio:.3f}")
    if arguments.json:
        figures = {"torch": torch.__version__, "device": arguments.device, "threads": torch.get_num_threads()}
        figures |= {"cases": [asdict(one) for one in measured], "memory_growth": growth}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def line(one: Measured) -> str:
    speed_up = "" if one.speed_up is None else f"   {one.speed_up:.2f} x as fast as the authors' code"
    return f"{one.case:24} {one.overhead:.3f} x the bare backbone{speed_up}"


@torch.inference_mode()
def measure(case: str, arguments: argparse.Namespace) -> Measured:
    """Times the contenders in turn, so that each round's ratio compares neighbours in time."""
    config, backbone = CASES[case]
    model = build_rmt(config, backbone, word_tokenizer(backbone.vocab_size))
    model.network.to(arguments.device)
    tokens = torch.randint(10, 1000, (arguments.batch_size, arguments.segments * config.segment_size))
    runs: dict[str, Run] = {
        "backbone": lambda: read_bare(model, tokens.to(arguments.device)),
        "rmt": lambda: read_and_answer(model, tokens),
    }
    if arguments.original:
        original = original_reader(model, arguments.original, arguments.segments)
        runs["original"] = lambda: original(tokens.to(arguments.device))
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(arguments.rounds + 1):
        for name, run in runs.items():
            taken = timed(run, arguments.device)
            if round_number > 0:  # the first warms up
                seconds[name].append(taken)
    return Measured(
        case=case,
        segments=arguments.segments,
        batch_size=arguments.batch_size,
        backbone_seconds=statistics.median(seconds["backbone"]),
        rmt_seconds=statistics.median(seconds["rmt"]),
        overhead=ratio(seconds["rmt"], seconds["backbone"]),
        original_seconds=statistics.median(seconds["original"]) if "original" in seconds else None,
        speed_up=ratio(seconds["original"], seconds["rmt"]) if "original" in seconds else None,
    )


def ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def timed(run: Run, device: str) -> float:
    """Seconds of a run: on a CPU those that the process had the processor, which others cannot take away."""
    if not device.startswith("cuda"):
        start = time.process_time()
        run()
        return time.process_time() - start
    start = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def read_and_answer(model: SegmentModel, tokens: torch.Tensor) -> object:
    """As the runner does it: every segment, then an answer from the last by its choices' scores."""
    *segments, last = segment_batches(list(tokens.numpy()), model.segment_size, model.alignment)
    state = model.start(len(tokens))
    for segment in segments:
        state = model.step(*segment, state)
    return model.answer(last, state, [LABELS] * len(tokens))


def read_bare(model: RMTModel, tokens: torch.Tensor) -> None:
    """The backbone's own forward over the same segments, without memory and without a head."""
    backbone = body(model.network.backbone)
    for part in tokens.split(model.segment_size, dim=1):
        if model.config.form == "encoder":
            begin, end = torch.full_like(part[:, :1], 1), torch.full_like(part[:, :1], 2)
            backbone(input_ids=torch.cat([begin, part, end], dim=1))
        else:
            backbone(input_ids=part, use_cache=False)


def original_reader(model: RMTModel, checkout: Path, segments: int) -> Callable[[torch.Tensor], object]:
    """The authors' classes around the same backbone, out of their checkout."""
    sys.path.insert(0, str(checkout))
    config, backbone = model.config, model.network.backbone
    if config.form == "decoder":
        from modeling_rmt.language_modeling import MemoryCell, RecurrentWrapper  # pyright: ignore

        cell = MemoryCell(backbone, config.memory_tokens)
        reader = RecurrentWrapper(cell, segment_size=config.segment_size, max_n_segments=segments)
    else:
        from modeling_rmt import RMTEncoderForSequenceClassification  # pyright: ignore

        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=model.tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
        )
        reader = RMTEncoderForSequenceClassification(
            type(backbone)(backbone.config),
            num_mem_tokens=config.memory_tokens,
            tokenizer=tokenizer,
            input_size=config.segment_size + config.memory_tokens + 3,
            max_n_segments=segments,
            bptt_depth=-1,
            sum_loss=False,
        )
    return reader.to(model.device).eval()


def memory_growth() -> dict[str, float]:
    """Peak memory of the process after 256 segments over that after 16, one tiny model after another."""
    tokenizer = word_tokenizer(1000)
    gpt2 = GPT2Config(vocab_size=1000, n_embd=64, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2)
    mamba = AutoModelForCausalLM.from_config(
        MambaConfig(vocab_size=1000, hidden_size=64, num_hidden_layers=2, bos_token_id=1, eos_token_id=2)
    )
    found = LanguageModel(
        network=mamba.eval(), tokenizer=PreTrainedTokenizerFast(tokenizer_object=tokenizer), render_chat=None
    )
    contenders: dict[str, SegmentModel] = {
        "rmt around gpt2": build_rmt(RMTConfig(form="decoder", segment_size=64), gpt2, tokenizer),
        "mamba": CarriedModel(found, reader_for(mamba), segment_size=64),
    }
    growth = {}
    for name, model in contenders.items():
        peaks = []
        for segments in (16, 256):
            read_and_answer(model, torch.randint(10, 1000, (1, segments * 64)))
            peaks.append(peak_memory_bytes())
        growth[name] = peaks[1] / peaks[0]
    return growth


def peak_memory_bytes() -> int:
    """Most memory the process has held so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def word_tokenizer(size: int) -> Tokenizer:
    """Words for the labels and as many more as the vocabulary has room for."""
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *LABELS, *(f"w{number}" for number in range(10, size))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


if __name__ == "__main__":
    main()
