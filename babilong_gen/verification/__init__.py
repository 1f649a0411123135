"""Every sample proved again, from the text in `input` alone.

Nothing of the assembly is trusted or used: the text is tokenized as a whole (`tokens`), the facts are
looked up at their offsets (`offsets`), what is left without them is compared with the corpus where the
cache still has it (`noise`), and the question is answered anew from the facts that were found, by
solvers that know no simulator (`answers`). `dataset` goes over the shards.
"""
