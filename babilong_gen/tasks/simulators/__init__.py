"""Stories without end, one module per family of tasks.

Played in bAbI's little world, each a scene in it and what is asked of it:

world/           people, places and things, and how a story of them is told
moving.py        where is Mary?                                     qa1, qa11, qa12, qa13
carrying.py      where is, and where was, the milk?                 qa2, qa3
giving.py        who gave what to whom?                             qa5
whereabouts.py   is Mary in the kitchen?                            qa6, qa9, qa10
holding.py       how many, and which, things does Mary have?        qa7, qa8
times.py         where was Mary before, by the time of day?         qa14

Told without it, with a fixed number of facts:

directions.py    what is north of the kitchen; how to get there?    qa4, qa19, reasoning
deduction.py     what is Emily afraid of?                           qa15
induction.py     what colour is Greg?                               qa16
positions.py     is the red square above the triangle?              qa17
sizes.py         does the chocolate fit in the box?                 qa18
motivations.py   why did Jason go to the kitchen?                   qa20
rmt_paper.py     where is Mary, who moved once?                     memorize, detect

fit_story.py     lengthens such a story
extra_words.py   the people, rooms and things that it takes for that
"""
