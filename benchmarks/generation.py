"""How fast datasets are made: end to end, assembly alone, beside a plain per-sample reference.

    python benchmarks/generation.py --noise 'files:stories.jsonl.gz' --tokenizer FOLDER [--json FILE]

All ratios compare two things measured in this run on this machine. Every generation is measured in a
process of its own, so that peak memory is its own too. Needs the extras `dev` and `eval`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LENGTHS = {"1k": 10_000, "16k": 2_000, "128k": 1_000, "1M": 128, "10M": 2}
REFERENCE_TOKENS = {"1k": 40_000, "16k": 160_000, "128k": 256_000, "1M": 1_000_000}
TASK = "qa1"


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--noise", default="procedural")
    parser.add_argument("--tokenizer", default="babilong")
    parser.add_argument("--lengths", default=",".join(LENGTHS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_measure_one(json.loads(options.one))))
        return
    result = measure(options.noise, options.tokenizer, options.lengths.split(","), options.repeats)
    print(table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def measure(noise: str, tokenizer: str, lengths: list[str], repeats: int) -> dict[str, Any]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory() as folder:
        base = {"noise": noise, "tokenizer": tokenizer, "folder": folder}
        _in_process({**base, "what": "generate", "length": lengths[-1], "samples": 1, "workers": 1})
        own = _in_process({**base, "what": "nothing"})["peak_bytes"]
        corpus = [_in_process({**base, "what": "corpus"}) for _ in range(repeats)]
        rows = [_length(base, length, repeats, own) for length in lengths]
        scaling = [_scaling(base) for _ in range(repeats)]
        ceiling = [_machine_scaling() for _ in range(repeats)]
    return {
        "machine": {
            "python": platform.python_version(),
            "processor": platform.processor(),
            "cores": os.cpu_count(),
        },
        "noise": noise,
        "tokenizer": tokenizer,
        "corpus": {
            "tokens": corpus[0]["tokens"],
            "build_tokens_per_second": _median(corpus, "build"),
            "bare_encode_batch_tokens_per_second": _median(corpus, "bare"),
            "ratio": statistics.median(run["build"] / run["bare"] for run in corpus),
        },
        "lengths": rows,
        "two_workers_to_one": statistics.median(scaling),
        "two_bare_processes_to_one": statistics.median(ceiling),
    }


def _length(base: dict[str, Any], length: str, repeats: int, own: int) -> dict[str, Any]:
    job = {**base, "length": length, "samples": LENGTHS[length], "workers": 1}
    made, unchecked = [], []
    for _ in range(repeats):  # in turn, so that what else the machine does slows both
        made.append(_in_process({**job, "what": "generate"}))
        unchecked.append(_in_process({**job, "what": "generate", "check": "off"}))
    assembled = [_in_process({**job, "what": "assemble"}) for _ in range(repeats)]
    speed = _median(made, "tokens_per_second")
    row = {
        "length": length,
        "samples": LENGTHS[length],
        "tokens_per_second": speed,
        "unchecked_tokens_per_second": _median(unchecked, "tokens_per_second"),
        "assembly_tokens_per_second": _median(assembled, "tokens_per_second"),
        "assembly_share": speed / _median(assembled, "tokens_per_second"),
        "peak_bytes_above_interpreter": max(run["peak_bytes"] for run in made) - own,
    }
    if length in REFERENCE_TOKENS:
        reference = [_in_process({**job, "what": "reference"}) for _ in range(min(repeats, 2))]
        row["reference_tokens_per_second"] = _median(reference, "tokens_per_second")
        row["ratio"] = speed / row["reference_tokens_per_second"]
    return row


def _scaling(base: dict[str, Any]) -> float:
    job = {**base, "what": "generate", "length": "128k", "samples": 1_600}
    return (
        _in_process({**job, "workers": 2})["tokens_per_second"]
        / _in_process({**job, "workers": 1})["tokens_per_second"]
    )


def _machine_scaling() -> float:
    """What a second process adds on this machine where nothing is shared: hashing in one and in two.

    Virtual cores are often two threads of one real core; no program scales better than this there.
    """
    hashing = (
        "import hashlib, time; t = time.perf_counter(); hashlib.pbkdf2_hmac('sha256', b'a', b'b', 1_500_000)"
    )
    command = [sys.executable, "-c", f"{hashing}; print(time.perf_counter() - t)"]
    alone = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return 2 * alone / max(float(process.communicate()[0]) for process in both)


def _in_process(job: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", json.dumps(job)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measure_one(job: dict[str, Any]) -> dict[str, Any]:
    from babilong_gen import generation, prepare, spec  # noqa: F401  (the interpreter's own memory includes them)

    measures: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "nothing": lambda _: {},
        "corpus": _corpus,
        "generate": _generate,
        "assemble": _assemble,
        "reference": _reference,
    }
    result = measures[job["what"]](job)
    return {**result, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def _prepared(job: dict[str, Any]) -> Any:
    from babilong_gen.prepare import prepare
    from babilong_gen.spec import make_spec

    made = make_spec(
        tasks=(TASK,),
        lengths=(job.get("length", "1k"),),
        samples=job.get("samples", 1),
        noise=job["noise"],
        tokenizer=job["tokenizer"],
    )
    return prepare(made, cache=Path(job["folder"], "cache"), report=lambda _: None, notify=lambda _: None)


def _corpus(job: dict[str, Any]) -> dict[str, Any]:
    """Building the corpus beside `encode_batch` on the same documents, white space normalised before."""
    from itertools import islice

    from babilong_gen.noise.corpus.build import build_corpus
    from babilong_gen.noise.corpus.sentences import normalise
    from babilong_gen.noise.document import Document

    prepared, source = _prepared(job)
    texts = [normalise(document.text) for document in islice(source.documents(), 1_000)]
    documents = [Document(name=str(n), text=text) for n, text in enumerate(texts)]
    with tempfile.TemporaryDirectory(dir=job["folder"]) as cache:
        start = time.perf_counter()
        build_corpus(documents, prepared.tokenizer, cache=Path(cache), key="0" * 64)
        built = time.perf_counter() - start
    start = time.perf_counter()
    encodings = prepared.tokenizer.tokenizer.encode_batch(texts, add_special_tokens=False)
    bare = time.perf_counter() - start
    tokens = sum(map(len, encodings))
    return {"tokens": tokens, "build": tokens / built, "bare": tokens / bare}


def _generate(job: dict[str, Any]) -> dict[str, Any]:
    from babilong_gen.generation import generate

    prepared, _ = _prepared(job)
    with tempfile.TemporaryDirectory(dir=job["folder"]) as out:
        start = time.perf_counter()
        manifest = generate(
            prepared.spec,
            Path(out, "out"),
            workers=job["workers"],
            cache=Path(job["folder"], "cache"),
            check=job.get("check", "some"),
        )
        seconds = time.perf_counter() - start
    return {"tokens_per_second": manifest["totals"]["tokens"] / seconds}


def _assemble(job: dict[str, Any]) -> dict[str, Any]:
    from babilong_gen.make import make_samples

    prepared, _ = _prepared(job)
    context = prepared.context(TASK)
    start = time.perf_counter()
    tokens = sum(
        sample.n_tokens
        for sample, _ in make_samples(prepared, context, TASK, job["length"], 0, job["samples"])
    )
    return {"tokens_per_second": tokens / (time.perf_counter() - start)}


def _reference(job: dict[str, Any]) -> dict[str, Any]:
    from itertools import islice

    from transformers import PreTrainedTokenizerFast

    from babilong_gen.lengths import parse_length
    from babilong_gen.rng import Rng
    from benchmarks.reference import reference_sample, write_reference

    prepared, source = _prepared(job)
    documents = [document.text for document in islice(source.documents(), 256)]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=prepared.tokenizer.tokenizer)
    tokens = parse_length(job["length"]).input_tokens(question_tokens=0, segment_size=499, reserve=0)
    generator = random.Random(0)
    start = time.perf_counter()
    rows = []
    for number in range(max(1, REFERENCE_TOKENS[job["length"]] // tokens)):
        story = prepared.stories.story(TASK, Rng("reference", number))
        text = reference_sample(documents, story.facts, tokens, tokenizer, generator)
        rows.append({"input": text, "question": story.question, "target": story.answer})
    write_reference(Path(job["folder"], "reference.json"), rows)
    return {"tokens_per_second": len(rows) * tokens / (time.perf_counter() - start)}


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def table(result: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    corpus = result["corpus"]
    lines = [
        "| length | reference, tokens/s | end to end, tokens/s | ratio | with --check off "
        "| assembly alone, tokens/s | its share | peak memory |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in result["lengths"]:
        reference = f"{row['reference_tokens_per_second']:,.0f}" if "ratio" in row else "-"
        ratio = f"{row['ratio']:,.0f} ×" if "ratio" in row else "-"
        lines.append(
            f"| {row['length']} | {reference} | {row['tokens_per_second']:,.0f} | {ratio} "
            f"| {row['unchecked_tokens_per_second']:,.0f} "
            f"| {row['assembly_tokens_per_second']:,.0f} | {row['assembly_share']:.0%} "
            f"| {row['peak_bytes_above_interpreter'] / 2**20:,.0f} MiB |"
        )
    lines += [
        "",
        f"Corpus building: {corpus['build_tokens_per_second']:,.0f} tokens/s, {corpus['ratio']:.2f} of bare "
        f"`encode_batch` ({corpus['bare_encode_batch_tokens_per_second']:,.0f}) "
        f"on {corpus['tokens']:,} tokens.",
        f"Two workers: {result['two_workers_to_one']:.2f} × one; two bare processes on this machine: "
        f"{result['two_bare_processes_to_one']:.2f} × one.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
