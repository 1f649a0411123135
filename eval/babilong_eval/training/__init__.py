"""Training a segment-recurrent model on samples that are made while it trains.

In the order of the data's way:

recipe.py         what a user writes: model, data, optimizer, stages
material.py       where samples and noise are taken from
apart.py          the proof that evaluation shares none of it
decoys.py         sentences that look like facts and are none
streams.py        the rows of a batch: fresh samples, streams that go on, streams that tell nothing
carried.py        the memories that are carried from one step to a later one
rollout.py        a network through the segments of a batch, and its loss
new_tokenizer.py  a vocabulary of a recipe's own
starting.py       the network and tokenizer that a recipe asks for
optimizing.py     how weights move, and how fast
allocator.py      memory that is freed goes back
snapshot.py       everything that a run needs to go on as if it had never stopped
journal.py        the log, and the figure drawn from it
train.py          the run
"""
