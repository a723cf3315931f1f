"""Carrying refusals of services back onto the form that caused them, so that nothing typed is lost."""

from collections.abc import Mapping

from django import forms

from portal.core.errors import DomainError


def show_refusal(form: forms.BaseForm, error: DomainError, names: Mapping[str, str] | None = None) -> None:
    """Put each field error on its field (``names`` maps the service's name to the form's), the rest on the form."""
    for item in error.errors:
        name = (names or {}).get(item.field, item.field)
        visible = name in form.fields and not form.fields[name].widget.is_hidden
        form.add_error(name if visible else None, forms.ValidationError(item.detail, code=item.code))
    if not error.errors:
        form.add_error(None, forms.ValidationError(error.detail, code=error.code))
