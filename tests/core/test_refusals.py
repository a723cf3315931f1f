"""Refusals of services on the form that caused them."""

from django import forms

from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.refusals import show_refusal


class Form(forms.Form):
    name = forms.CharField(required=False)
    kept = forms.CharField(required=False, widget=forms.HiddenInput)


def refused(error, names=None):
    form = Form({"name": "x"})
    assert form.is_valid()
    show_refusal(form, error, names)
    return {field: [str(line) for line in lines] for field, lines in form.errors.items()}


def test_each_error_stands_on_its_field_or_on_the_form():
    several = [FieldError("name", "a", "one"), FieldError("label", "b", "two"), FieldError("kept", "c", "three")]

    assert refused(InvalidInput("wrong", errors=several), {"label": "name"}) == {
        "name": ["one", "two"],
        "__all__": ["three"],
    }


def test_a_refusal_without_fields_stands_on_the_form():
    assert refused(StateConflict("too late")) == {"__all__": ["too late"]}
