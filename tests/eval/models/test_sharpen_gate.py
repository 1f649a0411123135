"""The tool that makes a trained gate more decided."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from babilong_eval.checkpoints import shipped_folder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.serialization import from_pretrained

SCRIPT = Path(__file__).parents[3] / "tools" / "sharpen_gate.py"


def gate_logits(folder: Path, written: torch.Tensor) -> torch.Tensor:
    network = from_pretrained(folder).network
    assert isinstance(network, RMTEncoder)
    assert network.gate is not None
    with torch.no_grad():
        return network.gate.openness(written)


def test_its_logits_are_scaled_and_shifted_and_nothing_else_changes(tmp_path: Path) -> None:
    trained, sharp = shipped_folder("tiny-detect"), tmp_path / "sharp"
    assert trained is not None
    subprocess.run(
        [sys.executable, SCRIPT, trained, sharp, "--factor", "4", "--shift", "-2"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    written = torch.randn(3, 6, 128, generator=torch.Generator().manual_seed(1))
    expected = 4 * gate_logits(trained, written) - 2
    torch.testing.assert_close(gate_logits(sharp, written), expected, rtol=1e-4, atol=1e-4)
    before, after = (from_pretrained(folder).network.state_dict() for folder in (trained, sharp))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"gate.openness.weight", "gate.openness.bias"}
