"""What our protocol costs other packages' models, beside a loop of each original's own forward.

    python benchmarks/kin.py --json kin.json

Both read the same segments in turn, several times over, with the same weights, which are random; the ratio is
the median of the rounds' ratios of processor time. An answer is the choice of one of six labels.

    overhead    ours / the original's loop over the same segments (goal: at most 1.15)
    state       bytes per row after 16 and after 1,024 segments
    memory      peak of a process after 1,024 segments / after 16 (goal for a constant state: 1.05)

The memory of `memorizing` in the original's loop is one tensor, searched at once: the package's own is
approximate and needs faiss-gpu. An ARMT is compared with its bare backbone, whose layers it must run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rmt_overhead import LABELS, read_and_answer, word_tokenizer
from torch import Tensor
from transformers import DynamicCache, GPT2Config, Mamba2Config

from babilong_eval.models.armt.build import build_armt
from babilong_eval.models.armt.config import ARMTConfig
from babilong_eval.models.kin.config import KinConfig
from babilong_eval.models.kin.kinds import KINDS
from babilong_eval.models.kin.model import build_kin
from babilong_eval.models.pretrained import body
from babilong_eval.models.protocol import Segment
from babilong_eval.models.recurrent_network import RecurrentConfig, build_recurrent
from babilong_eval.models.state import state_bytes

WORDS = 1000
SEGMENT = 128
SHORT_SEGMENT = 32
"""Of the long readings, which are about what is kept, not about speed."""
FEW, MANY = 16, 1024
# Large enough for the layers to take most of the time, and small enough for 1,024 segments.
SIZES: dict[str, Any] = {"dim": 256, "depth": 3, "heads": 4}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "block-recurrent": SIZES | {"dim_head": 64, "num_state_vectors": 16, "recurrent_layers": [2]},
    "memformer": {
        "dim": 256,
        **{f"{side}_depth": 3 for side in ("enc", "dec")},
        **{f"{side}_heads": 4 for side in ("enc", "dec")},
        "num_memory_slots": 16,
        "mem_update_attn_heads": 4,
    },
    "memorizing": SIZES | {"dim_head": 64, "memorizing_layers": [2], "max_knn_memories": 4096},
    "rmt-lucidrains": SIZES | {"dim_head": 64, "num_memory_tokens": 10},
    "transformer-xl": SIZES | {"attn_dim_head": 64, "rotary_pos_emb": True, "use_abs_pos_emb": False},
}
CASES = ("armt", *ARGUMENTS, "mamba2")

Loop = Callable[[Any, list[Tensor]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One kind; seconds are medians, ratios medians of the rounds' ratios, bytes those of one row."""

    kind: str
    segments: int
    batch_size: int
    original_seconds: float
    seconds: float
    overhead: float
    bounded: bool
    state_bytes: dict[str, int]
    memory_growth: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated; default: all")
    parser.add_argument("--segments", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)  # of one case, in a process of its own
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.read:
        print(json.dumps(read_long(arguments.cases, arguments.read)))
        return
    measured = []
    for case in arguments.cases.split(","):
        measured.append(measure(case, arguments))
        print(line(measured[-1]), flush=True)
    if arguments.json:
        figures = {"torch": torch.__version__, "threads": arguments.threads}
        arguments.json.write_text(
            json.dumps(figures | {"cases": [asdict(one) for one in measured]}, indent=2) + "\n"
        )


def line(one: Measured) -> str:
    few, many = one.state_bytes.values()
    compared = "bare backbone" if one.kind == "armt" else "original's loop"
    return (
        f"{one.kind:16} {one.overhead:.3f} x the {compared:15}  state {few:>9,} -> {many:>9,} bytes"
        f"{' ' if one.bounded else ' (grows)'}  memory {one.memory_growth:.3f}"
    )


def measure(case: str, arguments: argparse.Namespace) -> Measured:
    seconds = race(case, arguments.segments, arguments.batch_size, arguments.rounds)
    reads = {segments: read_apart(case, segments, arguments.threads) for segments in (FEW, MANY)}
    return Measured(
        kind=case,
        segments=arguments.segments,
        batch_size=arguments.batch_size,
        original_seconds=statistics.median(seconds["original"]),
        seconds=statistics.median(seconds["ours"]),
        overhead=statistics.median(a / b for a, b in zip(seconds["ours"], seconds["original"], strict=True)),
        bounded=reads[MANY]["bounded"],
        state_bytes={str(segments): read["state"] for segments, read in reads.items()},
        memory_growth=reads[MANY]["peak"] / reads[FEW]["peak"],
    )


