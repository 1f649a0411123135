"""`babilong plot`: a subcommand per figure, each with its own options.

accuracy.py    `length`, `heatmap`, `leaderboard`, `effective`, `difference`, `depth`, `gap`
forgetting.py  `retention`, `flips`
cost.py        `memory`, `flops`
attention.py   `attention`
perplexity.py  `perplexity`
options.py     what they share
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from babilong_eval.commands.plot.accuracy import (
    depth,
    difference,
    effective,
    gap,
    heatmap,
    leaderboard,
    length,
)
from babilong_eval.commands.plot.attention import attention
from babilong_eval.commands.plot.cost import flops, memory
from babilong_eval.commands.plot.forgetting import flips, retention
from babilong_eval.commands.plot.perplexity import perplexity
from babilong_gen.commands.app import make_app
from babilong_gen.errors import UsageError


class _FigureFirst(TyperGroup):
    """Says which figures there are where a command line names none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            raise UsageError(
                f"plot {args[0]}: name the figure first, as in `babilong plot length RESULTS... --out FIGURE`"
                f"; there are {', '.join(self.commands)}, and `babilong report RESULTS... --out REPORT.html`"
            )
        return super().parse_args(ctx, args or ["--help"])


app = make_app(
    "Draw a figure of results, of a model, or of what reading costs.\n\n"
    "Example: babilong plot length results/demo --out curve.pdf",
    *(
        length,
        heatmap,
        leaderboard,
        effective,
        difference,
        depth,
        gap,
        retention,
        memory,
        flops,
        attention,
        flips,
        perplexity,
    ),
    group=_FigureFirst,
)
