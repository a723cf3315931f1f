"""Logging in and out."""

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal.web.forms.login import LoginForm
from portal.web.views.preferences import safe_next

TOO_MANY = 429


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Log in with e-mail and password."""
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    form = LoginForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        auth.login(request, form.user)
        return redirect(safe_next(request))
    status = TOO_MANY if form.has_error("__all__", "too_many_attempts") else 200
    context = {
        "form": form,
        "next": safe_next(request),
        "session_ended": "ended" in request.GET,
        "show_demo": settings.METALYARD_SHOW_DEMO_LOGINS,
    }
    return render(request, "web/pages/login.html", context, status=status)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Log out."""
    auth.logout(request)
    return redirect("web:login")
