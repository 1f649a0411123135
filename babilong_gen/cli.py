"""The generator's part of the `babilong` command."""

from __future__ import annotations

from babilong_gen.commands.app import make_app
from babilong_gen.commands.generate import HelpWithDefaults, generate
from babilong_gen.commands.inspect import inspect
from babilong_gen.commands.push import push
from babilong_gen.commands.verify import verify

app = make_app("Facts in a haystack: long-context benchmarks at exact lengths.")
app.command(cls=HelpWithDefaults)(generate)
for command in (inspect, verify, push):
    app.command()(command)
