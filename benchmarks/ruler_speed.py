"""How much faster samples are made here than by RULER's own scripts, in one run with one tokenizer.

    python benchmarks/ruler_speed.py --ruler RULER --tokenizer FOLDER [--tokens 128000] [--samples 3]

RULER is a checkout of NVIDIA/RULER; its scripts need `wonderwords`, `nltk`, `scipy`, `tenacity` and
`transformers`, and are run as `scripts/data/prepare.py` runs them. FOLDER holds a tokenizer that both sides
load. The tasks are those whose text RULER makes itself: its essays have to be downloaded. What a sample takes
is the CPU time of a run with several less that of a run with one, divided: imports, RULER's search for a size
and our tokenizing of the noise, which are paid once, are left out on both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

TASKS = ("niah_single_1", "niah_multikey_2", "niah_multikey_3", "vt", "cwe", "fwe")


def cpu_seconds(command: list[str], **environment: str) -> float:
    """Run a command to its end, and return the CPU seconds of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2_000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rulers(ruler: Path, task: str, tokenizer: Path, tokens: int, samples: int, out: Path) -> float:
    """Make samples by RULER's script of a task, and return what it took."""
    data = ruler / "scripts/data"
    config = yaml.safe_load((ruler / "scripts/synthetic.yaml").read_text())[task]
    told: dict[str, Any] = {}
    exec((data / "synthetic/constants.py").read_text(), told)
    words = told["TASKS"][config["task"]]
    settings = {
        "save_dir": out, "save_name": task, "tokenizer_path": tokenizer, "tokenizer_type": "hf",
        "max_seq_length": tokens, "tokens_to_generate": words["tokens_to_generate"], "num_samples": samples,
        "template": words["template"] + words["answer_prefix"], **config["args"],
    }  # fmt: skip
    script = data / "synthetic" / f"{config['task']}.py"
    options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    return cpu_seconds([sys.executable, str(script), *options])


def ours(task: str, tokenizer: Path, tokens: int, samples: int, out: Path, cache: Path) -> float:
    """Make as many samples of the same task here, and return what it took."""
    command = [
        sys.executable, "-c", "from babilong_eval.cli import main; main()", "generate", "--tasks", task,
        "--lengths", f"{tokens // 1_000}k", "--samples", str(samples), "--tokenizer", str(tokenizer),
        "--workers", "1", "--out", str(out),
    ]  # fmt: skip
    return cpu_seconds(command, BABILONG_CACHE=str(cache))


def shortfall(lines: Path, tokens: int) -> tuple[int, int]:
    """Return by how many tokens RULER's samples miss the length, by its own count: least and most."""
    told = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    missed = [tokens - line["length"] for line in told]
    return min(missed), max(missed)


def main() -> None:
    """Print a table, a row per task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ruler", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=128_000)
    parser.add_argument("--samples", type=int, default=3, help="that RULER makes beyond the first")
    parser.add_argument("--ours", type=int, default=50, help="that are made here beyond the first")
    parser.add_argument("--tasks", default=",".join(TASKS))
    asked = parser.parse_args()
    print("| task | RULER, s a sample | here | ratio | RULER below the length |\n|---|--:|--:|--:|--:|")
    for task in asked.tasks.split(","):
        with tempfile.TemporaryDirectory() as folder:
            out, cache = Path(folder), Path(folder) / "cache"
            size = asked.tokenizer, asked.tokens
            theirs = [
                rulers(asked.ruler, task, *size, samples, out / f"theirs{samples}")
                for samples in (1, 1 + asked.samples)
            ]
            here = [
                ours(task, *size, samples, out / name, cache)
                for name, samples in (("tokenize", 1), ("first", 1), ("all", 1 + asked.ours))
            ]
            their_sample = (theirs[1] - theirs[0]) / asked.samples
            our_sample = (here[2] - here[1]) / asked.ours
            written = out / f"theirs{1 + asked.samples}/{task}/validation.jsonl"
            low, high = shortfall(written, asked.tokens)
        ratio = their_sample / our_sample
        print(
            f"| {task} | {their_sample:.2f} | {our_sample:.4f} | {ratio:.0f} | {low:,} to {high:,} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
