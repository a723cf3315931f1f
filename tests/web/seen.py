"""What a page says and offers, read from its HTML."""

import re
from html import unescape

CELL = re.compile(r'<button type="submit" name="at" value="([^"]+):([\d-]+)" class="([^"]*)"[^>]*aria-label="([^"]+)"')


def text(reply):
    """Return the words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.content.decode())).replace("\u00d7", "x")


def agreed_in(reply):
    """Return the price that who sends the form of a page agrees to."""
    (agreed,) = set(re.findall(r'name="agreed" value="([^"]+)"', reply.content.decode()))
    return agreed


def cells(reply, pool):
    """Return what the calendar says of a pool, day by day."""
    return [label for key, _, _, label in CELL.findall(reply.content.decode()) if key == pool]


def barred(reply):
    """Return the pool and the days of the bar, as (pool, day)."""
    return [(key, day) for key, day, classes, _ in CELL.findall(reply.content.decode()) if "bar" in classes.split()]


def links(reply, path):
    """Return the addresses on a page that lead to ``path`` with a query."""
    return {unescape(link) for link in re.findall(rf'href="({path}\?[^"]+)"', reply.content.decode())}


def values(reply, form):
    """Return the fields that a form with that id or action sends, as lists."""
    page = reply.content.decode()
    body = re.search(rf'<form[^>]*(?:id|action)="{form}"[^>]*>(.*?)</form>', page, re.DOTALL)[1]
    found = {}
    for tag in re.findall(r"<input[^>]+>", body):
        attrs = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in attrs and (attrs.get("type") not in ("checkbox", "radio") or " checked" in tag):
            found.setdefault(attrs["name"], []).append(unescape(attrs.get("value", "")))
    for name, options in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = [unescape(chosen[1]) if chosen else ""]
    found.pop("csrfmiddlewaretoken", None)
    return found
