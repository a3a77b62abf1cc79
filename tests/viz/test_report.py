"""The report's pieces: what is text stays text, and the page is whole."""

from html.parser import HTMLParser

import numpy as np
import pytest

from viz import report

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</style><b>",
    "&lt;&amp;",
    "--><!--",
    "a\nb",
    "é🙂漢∂",
]


class Page(HTMLParser):
    """What a browser would find: tags with attributes, and text outside the style."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


@pytest.mark.parametrize("words", HOSTILE)
def test_text_stays_text_wherever_it_is_put(words):
    html = report.page(
        words,
        words,
        [
            report.section(words, report.paragraph(words)),
            report.figures([(words, words)]),
            report.figure("<svg></svg>", words),
            report.wide_figure("<svg></svg>", words, words),
            report.table((words,), [(words,)]),
            report.side_by_side(report.confusion(np.eye(2, dtype=int), (words, words))),
        ],
    )
    page = Page(html)
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "section", "dl", "div", "dt", "dd", "figure",
        "svg", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre",
    }  # fmt: skip
    assert not any(name.startswith("on") or name in ("src", "href") for _, attributes in page.tags for name in attributes)
    assert page.text.count(words) == 3 + 2 + 2 + 3 + 2 + 4  # page, section, figures, captions and text, table, confusion


def test_a_page_says_its_language_its_letters_and_fits_a_phone():
    page = Page(report.page("t", "l", []))
    assert ("html", {"lang": "en"}) in page.tags
    assert ("meta", {"charset": "utf-8"}) in page.tags
    assert any(attributes.get("name") == "viewport" for tag, attributes in page.tags if tag == "meta")
    assert report.page("t", "l", []).startswith("<!doctype html>")


def test_a_page_loads_nothing():
    html = report.page("t", "l", [])
    assert "http" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_the_confusion_table_marks_hits_and_misses():
    html = report.confusion(np.array([[7, 2], [0, 0]]), ("cat", "dog"))
    cells = [(attributes.get("class"), tag) for tag, attributes in Page(html).tags if tag == "td"]
    assert cells == [("hit", "td"), ("miss", "td"), (None, "td"), (None, "td")]
    assert html.count("·") == 2
    assert html.index("cat") < html.index(">7<") < html.index(">2<")


def test_a_table_has_its_rows_in_order():
    page = Page(report.table(("a", "b"), [(1, 2.5), ("x", None)]))
    assert page.text == "ab12.5xNone"
    assert sum(tag == "tr" for tag, _ in page.tags) == 3
