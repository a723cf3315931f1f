"""The gallery of components: what there is, in every state. It holds no tenant's data and needs no login."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.web import samples, shell


def gallery(request: HttpRequest) -> HttpResponse:
    """Show every component in every state."""
    context = samples.gallery() | {"shell": samples.sample_shell(shell.build(request))}
    return render(request, "web/pages/gallery.html", context)
