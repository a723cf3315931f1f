"""Reading JSON from strangers."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from portal.api.refusals import BodyTooLarge

MAX_BODY_BYTES = 128 * 1024
MAX_DEPTH = 16


class StrictJSONParser(JSONParser):
    """UTF-8 JSON of bounded size and depth, without NaN and without lone surrogates (RFC 8259 sections 6, 8)."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the parsed body. Raises BodyTooLarge, and ParseError for what is not JSON as described."""
        raw = stream.read(MAX_BODY_BYTES + 1)
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"A body has at most {MAX_BODY_BYTES} bytes.")
        try:
            data = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
        except RecursionError:
            raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from None
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}"[:300]) from None
        _check_depth_and_text(data)
        return data


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _check_depth_and_text(data: Any) -> None:
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.keys())
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str) and not _is_unicode(item):
                raise ParseError("The JSON holds half of a surrogate pair, which is not text.")
        if not below:
            return
        level = below
    raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
