"""The generator's commands, one a module: what a user types, checked and handed on.

app.py       how options are read, and how a user's mistake ends
options.py   options that several commands share
progress.py  a bar with the time left, or lines
generate.py  `babilong generate`
inspect.py   `babilong inspect`
verify.py    `babilong verify`
push.py      `babilong push`
"""
