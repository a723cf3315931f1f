"""Plain pages for people, A4, with the PDF's own fonts: a title, headings, rows of a label and a value."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

MARGIN_MM = 20
LABEL_MM = 48
LINE_MM = 6
SMALL_PT, BODY_PT, TITLE_PT, MARK_PT = 8, 10, 18, 96
MARK_GREY = 225
ROW_MM = 5
OTHERS = 256
"""From here on are the characters that the PDF's own fonts do not have."""
WRITTEN_AS = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u2033", '"'),
        "\u0141": "L",
        "\u0142": "l",
        "\u0110": "D",
        "\u0111": "d",
        "\u0131": "i",
        "\u0152": "OE",
        "\u0153": "oe",
        "\u20ac": "EUR",
        "\u2022": "*",
        "\u1e9e": "SS",
    }
)
NOTE_MM = 4


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, its width, and whether it holds numbers, which stand at its right edge."""

    heading: str
    width_mm: float
    is_number: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table, with what stands below its cells in small print."""

    cells: Sequence[str]
    small: str = ""
    is_bold: bool = False

    @property
    def height_mm(self) -> int:
        """How much room it takes."""
        return ROW_MM + (NOTE_MM if self.small else 0)


class _Sheets(FPDF):
    """Pages with a word across each of them, below what is written."""

    def __init__(self, mark: str) -> None:
        super().__init__(format="A4")
        self._mark = mark

    def header(self) -> None:
        """Write the word, and go back to the top."""
        if not self._mark:
            return
        self.set_font("Helvetica", "B", MARK_PT)
        self.set_text_color(MARK_GREY)
        with self.rotation(50, self.w / 2, self.h / 2):
            width = self.get_string_width(self._mark)
            self.text((self.w - width) / 2, self.h / 2 + MARK_PT / 8, self._mark)
        self.set_text_color(0)
        self.set_xy(self.l_margin, self.t_margin)

    def footer(self) -> None:
        """Number the pages where there may be several."""
        if not self.auto_page_break:
            return
        self.set_y(-MARGIN_MM + 6)
        self.set_font("Helvetica", "", SMALL_PT)
        self.cell(0, 4, f"{self.page_no()} / {{nb}}", align=Align.R)


class Paper:
    """A document; the same calls give the same bytes."""

    def __init__(
        self,
        *,
        title: str,
        heading: str,
        made_at: datetime,
        author: str = "",
        breaks: bool = False,
        mark: str = "",
    ) -> None:
        """Begin the first page; ``breaks`` lets what does not fit go on on another one, ``mark`` lies across each."""
        self._pdf = _Sheets(_plain(mark))
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

    def table(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Write rows under their headings, which come again on each page. A cell that is too wide is cut."""
        heading = Row([column.heading for column in columns], is_bold=True)
        if self._pdf.will_page_break(heading.height_mm + (rows[0].height_mm if rows else 0)):
            self._pdf.add_page()
        self._cells(columns, heading)
        for row in rows:
            if self._pdf.will_page_break(row.height_mm):
                self._pdf.add_page()
                self._cells(columns, heading)
            self._cells(columns, row)

    def _cells(self, columns: Sequence[Column], row: Row) -> None:
        self._pdf.set_font("Helvetica", "B" if row.is_bold else "", SMALL_PT)
        for column, word in zip(columns, row.cells, strict=True):
            align = Align.R if column.is_number else Align.L
            self._pdf.cell(column.width_mm, ROW_MM, self._fitted(_plain(word), column.width_mm), align=align)
        self._pdf.ln(ROW_MM)
        if row.small:
            self._pdf.set_font("Helvetica", "", SMALL_PT - 1)
            self._pdf.cell(0, NOTE_MM, _plain(row.small), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        end = MARGIN_MM + sum(column.width_mm for column in columns)
        self._pdf.line(MARGIN_MM, self._pdf.get_y(), end, self._pdf.get_y())

    def _fitted(self, words: str, width: float) -> str:
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
    """Return text in the characters of the PDF's own fonts, which are those of Western Europe.

    Marks of other Latin letters are left out, and signs of typography are written as on a typewriter. Of other scripts
    only question marks are left.
    """
    return "".join(map(_nearest, unicodedata.normalize("NFC", value).translate(WRITTEN_AS)))


def _nearest(letter: str) -> str:
    if ord(letter) < OTHERS:
        return letter
    parts = unicodedata.normalize("NFKD", letter)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    return bare.encode("latin-1", "replace").decode("latin-1")
