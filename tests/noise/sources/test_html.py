"""HTML pages as a reader sees them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_gen.noise.sources.html import html_to_text, looks_like_html


def seen(html: str) -> str:
    return " ".join(html_to_text(html).split())


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        ("Over<br/>here, over<br>there", "Over here, over there"),
        ("un<i>break</i>able", "unbreakable"),
        ("Fish &amp; chips &#8212; caf&eacute;", "Fish & chips — café"),
        ("<head><title>Not read</title></head><body><h1>Read</h1></body>", "Read"),
        ("<p>a<script>if (x < 1) { y = '<p>' }</script><style>p { color: red }</style>b</p>", "ab"),
        ("<p>a<!-- a note -->b", "ab"),
        ("<head><title>never closed<body>Read", "Read"),
        ("<table><tr><td>left</td><td>right</td></tr></table>", "left right"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
    ],
)
def test_tags_are_stripped_as_a_browser_would(html: str, text: str) -> None:
    assert seen(html) == text


@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<b>", "<", "&", "&amp;", "<!--", "word ", "<br/>", '"', ">"]))
)
def test_any_mess_of_tags_is_read_without_an_error(pieces: list[str]) -> None:
    assert isinstance(html_to_text("".join(pieces)), str)


@pytest.mark.parametrize("html", ["<!DOCTYPE html>\n<p>x", "<HTML>", "a</p>", "one<br />two", "<i>so</i>"])
def test_html_is_told(html: str) -> None:
    assert looks_like_html(html)


@pytest.mark.parametrize("text", ["Plain prose.", "if a < b then c > d", "a <sigh> of relief", "<3"])
def test_prose_is_not_taken_for_html(text: str) -> None:
    assert not looks_like_html(text)
