"""The login of the staff pages: the same brake on guessing as for customers."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm

from portal.web import attempts

if TYPE_CHECKING:
    Base = AdminAuthenticationForm
else:
    from unfold.forms import AuthenticationForm as Base


class StaffLoginForm(Base):
    """E-mail and password of somebody of the staff."""

    def clean(self) -> dict[str, Any]:
        """Check the pair, unless there were too many wrong ones. Raises ValidationError."""
        email = self.cleaned_data.get("username")
        if not email or self.request is None:
            return super().clean()
        attempt = attempts.Attempt.of(self.request, email)
        if attempt.is_blocked():
            raise forms.ValidationError(attempts.TOO_MANY, code="too_many_attempts")
        try:
            values = super().clean()
        except forms.ValidationError:
            attempt.note_failure()
            raise
        attempt.forget()
        return values
