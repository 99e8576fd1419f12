"""Documents of a Domino database exported as DXL, one after the other, each with its line; entities are refused.

There is no library for DXL itself. It is read by defusedxml's SAX parser: a directory of 100,000 documents is never in memory
as a whole, and every element has its line.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

import defusedxml.sax
from defusedxml.common import DefusedXmlException

from coexsim.intake.configs.found import Where
from coexsim.intake.configs.reading import File, fail, open_bytes
from coexsim.intake.configs.records import Record

LONGEST_TEXT = 1 << 20  # characters of one value; more is an attachment
_TEXT = ("text", "number", "datetime")


def read_documents(file: File, take: Callable[[str, Record], None]) -> None:
    """Give every document to `take`: its form, and its items by lower-case name. Raises `InputError`."""
    from xml.sax import SAXException, SAXParseException

    handler = _Documents(file, take)
    try:
        with open_bytes(file) as raw:
            # DXL names its DTD, which the parser does not fetch; whatever declares an entity, inside or outside, is refused.
            defusedxml.sax.parse(raw, handler, forbid_dtd=False, forbid_entities=True, forbid_external=False)
    except SAXParseException as error:
        fail(file.name, error.getLineNumber() or 1, f"not readable as XML: {error.getMessage()}")
    except DefusedXmlException as error:
        fail(file.name, handler.line, f"entities are not read: {type(error).__name__}")
    except (SAXException, OSError, ValueError, LookupError) as error:
        fail(file.name, handler.line, f"not readable as XML: {getattr(error, 'strerror', None) or error}")
    if not handler.is_dxl:
        fail(
            file.name,
            1,
            "there is no document in it; export the directory as DXL, for example with 'Export view as DXL'",
        )


class _Documents(ContentHandler):
    """Gathers the items of the document that is open."""

    def __init__(self, file: File, take: Callable[[str, Record], None]) -> None:
        super().__init__()
        self._file, self._take = file, take
        self._locator: Locator | None = None
        self._form = ""
        self._begun = 0
        self._values: dict[str, list[str]] = {}
        self._item = ""
        self._text: list[str] | None = None
        self._size = 0
        self.is_dxl = False

    @property
    def line(self) -> int:
        """Where the parser is."""
        return (self._locator.getLineNumber() if self._locator else 1) or 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX's name
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX's name
        name = name.rpartition(":")[2]
        if name == "document":
            self.is_dxl = True
            self._form, self._begun, self._values = str(attrs.get("form", "")), self.line, {}
        elif name == "item" and self._begun:
            self._item = str(attrs.get("name", "")).casefold()
        elif name in _TEXT and self._item:
            self._text, self._size = [], 0

    def characters(self, content: str) -> None:
        if self._text is not None:
            self._size += len(content)
            if self._size <= LONGEST_TEXT:
                self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        name = name.rpartition(":")[2]
        if name in _TEXT and self._text is not None:
            text = "".join(self._text).strip()
            if text and self._item:
                self._values.setdefault(self._item, []).append(text)
            self._text = None
        elif name == "item":
            self._item = ""
        elif name == "document" and self._begun:
            form = self._form or next(iter(self._values.get("form", ())), "")
            self._take(form, Record(self._values, Where(self._file.name, self._begun)))
            self._begun, self._values = 0, {}
