"""Every sample proved again, from the text in `input` alone.

Nothing of the assembly is trusted or used: the text is tokenized as a whole, the facts are looked up at their
offsets, what is left without them is compared with the corpus where the cache still has it, and the question
is answered anew from the facts that were found, by solvers that know no simulator.

dataset.py       the shards against the manifest, and all rows of them
rows.py          what one row must hold
open_answers.py  the same where answers are open
"""
