"""Makes the gate of a trained RMT more decided: its logits times a factor, plus a shift.

    python tools/sharpen_gate.py runs/rmt-499-3 runs/rmt-499-sharp --factor 4 --shift -2

A gate that noise opens a little loses in thousands of segments what it keeps in dozens. Where the logits of
facts lie well above those of noise, a steeper gate closes on noise and still opens for facts. Choose both
numbers on documents that were trained on, never on those that will be measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.serialization import from_pretrained, save_pretrained


def main() -> None:
    """Write the checkpoint again with another gate."""
    parser = argparse.ArgumentParser(description="Make the gate of a trained RMT more decided.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--factor", type=float, required=True)
    parser.add_argument("--shift", type=float, required=True)
    asked = parser.parse_args()
    model = from_pretrained(asked.checkpoint)
    if not isinstance(model.network, RMTEncoder) or model.network.gate is None:
        parser.error(f"{asked.checkpoint} has no gate: expected an encoder with memory_update: gate")
    openness = model.network.gate.openness
    with torch.no_grad():
        openness.weight.mul_(asked.factor)
        openness.bias.mul_(asked.factor).add_(asked.shift)
    save_pretrained(model, asked.out)


if __name__ == "__main__":
    main()
