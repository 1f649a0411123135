"""Stories without end, one module per family of tasks.

Played in bAbI's little world (`world/`), each a scene in it and what is asked of it:

    moving        where is Mary?                                  qa1, qa11, qa12, qa13
    carrying      where is, and where was, the milk?              qa2, qa3
    giving        who gave what to whom?                          qa5
    whereabouts   is Mary in the kitchen?                         qa6, qa9, qa10
    holding       how many, and which, things does Mary have?     qa7, qa8
    times         where was Mary before, by the time of day?      qa14

Told without it, with a fixed number of facts that `fit_story` lengthens by `extra_words`:

    directions    what is north of the kitchen; how to get there? qa4, qa19, reasoning
    deduction     what is Emily afraid of?                        qa15
    induction     what colour is Greg?                            qa16
    positions     is the red square above the triangle?           qa17
    sizes         does the chocolate fit in the box?              qa18
    motivations   why did Jason go to the kitchen?                qa20
    rmt_paper     where is Mary, who moved once?                  memorize, detect
"""
