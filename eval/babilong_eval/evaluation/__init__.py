"""One run: samples asked, answers logged, scores written.

config.py         what a user asks for
evaluate.py       the loop: ask, log, score
backend.py        what answers: one protocol, and a server
local_backend.py  the same protocol, and a model on this machine
resume.py         what the results folder holds already, and what is left
distributed.py    several processes share the samples
record.py         a result as a line of the log; in the end predictions and cells
progress.py       a bar, or lines
"""