@torch.inference_mode()
def race(case: str, segments: int, rows: int, rounds: int) -> dict[str, list[float]]:
    """Time both in turn, so that each round's ratio compares neighbours in time."""
    model, loop = build(case, SEGMENT), LOOPS[case]
    tokens = torch.randint(10, WORDS, (rows, segments * SEGMENT))
    parts = list(tokens.split(SEGMENT, dim=1))
    runs: dict[str, Callable[[], object]] = {
        "original": lambda: loop(original_of(model), parts),
        "ours": lambda: read_and_answer(model, tokens),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if number > 0:  # the first warms up
                seconds[name].append(time.process_time() - start)
    return seconds


def read_apart(case: str, segments: int, threads: int) -> dict[str, Any]:
    """Read in a process of its own, so that its peak is that of nothing else."""
    options = ["--cases", case, "--read", str(segments), "--threads", str(threads)]
    done = subprocess.run([sys.executable, __file__, *options], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


@torch.inference_mode()
def read_long(case: str, segments: int) -> dict[str, Any]:
    model = build(case, SHORT_SEGMENT)
    state = model.start(1)
    for _ in range(segments - 1):
        state = model.step(torch.randint(10, WORDS, (1, SHORT_SEGMENT)), None, state)
    model.answer(Segment(torch.randint(10, WORDS, (1, SHORT_SEGMENT)), None), state, [LABELS])
    return {"state": state_bytes(state), "bounded": model.bounded_state, "peak": peak_kilobytes()}


def peak_kilobytes() -> int:
    """Most memory this program has held; Linux only: `getrusage` would count the one that started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def build(case: str, segment: int) -> Any:
    tokenizer = word_tokenizer(WORDS)
    special: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2}
    if case == "armt":
        sizes: dict[str, Any] = {"n_embd": 256, "n_layer": 3, "n_head": 4, "n_positions": segment + 10}
        config = ARMTConfig(segment_size=segment, memory_tokens=10)
        return build_armt(config, GPT2Config(vocab_size=WORDS, **sizes, **special), tokenizer)
    if case == "mamba2":
        sizes = {"hidden_size": 256, "num_hidden_layers": 3, "head_dim": 64, "num_heads": 8}
        sizes |= {"state_size": 64, "n_groups": 1, "chunk_size": 32}
        backbone = Mamba2Config(vocab_size=WORDS, **sizes, **special)
        return build_recurrent(RecurrentConfig(segment_size=segment), backbone, tokenizer)
    arguments = KINDS[case].completed(ARGUMENTS[case], vocabulary_size=WORDS, longest=segment)
    return build_kin(KinConfig(model_type=case, arguments=arguments, segment_size=segment), tokenizer)


def original_of(model: Any) -> Any:
    """The package's or library's own module."""
    network = model.network
    return network.package if hasattr(network, "package") else network.backbone


def loop_armt(backbone: Any, segments: list[Tensor]) -> object:
    for segment in segments[:-1]:
        body(backbone)(input_ids=segment, use_cache=False)
    return backbone(input_ids=segments[-1], use_cache=False, logits_to_keep=1).logits


def loop_block_recurrent(package: Any, segments: list[Tensor]) -> object:
    logits, recent, states = None, [], []
    for segment in segments:
        logits, recent, states = package(
            segment, states=states, xl_memories=recent, return_memories_and_states=True
        )
    return logits


def loop_memformer(package: Any, segments: list[Tensor]) -> object:
    memory = None
    for segment in segments[:-1]:
        memory = package(segment, mems=memory).mem
    begin = segments[-1].new_zeros(len(segments[-1]), 1)
    return package(segments[-1], begin, mems=memory)


def loop_memorizing(package: Any, segments: list[Tensor]) -> object:
    memories = [
        PlainMemory(len(segments[0]), package.max_knn_memories) for _ in range(package.num_memory_layers)
    ]
    logits = None
    for segment in segments:
        logits = package(segment, memories)
    return logits


def loop_rmt_lucidrains(package: Any, segments: list[Tensor]) -> object:
    logits, memory, recent = None, None, None
    for segment in segments:
        logits, memory, recent = package(segment, memory, xl_memories=recent)
    return logits


def loop_transformer_xl(package: Any, segments: list[Tensor]) -> object:
    logits, recent = None, None
    for segment in segments:
        logits, recent = package(segment, mems=recent, return_mems=True)
    return logits


def loop_mamba2(network: Any, segments: list[Tensor]) -> object:
    cache, output = DynamicCache(config=network.config), None
    for segment in segments:
        output = network(input_ids=segment, cache=cache, use_cache=True, logits_to_keep=1)
    return output


LOOPS: dict[str, Loop] = {
    "armt": loop_armt,
    "block-recurrent": loop_block_recurrent,
    "memformer": loop_memformer,
    "memorizing": loop_memorizing,
    "rmt-lucidrains": loop_rmt_lucidrains,
    "transformer-xl": loop_transformer_xl,
    "mamba2": loop_mamba2,
}


class PlainMemory:
    """Keys and values of the last tokens, in one tensor."""

    def __init__(self, rows: int, limit: int) -> None:
        self.num_indices, self.limit = rows, limit
        self.held: Tensor | None = None

    def add(self, memories: Tensor) -> None:
        """Add keys and values [B, N, 2, D]."""
        held = memories if self.held is None else torch.cat([self.held, memories], dim=1)
        self.held = held[:, -self.limit :]

    def search(self, queries: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return the nearest memories [B, H, S, T, 2, D], and which of them there are."""
        shape = (*queries.shape[:3], count)
        if self.held is None:
            return queries.new_zeros(*shape, 2, queries.shape[-1]), queries.new_zeros(shape).bool()
        products = torch.einsum("bhsd,bnd->bhsn", queries, self.held[:, :, 0])
        places = products.topk(count, dim=-1).indices
        rows = torch.arange(len(queries))[:, None, None, None]
        return self.held[rows, places], queries.new_ones(shape).bool()


if __name__ == "__main__":
    main()
