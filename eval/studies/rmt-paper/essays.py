"""Makes essays.jsonl.gz: long prose of another kind than any training text, enough for two million tokens.

    apt-get download anarchism && dpkg -x anarchism_*.deb package
    python eval/studies/rmt-paper/essays.py package/usr/share/doc/anarchism/html essays.jsonl.gz

The pages of "An Anarchist FAQ" 15.3 (GFDL or GPL) of at least 1,500 words: 117 of them, 1.8 million words.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

FEWEST_WORDS = 1_500
FEWEST_OF_A_PARAGRAPH = 4
UNSEEN = {"script", "style", "head"}
BLOCKS = {"p", "h1", "h2", "h3", "h4", "blockquote", "li", "div"}


class _Prose(HTMLParser):
    """Collects what a page shows, with blank lines between blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  # the base class's name
        self.unseen += tag in UNSEEN
        if tag in BLOCKS | {"br", "tr"}:
            self.pieces.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= tag in UNSEEN
        if tag in BLOCKS:
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.pieces.append(data)


def prose(page: Path) -> str:
    """Return a page's paragraphs of at least four words."""
    content = page.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    reader = _Prose()
    reader.feed(text)
    paragraphs = (each.split() for each in re.split(r"\n\s*\n", "".join(reader.pieces)))
    return "\n\n".join(" ".join(words) for words in paragraphs if len(words) >= FEWEST_OF_A_PARAGRAPH)


def main(pages: Path, written: Path) -> None:
    """Write the pages that are long enough, a line each."""
    texts = {page.name: prose(page) for page in sorted(pages.glob("*.html"))}
    chosen = {name: text for name, text in texts.items() if len(text.split()) >= FEWEST_WORDS}
    with gzip.open(written, "wt", encoding="utf-8") as lines:
        for name, text in chosen.items():
            lines.write(json.dumps({"name": name, "text": text}) + "\n")
    print(f"{written}: {len(chosen)} pages, {sum(len(text.split()) for text in chosen.values()):,} words")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
