"""Renders the dataset card of each preset, to be read and compared: `data_cards/rendered/`.

    python tools/render_cards.py

A preset's own sources and tokenizer have to be downloaded, and its longest samples have 128,000 tokens. So
the numbers and the sample on these cards are of a small set of the same kind, made of prose written here;
names, licences and citations are the preset's. The same code gives the same bytes.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from babilong_gen.generation import generate
from babilong_gen.noise.sources import source
from babilong_gen.noise.sources.procedural import procedural_document
from babilong_gen.presets import PRESETS, with_preset
from babilong_gen.spec import make_spec
from babilong_gen.write.card import example_row, render_card

OUT = Path(__file__).parents[1] / "data_cards" / "rendered"

# Libraries change from machine to machine; these stand for them.
VERSIONS = {"babilong-gen": "0.1.0", "python": "3.11"}
CREDITS = {
    "rmt-paper": source._QUALITY_CREDIT,
    "babilong": source._PG19_CREDIT,
    "ruler": source._PG19_CREDIT,
    "niah": source._PG19_CREDIT,
}


def example_card(preset: str, folder: Path, cache: Path) -> str:
    """The card of a small set made with a preset.

    Args:
        folder: an empty one, where noise and dataset are put.
        cache: where tokenized noise is kept.
    """
    noise = folder / "noise"
    noise.mkdir()
    for number in range(8):
        (noise / f"story{number}.txt").write_text(procedural_document(7, number).text, encoding="utf-8")
    small = {"lengths": PRESETS[preset]["lengths"][:3], "samples": 3, "tokenizer": "babilong"}
    spec = make_spec(**with_preset(preset, {**small, "noise": f"files:{noise}/*.txt"}))
    manifest = generate(spec, folder / "out", workers=1, cache=cache)
    return render_card(_as_the_preset(preset, manifest), example_row(folder / "out", manifest))


def _as_the_preset(preset: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """A small set's manifest under the names of what the preset takes."""
    named = json.loads(json.dumps(manifest))
    named["spec"] |= {name: PRESETS[preset][name] for name in ("noise", "tokenizer")}
    named["noise"] |= {"source": PRESETS[preset]["noise"], "credit": asdict(CREDITS[preset])}
    named["tokenizer"]["name"] = PRESETS[preset]["tokenizer"]
    named["versions"] = VERSIONS
    return named


def main() -> None:
    """Write all cards."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for preset in PRESETS:
            folder = Path(scratch, preset)
            folder.mkdir()
            card = example_card(preset, folder, cache=Path(scratch, "cache"))
            (OUT / f"{preset}.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
