"""From the framework's nested validation errors to a flat list with JSON pointers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rest_framework.exceptions import ErrorDetail
from rest_framework.settings import api_settings

from portal.core.errors import FieldError, InvalidInput

MAX_ERRORS = 50
MAX_DETAIL = 300
MAX_NAME = 100


def field_errors(detail: Any) -> list[FieldError]:
    """Return one FieldError for each wrong thing, at most MAX_ERRORS, with paths such as ``ssh_keys/0``."""
    found = []
    for error in _walk(detail, ()):
        found.append(error)
        if len(found) == MAX_ERRORS:
            break
    return found


@contextmanager
def called(names: Mapping[str, str]) -> Iterator[None]:
    """Let an InvalidInput name the fields as the API calls them: ``names`` is from the service's name to the API's."""
    try:
        yield
    except InvalidInput as error:
        errors = [replace(item, field=names.get(item.field, item.field)) for item in error.errors]
        raise InvalidInput(error.detail, errors=errors) from None


def _walk(detail: Any, path: tuple[str, ...]) -> Iterator[FieldError]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            whole = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from _walk(inner, path if whole else (*path, _escaped(str(name))))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            # A list of plain errors belongs to the field itself; a list of dicts mirrors the items of the field.
            if isinstance(inner, dict):
                yield from _walk(inner, (*path, str(index)) if inner else path)
            else:
                yield from _walk(inner, path)
    else:
        code = detail.code if isinstance(detail, ErrorDetail) else "invalid"
        yield FieldError("/".join(path), str(code), str(detail)[:MAX_DETAIL])


def _escaped(name: str) -> str:
    return name[:MAX_NAME].replace("~", "~0").replace("/", "~1")
