"""The address of a boot medium: what a machine without firmware learns from it."""

from urllib.parse import urlsplit, urlunsplit

_SUFFIX = ".iso"


def job_address(address: str) -> tuple[str, str]:
    """Return where the job of a boot is fetched, and its one-time token, from the address that is booted from.

    That is ``.../media/TOKEN.iso``, inside which a real ramdisk finds the job's address, or the job's own.
    """
    parts = urlsplit(address)
    folder, _, name = parts.path.rstrip("/").rpartition("/")
    if not name.endswith(_SUFFIX):
        return address, name
    token = name.removesuffix(_SUFFIX)
    return urlunsplit(parts._replace(path=f"{folder.rpartition('/')[0]}/boot/{token}")), token
