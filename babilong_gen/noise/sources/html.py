"""The text of an HTML page, as a reader sees it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_MARKUP = re.compile(
    r"<!doctype\s+html|<html\b|</(?:p|div|h[1-6]|blockquote|em|i|b|a|span)\s*>|<br\s*/?>", re.IGNORECASE
)
_UNREAD = {"head", "script", "style", "template"}
# fmt: off
_BREAKS = {
    "address", "article", "aside", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "ul",
}
# fmt: on


def looks_like_html(text: str) -> bool:
    """Return whether ``text`` holds tags that plain prose does not."""
    return _MARKUP.search(text) is not None


def html_to_text(html: str) -> str:
    """Return the text of ``html``: entities decoded, block elements set apart by blank lines.

    The head, scripts, styles and comments are dropped; inline elements leave no trace, so a word half
    in italics stays one word. White space is left as it is.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.pieces)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "body":
            self._unread = 0  # closes a head that was left open
        if tag in _UNREAD:
            self._unread += 1
        if tag in _BREAKS:
            self.pieces.append("\n\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNREAD:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self._unread = max(0, self._unread - 1)
        if tag in _BREAKS:
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.pieces.append(data)
