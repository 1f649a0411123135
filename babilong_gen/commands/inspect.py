"""`babilong inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from babilong_gen.commands.options import Dataset

if TYPE_CHECKING:
    from rich.text import Text

_CONTEXT = 160
_RULER = 64


def inspect(
    out: Dataset,
    sample_id: Annotated[str, typer.Argument(help="A sample's id, such as qa1/4k/000017.")],
) -> None:
    """Show a sample, its facts in context and where they are.

    Example: babilong inspect data/demo qa1/4k/000017
    """
    from rich.console import Console

    from babilong_gen.inspect import find_sample
    from babilong_gen.write.folder import open_folder

    row = find_sample(open_folder(out), sample_id)
    console = Console(highlight=False)
    console.print(
        f"[bold]{row['sample_id']}[/]  {row['n_tokens']:,} tokens, {len(row['input']):,} characters"
    )
    console.print(f"question  {row['question']}", markup=False)
    console.print(f"answer    {row['target']}{_choices(row)}", markup=False)
    console.print(f"noise     {_noise(row)}", markup=False)
    console.print(f"\n{_ruler(row)}  ! supports the answer, . another fact\n", markup=False, soft_wrap=True)
    console.print(_in_context(row), soft_wrap=True)
    console.print()
    for number, fact in enumerate(row["facts"]):
        mark = "!" if fact["supporting"] else "."
        depth = 100 * fact["token_start"] / row["n_tokens"]
        where = f"tokens {fact['token_start']:,}-{fact['token_end']:,}"
        console.print(
            f"{mark} {number:>3}  {depth:5.1f} %  {where:<28} {fact['text']}", markup=False, soft_wrap=True
        )


def _choices(row: dict[str, Any]) -> str:
    return f"  (of {_shortened(row['choices'])})" if row["choices"] else ""


def _shortened(choices: list[str]) -> str:
    return ", ".join(choices[:8]) + (f" and {len(choices) - 8} more" if len(choices) > 8 else "")


def _noise(row: dict[str, Any]) -> str:
    sentences = sum(span["sentence_end"] - span["sentence_start"] for span in row["noise"])
    documents = list(dict.fromkeys(span["document"] for span in row["noise"]))
    return f"{sentences:,} sentences of {_shortened(documents)}" if documents else "none"


def _ruler(row: dict[str, Any]) -> str:
    """Return the input as a line with its facts in their places."""
    cells = ["-"] * _RULER
    for fact in row["facts"]:
        cell = fact["token_start"] * _RULER // max(1, row["n_tokens"])
        cells[cell] = "!" if fact["supporting"] or cells[cell] == "!" else "."
    return "0 |" + "".join(cells) + f"| {row['n_tokens']:,}"


def _in_context(row: dict[str, Any]) -> Text:
    """Return the facts, coloured, with some text around each; text far from any fact is left out."""
    from rich.text import Text

    text: str = row["input"]
    shown = Text()
    end = 0
    for fact in row["facts"]:
        _between(shown, text, end, fact["char_start"], opening=end == 0)
        end = fact["char_end"]
        shown.append(text[fact["char_start"] : end], "bold green" if fact["supporting"] else "yellow")
    shown.append(text[end : end + _CONTEXT] + (" […]" if len(text) > end + _CONTEXT else ""))
    return shown


def _between(shown: Text, text: str, start: int, end: int, *, opening: bool) -> None:
    if end - start <= 2 * _CONTEXT:
        shown.append(text[start:end])
        return
    shown.append(
        ("[…] " if opening else text[start : start + _CONTEXT] + " […]\n[…] ") + text[end - _CONTEXT : end]
    )
