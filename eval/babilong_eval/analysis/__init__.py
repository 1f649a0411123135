"""From results, models and sizes to the numbers that figures draw.

compare_runs.py        which of two runs is better, and whether that is more than chance
paired_samples.py      the samples that two runs have in common
paired_tests.py        closed-form tests over them
averages.py            over tasks and lengths, as leaderboards give them
leaderboard.py         models against lengths
leaderboard_tables.py  the same as Markdown, LaTeX or CSV
effective_length.py    the longest length above a threshold
paired_lengths.py      answers lost and regained from length to length
fact_distance.py       accuracy by how far apart the facts lie
memory_overwrites.py   which windows make a model forget
attention.py           where an RMT encoder looks
perplexity.py          a text source under a language model, document by document
pooled_losses.py       the perplexity of many documents, with intervals
proportion.py          how often something happened, with its interval
flops/                 what reading costs, counted
"""
