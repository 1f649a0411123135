"""What training an RMT costs beyond its backbone, and what gradient checkpointing saves.

    python benchmarks/training.py [--json FILE]

Tokens a second of forward, backward and AdamW through four segments, as a share of the bare backbone's own on
the same segments (as many positions, memory and frame included), alternating in one run; and the peak memory
of 16 segments with gradient checkpointing against 4, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertConfig

from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.training.allocator import return_freed_memory
from babilong_eval.training.unroll import Batch, LossOptions, UnrolledNetwork
from babilong_gen.tokenizer import load_tokenizer

ROWS, SEGMENT, MEMORY, FRAME, WIDTH = 16, 240, 10, 3, 256
LABELS = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")


def network(tokenizer: Tokenizer) -> RMTEncoder:
    """A BERT of six layers with a memory."""
    bert = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=WIDTH,
        num_hidden_layers=6,
        num_attention_heads=4,
        intermediate_size=4 * WIDTH,
    )
    config = RMTConfig(form="encoder", memory_tokens=MEMORY, segment_size=SEGMENT, labels=LABELS)
    built = build_rmt(config, bert, tokenizer).network
    assert isinstance(built, RMTEncoder)
    return built


def batch(model: RMTEncoder, segments: int) -> Batch:
    """Random tokens with random answers."""
    return Batch(
        segments=torch.randint(5, 8_000, (segments, ROWS, SEGMENT)),
        begin=model.start(ROWS).detach(),
        carried=torch.zeros(ROWS, dtype=torch.bool),
        target=torch.randint(0, len(LABELS), (ROWS,)),
        last_fact_segment=torch.zeros(ROWS, dtype=torch.long),
    )


def step(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """The backward pass and the update, the same for both."""
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def recurrent(model: RMTEncoder, segments: int, *, checkpointing: bool) -> Tensor:
    """The loss of a batch, by way of the memory."""
    return UnrolledNetwork(model)(
        batch(model, segments), LossOptions(gradient_checkpointing=checkpointing)
    ).loss


def bare(backbone: nn.Module, segments: int) -> Tensor:
    """The loss of as many segments as long, each for itself."""
    target = torch.randint(0, len(LABELS), (ROWS,))
    losses = [
        backbone(input_ids=torch.randint(5, 8_000, (ROWS, SEGMENT + MEMORY + FRAME)), labels=target).loss
        for _ in range(segments)
    ]
    return torch.stack(losses).mean()


def throughput(repeats: int) -> float:
    """Tokens a second through the memory as a share of the bare backbone's: the median of paired ratios."""
    model = network(load_tokenizer("babilong").tokenizer).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    ratios = []
    for number in range(repeats + 1):
        times = []
        for loss in (lambda: bare(model.backbone, 4), lambda: recurrent(model, 4, checkpointing=False)):
            began = time.perf_counter()
            step(loss(), optimizer)
            times.append(time.perf_counter() - began)
        if number:  # the first pair warms up
            ratios.append(times[0] / times[1])
    return statistics.median(ratios)


def peak_mebibytes(segments: int) -> float:
    """Memory that a step with gradient checkpointing adds at its peak, in a process of its own."""
    command = [sys.executable, __file__, "--one-step", str(segments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def one_step(segments: int) -> None:
    """Prints the peak, in MiB, that a step adds."""
    return_freed_memory()  # as `babilong train` does where a stage has gradient checkpointing
    model = network(load_tokenizer("babilong").tokenizer).train()
    before = peak_kibibytes()
    step(recurrent(model, segments, checkpointing=True), torch.optim.AdamW(model.parameters()))
    print((peak_kibibytes() - before) / 1024)


def peak_kibibytes() -> int:
    """Of this process alone; getrusage would tell its parent's, where that was higher."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one-step", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    if arguments.one_step:
        one_step(arguments.one_step)
        return
    found = {
        "share_of_bare_backbone": throughput(arguments.repeats),
        "mebibytes_4_segments": peak_mebibytes(4),
        "mebibytes_16_segments": peak_mebibytes(16),
    }
    found["memory_16_against_4"] = found["mebibytes_16_segments"] / found["mebibytes_4_segments"]
    for name, value in found.items():
        print(f"{name}: {value:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
