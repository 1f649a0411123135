"""The commands of `babilong`, each a thin layer over a function.

train.py       `babilong train`
evaluate.py    `babilong evaluate`
sweep.py       `babilong sweep`
perplexity.py  `babilong perplexity`
score.py       `babilong score`
compare.py     `babilong compare`
plot/          `babilong plot`
report.py      `babilong report`
export.py      `babilong export`
demo.py        `babilong demo`
env.py         `babilong env`
options.py     options that several commands share
screen.py      progress of a long job
tables.py      tables on a terminal
"""
