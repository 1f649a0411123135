"""bAbI's little world, in which people walk about, carry things and are told of.

    wording     the sentences that tell an event, as the official files word them
    telling     how a story unfolds: two facts, then perhaps a question; bounds and distractors
    carrying    the people, places and objects of a story: who is where, who has what

The tasks themselves are the modules beside this package: `moving`, `carrying`, `giving`, `doubting`,
`dating`. Each plays a scene in this world and asks about it.
"""
