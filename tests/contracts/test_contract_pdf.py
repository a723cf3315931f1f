"""The document: what it shows, its watermark, and that the same contract gives the same bytes."""

import io
from decimal import Decimal

import pytest
from pypdf import PdfReader

from portal.contracts.contract_pdf import pdf_of
from portal.contracts.paperwork import facts_of
from tests.contracts import builders
from tests.contracts.builders import line

pytestmark = pytest.mark.django_db
REGULATED = {"data_locations": "Sweden\nFinland", "subcontractors": "none"}


def text_of(contract):
    pages = PdfReader(io.BytesIO(pdf_of(facts_of(contract)))).pages
    return "\n".join(page.extract_text() for page in pages), len(pages)


def test_a_draft_says_so_across_the_page_and_shows_lines_and_clauses():
    scope = builders.stage(servers=0)
    tier = builders.tier()
    contract = builders.draft(
        scope,
        line(discount=Decimal("12.5"), sla_tier=tier),
        template="regulated-1",
        clauses=REGULATED,
        po_number="PO 4711",
    )
    text, pages = text_of(contract)

    assert "DRAFT" in text
    for words in (
        str(contract),
        scope.organization.name,
        "PO 4711",
        "2 x 8 x H100",
        "12.5 %",
        "75,600.00",
        "Sweden, Finland",
        "told within 24 hours",
        str(tier),
    ):
        assert words in text
    assert pages <= 2


def test_what_was_sent_has_no_watermark_and_is_the_same_each_time():
    contract = builders.sent(builders.stage())

    assert "DRAFT" not in text_of(contract)[0]
    assert pdf_of(facts_of(contract)) == pdf_of(facts_of(contract))


def test_many_lines_go_on_on_further_pages_under_their_headings():
    scope = builders.stage(servers=0)
    contract = builders.draft(scope, *[line(count=1) for _ in range(90)])
    text, pages = text_of(contract)

    assert pages > 2
    assert text.count("GPU-hour\n") >= 2 or text.count("Discount") >= 2
    assert f"{pages} / {pages}" in text


def test_words_that_the_fonts_lack_do_no_harm():
    contract = builders.draft(builders.stage(servers=0), title="Кластер 東京")

    assert "?" in text_of(contract)[0]
