"""Tables on paper: their headings come again on each page, and what stands below a row stays with it."""

import io
from datetime import UTC, datetime

from pypdf import PdfReader

from portal.core.paper import Column, Paper, Row

COLUMNS = (Column("For", 120), Column("Amount", 50, is_number=True))


def pages(rows, lines_before=0):
    paper = Paper(title="T", heading="T", made_at=datetime(2031, 2, 1, tzinfo=UTC), breaks=True)
    for _ in range(lines_before):
        paper.text("before")
    paper.table(COLUMNS, rows)
    return [page.extract_text() for page in PdfReader(io.BytesIO(paper.content())).pages]


def test_a_table_goes_on_below_its_headings():
    found = pages([Row((f"server {number}", "1.00"), small=f"of {number}.") for number in range(60)])

    assert len(found) == 3
    for words in found:
        assert words.count("Amount") == 1
    for number in range(60):
        assert sum(f"server {number} 1.00\nof {number}." in words for words in found) == 1


def test_headings_do_not_stand_alone_at_the_foot_of_a_page():
    for lines_before in range(36, 42):
        found = pages([Row(("server", "1.00"))], lines_before)

        assert [words for words in found if "Amount" in words] == [words for words in found if "server" in words]


def test_what_does_not_fit_is_cut_and_an_empty_table_has_its_headings():
    (long,) = pages([Row(("w" * 200, "1.00"), is_bold=True)])
    (empty,) = pages([])

    assert "www..." in long
    assert "Amount" in empty


def test_names_that_the_fonts_do_not_have_are_written_with_the_nearest_letters():
    (found,) = pages(
        [Row(("Łódź Őrség İşçi O\u2019Neill \u2013 \u201cSöhne\u201d \u2026 ﬁ", "1.00")), Row(("Cafe\u0301 €", "2.00"))]
    )

    assert 'Lódz Orség Isçi O\'Neill - "Söhne" ... fi' in found
    assert "Café EUR" in found
