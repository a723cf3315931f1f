"""Which addresses an endpoint may have, as far as their text tells: pure. The sender looks at what they lead to."""

from urllib.parse import urlsplit

from portal.core.errors import FieldError

URL_LENGTH = 1000
EXAMPLE = "https://example.com/hooks/metalyard"


def about_address(url: str) -> list[FieldError]:
    """Return what is wrong with an address; nothing where it may be posted to."""
    if len(url) > URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        text = f"An address has at most {URL_LENGTH} characters of ASCII, without spaces and backslashes."
        return [FieldError("url", "malformed", text)]
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return [FieldError("url", "malformed", f"This is no address: give one such as {EXAMPLE}.")]
    if parts.scheme != "https" or not url.startswith("https://"):
        return [FieldError("url", "not_https", f"We post over https only: give an address such as {EXAMPLE}.")]
    if not parts.hostname or not port_is_fine:
        return [FieldError("url", "malformed", f"This is no address: give one such as {EXAMPLE}.")]
    if parts.username is not None or parts.password is not None or parts.fragment:
        text = "Leave login and # part out of the address: whether a message is ours, its signature tells."
        return [FieldError("url", "malformed", text)]
    return []
