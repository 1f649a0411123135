#!/usr/bin/env bash
# Measures the shipped checkpoints, and the models of their training's stages, on held-out documents and stories,
# and records the results beside this file.
#     STORIES=gutenberg_stories.jsonl.gz eval/studies/rmt-paper/measure.sh WORK_FOLDER \
#         [statement|off|stages|attention|499|499-off|499-essays|499-procedural ...]
# WORK_FOLDER/runs/figure5 is the training run by figure5.yaml, for the stages alone.
# An hour and a half on two cores; killed, it goes on where it was.
# TASKS="memorize detect" leaves out the third.
# What begins with 499 is not measured by default: rmt-499, by SAMPLES (50) a length of LENGTHS (1seg,4seg,16seg,64seg);
# PART tells the results of several lengths apart. WORK_FOLDER/essays.jsonl.gz is what essays.py makes.
set -euo pipefail
work=$(realpath "$1")
ln -sf "$(realpath "$STORIES")" "$work/gutenberg_stories.jsonl.gz"
shift
cd "$(dirname "$0")"
ln -sfn "$(realpath ../../babilong_eval/checkpoints)" "$work/checkpoints"
short=1seg,2seg,4seg,8seg,16seg,32seg,64seg,128seg,256seg
tasks=${TASKS:-memorize detect reasoning}
noise=files:gutenberg_stories.jsonl.gz
split=test
check=statement
declare -A model=([memorize]=tiny-detect [detect]=tiny-detect [reasoning]=tiny-reasoning)
declare -A placement=([memorize]=start [detect]=uniform [reasoning]=uniform)
checkpoints=checkpoints
size=48

generate() { # task, lengths, samples, leak check, folder
    # There, so that what is recorded names no folder of this machine.
    (cd "$work" && babilong generate --tasks "$1" --lengths "$2" --samples "$3" --leak-check "$4" --out "$5" \
        --tokenizer "$checkpoints/${model[$1]}" --segment-size "$size" --split "$split" --paired --seed 2026 \
        --noise "$noise" --placement "${placement[$1]}" --workers 1)
}

evaluate() { # data, model, its name, where results are recorded, and options
    local data=$1 model=$2 name=$3 recorded=$4
    shift 4
    (cd "$work" && babilong evaluate "${data#"$work"/}" --model "rmt:${model#"$work"/}" --name "$name" \
        --out "$recorded" --batch-size 50 --batch-tokens 20000000 "$@")
    mkdir -p "$recorded"
    cp "$work/$recorded/results.json" "$work/$recorded/run.json" "$recorded/"
}

curve() { # leak check, task, samples up to 256 segments, samples of 4,096
    measure "$1" "$2" $short "$3" short
    babilong plot retention "$work/results/$1/$2-short" --out "$work/retention.svg" \
        --numbers "results/$1/$2-short/retention.json"
    measure "$1" "$2" 4096seg "$4" long
}

measure() { # leak check, task, lengths, samples, name
    generate "$2" "$3" "$4" "$1" "$work/data/$1-$2-$5"
    evaluate "$work/data/$1-$2-$5" "${model[$2]}" "${model[$2]}" "results/$1/$2-$5" --probe
}

stages() { # task: the models of each stage's end of figure5.yaml, on 1 to 100 segments
    local data=$work/data/stages-$1 run=$work/runs/figure5 kept
    local -A model=([$1]=figure5)
    local checkpoints=runs
    [ -d "$run/stages" ] || return 0
    generate "$1" "$(printf %sseg, {1..8})10seg,14seg,20seg,30seg,50seg,70seg,100seg" 200 statement "$data"
    for kept in "$run"/stages/*; do
        evaluate "$data" "$kept" "figure5, stage $(basename "$kept")" "results/stages/$1-$(basename "$kept")" --probe
    done
}

longer_segments() { # task, the name of its data, where results are recorded
    local name=rmt-499 size=499
    local -A model=([$1]=$name)
    generate "$1" "${LENGTHS:-1seg,4seg,16seg,64seg}" "${SAMPLES:-50}" "$check" "$work/data/$2"
    evaluate "$work/data/$2" "$name" "$name" "results/$3" --probe
}

attention() { # the samples of Figure 6, their facts before the last segment
    local -A placement=([reasoning]=range:0.05-0.65)
    rm -rf results/attention results/attention-499
    generate reasoning 4seg 1 statement "$PWD/results/attention"
    local size=499
    local -A model=([reasoning]=rmt-499)
    placement[reasoning]=gap:600
    generate reasoning 4seg 2 statement "$PWD/results/attention-499"
}

for what in ${@:-statement off stages attention}; do
    case $what in
    statement) for task in $tasks; do curve $what $task 500 200; done ;;
    off) for task in $tasks; do curve $what $task 200 50; done ;;
    stages) for task in $tasks; do stages $task; done ;;
    attention) attention ;;
    499) for task in $tasks; do longer_segments "$task" "499-$task-${PART:-short}" "499/$task-${PART:-short}"; done ;;
    499-off | 499-essays | 499-procedural)
        (
            case $what in
            499-off) check=off ;;
            499-essays) noise=files:essays.jsonl.gz split=all ;; # no model was trained on any: all are held out
            499-procedural) noise=procedural ;;
            esac
            part=${PART:+-$PART}
            for task in $tasks; do longer_segments "$task" "$what-$task$part" "$what/$task$part"; done
        )
        ;;
    esac
done
