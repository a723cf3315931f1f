"""The login form."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest

from portal.tenancy.models import User
from portal.web import attempts


class LoginForm(forms.Form):
    """E-mail and password. What went wrong is never said more exactly than that they do not fit."""

    email = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label="Password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        """Keep the request: the address that asks is part of the rate limit."""
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        """Check the pair, unless there were too many wrong ones."""
        values = super().clean() or {}
        email, password = values.get("email"), values.get("password")
        if not email or not password:
            return values
        attempt = attempts.Attempt.of(self.request, email)
        if attempt.is_blocked():
            raise forms.ValidationError(attempts.TOO_MANY, code="too_many_attempts")
        known = User.objects.filter(email__iexact=email).values_list("email", flat=True).first()
        user = authenticate(self.request, username=known or email, password=password)
        if not isinstance(user, User):
            attempt.note_failure()
            raise forms.ValidationError("E-mail and password do not fit together.", code="invalid_login")
        attempt.forget()
        self.user = user
        return values
