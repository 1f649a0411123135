"""Models as the harness sees them.

    protocol.py    what a model offers: start, step, answer (`SegmentModel`)
    registry.py    KIND:PATH -> model; kinds of ours and of other packages
    segments.py    token streams -> batches of segments

    rmt/           `rmt:`           the Recurrent Memory Transformer around encoders and decoders
    armt/          `armt:`          the same with an associative memory in each layer
    kin/           `memorizing:`, `transformer-xl:` and others: models of other packages
    causal.py      `hf:`            any Hugging Face causal LM with its whole context
    window.py      `hf-window:`     the same, bounded: a sliding window with attention sinks
    recurrent.py   `hf-recurrent:`  the library's recurrent models
    recurrent_network.py    one of them to be trained segment by segment, and its folder

    segment_network.py      a `SegmentModel` over a network that reads segment by segment
    row_groups.py           rows that have read equally much
    stateful_lm.py          a `SegmentModel` over anything that continues from a carry
    incremental_forward.py  how each family of recurrent models continues
    reading_trial.py        tries out whether a model continues as it reads at once
    transformers_versions.py  what differs between versions of the library
    library_output.py       what the library prints, kept off the terminal
    prompted_lm.py          what language models that answer a prompt have in common
    state.py                the tensors inside a state: their bytes, their rows, forks
    decoding.py             choices scored, text generated
    stop_strings.py         strings that end an answer
    reasoning.py            what was thought aloud, separated from the answer
    next_tokens.py          what is asked of a model that predicts a text's tokens
    pretrained.py           language models found in folders, GGUF files and on the Hub
    tokenizers.py           their tokenizers
    chat.py                 their chat templates
    loading.py              what goes wrong when the library loads one, in one line
    backbone.py             a model for a memory to be put around
    adapters.py             adapters of peft on it
    model_folder.py         folders of our own: configuration, weights, tokenizer
    config_json.py          what their config.json holds

Nothing is imported here, so that asking for one kind does not load the others.
"""
