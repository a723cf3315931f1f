"""Plain pages for people, A4, with the PDF's own fonts: a title, headings, rows of a label and a value."""

from collections.abc import Sequence
from datetime import datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos

MARGIN_MM = 20
LABEL_MM = 48
LINE_MM = 6
SMALL_PT, BODY_PT, TITLE_PT = 8, 10, 18


class Paper:
    """A document; the same calls give the same bytes."""

    def __init__(self, *, title: str, heading: str, made_at: datetime, author: str = "", breaks: bool = False) -> None:
        """Begin the first page; ``breaks`` lets what does not fit go on on another one."""
        self._pdf = FPDF(format="A4")
        self._pdf.set_creation_date(made_at)
        self._pdf.set_title(_plain(title))
        if author:
            self._pdf.set_author(_plain(author))
        self._pdf.set_lang("en")
        self._pdf.set_auto_page_break(auto=breaks, margin=MARGIN_MM)
        self._pdf.set_margin(MARGIN_MM)
        self._pdf.add_page()
        self._pdf.set_font("Helvetica", "B", TITLE_PT)
        self._pdf.cell(0, 12, heading, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def text(self, words: str) -> None:
        """Write a paragraph."""
        self._pdf.set_font("Helvetica", "", BODY_PT)
        self._pdf.multi_cell(0, LINE_MM, _plain(words), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def small(self, words: str) -> None:
        """Write a paragraph of small print."""
        self._pdf.ln(2)
        self._pdf.set_font("Helvetica", "", SMALL_PT)
        self._pdf.multi_cell(0, 4, _plain(words), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def heading(self, words: str) -> None:
        """Begin a section."""
        self.gap()
        self._pdf.set_font("Helvetica", "B", BODY_PT)
        self._pdf.cell(0, LINE_MM, _plain(words), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def gap(self) -> None:
        """Leave a little room."""
        self._pdf.ln(3)

    def row(self, label: str, value: str) -> None:
        """Write a label and its value, in as many lines as that takes."""
        self._pdf.set_font("Helvetica", "", SMALL_PT)
        self._pdf.cell(LABEL_MM, 5, _plain(label))
        self._pdf.set_font("Courier", "", SMALL_PT)
        self._pdf.multi_cell(0, 5, _plain(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def columns(
        self, cells: Sequence[str], widths_mm: Sequence[int], *, bold: bool = False, small: str = "", rule: bool = False
    ) -> None:
        """Write a row of a table: the first cell to the left, the others to the right; ``small`` stands below."""
        if self._pdf.will_page_break(2 * LINE_MM):
            self._pdf.add_page()
        for cell, width in zip(cells, widths_mm, strict=True):
            is_first = cell is cells[0]
            self._pdf.set_font("Helvetica", "B" if bold else "", SMALL_PT)
            self._pdf.cell(width, LINE_MM, self._fitted(_plain(cell), width), align="L" if is_first else "R")
        self._pdf.ln(LINE_MM)
        if small:
            self._pdf.set_font("Helvetica", "", SMALL_PT - 1)
            self._pdf.cell(0, 3, _plain(small), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if rule:
            self._pdf.line(MARGIN_MM, self._pdf.get_y(), MARGIN_MM + sum(widths_mm), self._pdf.get_y())

    def _fitted(self, words: str, width: int) -> str:
        """Return as much of some words as a cell has room for."""
        room = width - 2
        if self._pdf.get_string_width(words) <= room:
            return words
        while words and self._pdf.get_string_width(f"{words}...") > room:
            words = words[:-1]
        return f"{words}..."

    def content(self) -> bytes:
        """Return the file."""
        return bytes(self._pdf.output())


def _plain(value: str) -> str:
    """Return text in the characters of the PDF's own fonts; what a machine says of itself may hold others."""
    return value.encode("latin-1", "replace").decode("latin-1")
