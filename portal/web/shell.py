"""What the frame around every page shows. Built only when a template asks for it."""

from dataclasses import dataclass, field
from typing import Any, cast

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.tenancy.models import Project, User
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import projects_of
from portal.web import navigation
from portal.web.counts import nav_counts

THEMES = (("system", "System colours", "monitor"), ("light", "Light", "sun"), ("dark", "Dark", "moon"))
THEME_COOKIE = "theme"
MODULE_NAMES = (
    "theme",
    "copy",
    "overlays",
    "live",
    "keys",
    "focus",
    "times",
    "trouble",
    "forms",
    "api_call",
    "calendar",
    "countdown",
)
MODULES = tuple(f"web/js/{name}.js" for name in MODULE_NAMES)


class WebRequest(HttpRequest):
    """A request for a customer page: a tenant page has put its scope on it."""

    scope: Scope | None


@dataclass(frozen=True)
class Shell:
    """The frame: colours, navigation, the person and the project."""

    theme: str
    nav: tuple[navigation.Group, ...] = ()
    project: Project | None = None
    projects: list[Project] = field(default_factory=list)
    user_label: str = ""
    initials: str = ""
    role: str = ""
    is_staff: bool = False
    themes: tuple[tuple[str, str, str], ...] = THEMES
    modules: tuple[str, ...] = MODULES


def theme_of(request: HttpRequest) -> str:
    """Return the colours that the person chose; unknown values mean the system's."""
    chosen = request.COOKIES.get(THEME_COOKIE, "system")
    return chosen if chosen in {value for value, _, _ in THEMES} else "system"


def initials_of(user: User) -> str:
    """Return one or two letters for the person: of the name, or else of the e-mail address."""
    words = (user.name or user.email.partition("@")[0].replace(".", " ")).split()
    return "".join(word[0] for word in words[:2]).upper()


def build(request: HttpRequest) -> Shell:
    """Collect the frame of one page."""
    theme = theme_of(request)
    scope = cast(WebRequest, request).scope if hasattr(request, "scope") else None
    user = request.user
    if not isinstance(user, User):
        return Shell(theme)
    name = request.resolver_match.url_name or "" if request.resolver_match else ""
    return Shell(
        theme,
        nav=navigation.draw(name, nav_counts(scope) if scope else {}),
        project=scope.project if scope else None,
        projects=list(projects_of(user)) if scope else [],
        user_label=user.email,
        initials=initials_of(user),
        role=f"{scope.role} of {scope.organization}" if scope else "",
        is_staff=user.is_staff,
    )


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: puts ``shell`` into every template, at no cost where it is not used."""
    return {"shell": SimpleLazyObject(lambda: build(request))}
