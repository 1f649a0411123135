"""What a run leaves on disk, and how it is read again.

records.py           the folder: predictions, `results.json`, `run.json`
predictions_log.py   each answer, on the disk before the next sample is read
line_log.py          a log of JSON lines that only grows
prediction_files.py  CSV files in the published form
scores.py            a prediction file scored, by rules of `scoring/`
explained.py         why each of its predictions counted, or did not
load.py              runs, as figures and reports take them
run_names.py         names that tell them apart; one run for all prompts of a model
frame.py             the same as a pandas table
perplexity.py        what a measurement of perplexity leaves
printable.py         text from outside, made safe to show
"""
