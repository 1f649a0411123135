"""How much faster samples are made here than by RULER's own scripts, in one run with one tokenizer.

    python benchmarks/ruler_speed.py --ruler RULER --tokenizer FOLDER [--tokens 128000] [--samples 5]

RULER is a checkout of NVIDIA/RULER; its scripts need `wonderwords`, `nltk`, `scipy`, `tenacity` and
`transformers`, and are given what `scripts/data/prepare.py` gives them. FOLDER holds a tokenizer that both
sides load. The tasks are those whose text RULER makes itself: its essays have to be downloaded.

What is counted is CPU time a sample. Of RULER it is that of a turn of its scripts' own loop over samples:
neither imports, nor words, nor its search for a size, nor writing. Here it is all that `generate` takes for
more samples, checked and written, but not tokenizing the noise, which is done once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

from babilong_gen import generate, make_spec

TASKS = ("niah_single_1", "niah_multikey_2", "niah_multikey_3", "vt", "cwe", "fwe")

# RULER's scripts loop over samples in `for index in tqdm(range(num_samples))`.
TIMED = """
import runpy, sys, time
import tqdm
from transformers import AutoTokenizer  # with the real tqdm

def timed(samples):
    for sample in samples:
        before = time.process_time()
        yield sample
        print("seconds", time.process_time() - before)

tqdm.tqdm = timed
del sys.argv[0]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def rulers(ruler: Path, task: str, tokenizer: Path, tokens: int, samples: int, out: Path) -> list[float]:
    """Make samples by RULER's script of a task, and return the CPU seconds of each."""
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
    done = subprocess.run(
        [sys.executable, "-c", TIMED, str(script.absolute()), *options], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{script}\n{done.stderr[-2_000:]}")
    timed = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("seconds ")]
    return timed[-samples:]  # before them `vt` makes its worked example in the same loop


def ours(task: str, tokenizer: Path, tokens: int, samples: int, out: Path) -> float:
    """Make so many samples of the same task here, and return the CPU seconds that each takes more."""

    def seconds(name: str, samples: int) -> float:
        spec = make_spec(
            tasks=[task], lengths=[f"{tokens // 1_000}k"], samples=samples, tokenizer=str(tokenizer)
        )
        before = time.process_time()
        generate(spec, out=out / name, workers=1)
        return time.process_time() - before

    seconds("tokenizing the noise", 1)
    return (seconds("all", 1 + samples) - seconds("first", 1)) / samples


def lengths(lines: Path) -> list[int]:
    """Return the lengths of RULER's samples, by its own count."""
    return [json.loads(line)["length"] for line in lines.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Print a table, a row per task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ruler", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=128_000)
    parser.add_argument("--samples", type=int, default=5, help="that RULER makes")
    parser.add_argument("--ours", type=int, default=50, help="that are made here")
    parser.add_argument("--tasks", default=",".join(TASKS))
    asked = parser.parse_args()
    print(
        "| task | RULER, ms a sample | here | ratio | RULER below the length, tokens |\n|---|--:|--:|--:|--:|"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BABILONG_CACHE"] = f"{folder}/cache"
        for task in asked.tasks.split(","):
            size, out = (asked.tokenizer, asked.tokens), Path(folder) / task
            theirs = mean(rulers(asked.ruler, task, *size, asked.samples, out / "theirs"))
            here = ours(task, *size, asked.ours, out)
            below = [asked.tokens - length for length in lengths(out / f"theirs/{task}/validation.jsonl")]
            print(
                f"| {task} | {1_000 * theirs:,.0f} | {1_000 * here:,.1f} | {theirs / here:,.0f} × "
                f"| {min(below):,} to {max(below):,} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
