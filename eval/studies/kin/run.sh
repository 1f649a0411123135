#!/usr/bin/env bash
# Trains each model of this folder's recipes with two seeds, and measures it on held-out documents and stories.
#     STORIES=gutenberg_stories.jsonl.gz eval/studies/kin/run.sh WORK_FOLDER [MODEL ...]
# What is done is skipped, and what was killed continues: give the same command again. The first seed of all models
# comes before the second. SEEDS="1" leaves out the second; TASKS="memorize detect" measures fewer.
# lm-rmt and lm-armt, measured only where they are named, are language models: perplexity instead of answers.
set -euo pipefail
study=$(realpath "$(dirname "$0")")
work=$(realpath "$1")
ln -sf "$(realpath "$STORIES")" "$work/gutenberg_stories.jsonl.gz"
shift
models=(${@:-rmt-gated rmt armt transformer-xl mamba2 rmt-lucidrains block-recurrent memorizing})
tasks=${TASKS:-memorize detect reasoning qa1}
cd "$work" # so that what is recorded names no folder of this machine

kind_of() {
    case $1 in
    rmt | rmt-gated) echo rmt ;;
    mamba2) echo hf-recurrent ;;
    lm-*) echo "${1#lm-}" ;;
    *) echo "$1" ;;
    esac
}

train() { # model, seed
    mkdir -p recipes
    sed "s/^seed: .*/seed: $2/" "$study/$1.yaml" >"recipes/$1-$2.yaml"
    [ -f "runs/$1-$2/done" ] && return
    babilong train "recipes/$1-$2.yaml" --out "runs/$1-$2"
    touch "runs/$1-$2/done"
}

generate() { # task, part, lengths, samples; with the tokenizer that all recipes make
    local placement=uniform
    [ "$1" = memorize ] && placement=start
    babilong generate --tasks "$1" --lengths "$3" --samples "$4" --out "data/$1-$2" --segment-size 48 \
        --tokenizer runs/rmt-gated-1 --split test --paired --seed 2027 --leak-check statement \
        --noise files:gutenberg_stories.jsonl.gz --placement "$placement" --workers 1
}

measure() { # model, seed, task, part, lengths, samples
    local recorded="results/$1-$2/$3-$4"
    [ -f "$study/$recorded/results.json" ] && return
    generate "$3" "$4" "$5" "$6"
    babilong evaluate "data/$3-$4" --model "$(kind_of "$1"):runs/$1-$2" --name "$1, seed $2" --probe \
        --out "$recorded" --batch-size 50 --batch-tokens 20000000
    mkdir -p "$study/$recorded"
    cp "$recorded/results.json" "$recorded/run.json" "$study/$recorded/"
}

perplexity() { # model, seed: the first 64 segments of each held-out story
    local recorded="results/$1-$2"
    [ -f "$study/$recorded/perplexity.json" ] && return
    babilong perplexity files:gutenberg_stories.jsonl.gz --model "$(kind_of "$1"):runs/$1-$2" --segments 64 \
        --name "$1, seed $2" --out "$recorded"
    mkdir -p "$study/$recorded"
    cp "$recorded/perplexity.json" "$recorded/perplexity-run.json" "$study/$recorded/"
}

answers() { # model, seed
    local task shortest
    [ -f "$study/results/$1-$2/model.json" ] ||
        python "$study/record.py" "$(kind_of "$1")" "runs/$1-$2" "$study/results/$1-$2"
    for task in $tasks; do
        shortest=1seg
        [ "$task" = qa1 ] && shortest=2seg # its stories are longer than a segment
        measure "$1" "$2" "$task" short "$shortest,4seg,16seg,64seg" 50
        measure "$1" "$2" "$task" long 256seg,1024seg 12
    done
}

for seed in ${SEEDS:-1 2}; do
    for model in "${models[@]}"; do
        train "$model" "$seed"
        case $model in
        lm-*) perplexity "$model" "$seed" ;;
        *) answers "$model" "$seed" ;;
        esac
    done
done
