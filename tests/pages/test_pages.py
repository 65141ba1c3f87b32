"""What pages share: options kept whole, and Markdown within a page."""

from benchmark.pages import advice, markdown


def test_an_option_is_kept_whole_and_the_rest_is_escaped() -> None:
    assert advice("take --on-leak <drop>") == "take <code>--on-leak</code> &lt;drop&gt;"


def test_a_text_stands_below_the_headings_of_its_page_and_holds_no_html() -> None:
    found = markdown("## What\n\n**a** <script>\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n")
    assert "<h3>What</h3>" in found
    assert "<strong>a</strong> &lt;script&gt;" in found
    assert "<td>1</td>" in found
