#!/usr/bin/env bash
# Measures the shipped checkpoints on held-out documents and stories, and records the results beside this file.
#     STORIES=stories.jsonl.gz eval/studies/rmt-paper/measure.sh WORK_FOLDER
# Hours on two cores; killed, it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")"
work=$1
checkpoints=../../babilong_eval/checkpoints
short=1seg,2seg,4seg,8seg,16seg,32seg,64seg,128seg,256seg

measure() { # model, task, lengths, samples, leak check, name, placement
    local data=$work/data/$5-$6 results=$work/results/$5/$6
    babilong generate --tasks "$2" --lengths "$3" --samples "$4" --leak-check "$5" --out "$data" \
        --tokenizer "$checkpoints/$1" --segment-size 48 --split test --paired --seed 2026 \
        --noise "files:$STORIES" --placement "$7"
    babilong evaluate "$data" --model "rmt:$1" --name "$1" --out "$results" --batch-size 50 --batch-tokens 20000000 --probe
    mkdir -p "results/$5/$6"
    cp "$results/results.json" "$results/run.json" "results/$5/$6/"
}

for check in statement off; do
    measure tiny-detect memorize "$short" 500 $check memorize-short start
    measure tiny-detect detect "$short" 500 $check detect-short uniform
    measure tiny-reasoning reasoning "$short" 500 $check reasoning-short uniform
    measure tiny-detect memorize 4096seg 64 $check memorize-long start
    measure tiny-detect detect 4096seg 64 $check detect-long uniform
    measure tiny-reasoning reasoning 4096seg 64 $check reasoning-long uniform
done
