"""Training a segment-recurrent model on samples that are made while it trains.

In the order of the data:

recipe.py              what a user writes: model, data, optimizer, stages
recipe_model.py        its model
recipe_stages.py       its stages
held_out.py            documents and stories that training must not meet
relations.py           relations of two rooms that a sample tells of
samples.py             training samples, from stories and noise
contamination.py       checks that evaluation shares none of them
hard_negatives.py      sentences that look like facts and are none
memory_pool.py         memories carried from one step to a later one
memory_questions.py    what memories are asked by themselves on the way
positions.py           positions with gaps, for short segments at the distances of long ones
memory_entries.py      what their tokens are taught to hold
rows.py                the rows of a batch, and the memories that later rows begin with
row_maker.py           makes them: fresh samples, continued rows, rows without facts
batch_rows.py          which rows a batch has
pairs.py               pairs of a prompt and a target
texts.py               the rows of a batch of text to be learnt: documents, or pairs
unroll.py              a network over the segments of a batch, and its loss
lm_unroll.py           a language model over the segments of such a batch, and its loss
trained_models.py      what each trained model has of its own: folder, segments, labels
tokenizer_training.py  a vocabulary of a recipe's own
initialization.py      the network and tokenizer that a recipe asks for
optimizer.py           how weights move, and how fast
allocator.py           freed memory goes back to the system
resume_state.py        everything that a run needs to continue as if it had never stopped
question_forms.py      accuracy by the form of a question
metrics_log.py         the log, and the figure drawn from it
event_files.py         the same for TensorBoard
run.py                 a run in its folder: set up or found there, checked, saved
step.py                one step
interrupt.py           Ctrl-C that waits for the end of a step
train.py               all stages
"""
