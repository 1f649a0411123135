"""bAbI's little world, in which people walk about, carry things and are told of.

    wording     the sentences that tell an event, as the official files word them
    telling     how a story unfolds: two facts, then perhaps a question; bounds and distractors
    carrying    people, places and things, what can happen among them, and who listens

The tasks themselves are modules beside this package, each a scene in this world and what is asked of it:

    moving      where is Mary?                                      qa1, qa11, qa12, qa13
    carrying    where is, and where was, the milk?                  qa2, qa3
    giving      who gave what to whom?                              qa5
    whereabouts    is Mary in the kitchen?                             qa6, qa9, qa10
    holding     how many, and which, things does Mary have?         qa7, qa8
    times       where was Mary before, by the time of day?          qa14
"""
