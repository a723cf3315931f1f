"""Fetching one image in a process of its own, which has nothing to lose: no secrets, no database, no files but one.

Run as a program: it reads what to fetch from standard input and writes to the file that it was given open, then says in
one line of JSON what it fetched or why not. Before it speaks to anybody it becomes nobody, where it may.

The address is a stranger's. Only https with a verified certificate is spoken. A name is resolved once and the
connection made to that very address, which must be a public one, so that no answer of a name server leads into our
networks (https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html). What
comes is counted while it comes: its bytes, what it unpacks to, and the time.
"""

import ctypes
import encodings.idna  # noqa: F401 - later the process may not read it any more
import hashlib
import http.client
import io
import ipaddress
import json
import os
import pwd
import resource
import socket
import ssl
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import zstandard

CHUNK = 1024 * 1024
FED = 4096
"""Bytes that are unpacked at once: at most some 128 MiB come out, as a block of three bytes makes up to 128 KiB."""
REDIRECTS = 5
ANSWER_LIMIT_S = 30
MEMORY_BYTES = 1024**3
MOST_WINDOW = 128 * 1024 * 1024
"""Largest window of a compressed file; ``zstd --long=27`` needs as much (RFC 8878, section 3.1.1.1.2)."""
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SECTOR = 512
GPT_MAGIC = b"EFI PART"
"""At the beginning of the second sector (UEFI 2.10, section 5.3.2)."""
PR_SET_NO_NEW_PRIVS = 38
"""From linux/prctl.h, see prctl(2)."""
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""Of IPv6 nothing else is routed between networks (RFC 4291, section 2.4; IANA's registry of its address space)."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""A gateway takes such an address to the IPv4 one in its last 32 bits (RFC 6052, section 2.1)."""
REDIRECTING = (301, 302, 303, 307, 308)


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchFailed(Exception):
    """The image cannot be had; ``code`` is one of the portal's table."""

    def __init__(self, code: str, detail: str = "") -> None:
        """Keep code and detail."""
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Wanted:
    """What to fetch, and the limits: bytes of file and disk, seconds, networks that are open beside the public ones."""

    url: str
    sha256: str
    most_bytes: int
    most_disk_bytes: int
    limit_s: float
    networks: tuple[str, ...] = ()
    ca_file: str = ""


@dataclass(frozen=True)
class Found:
    """What the file is."""

    size_bytes: int
    sha256: str
    encoding: str
    disk_bytes: int
    disk_sha256: str


def public_address(host: str, port: int, networks: tuple[str, ...]) -> str:
    """Return an address of ``host`` to connect to. Raises FetchFailed when it has none, or any that is not public."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise FetchFailed("unresolved", str(error)) from error
    allowed = [ipaddress.ip_network(network) for network in networks]
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        inner = _meant_by(address)
        if not _is_public(inner) and not any(one in network for network in allowed for one in (address, inner)):
            raise FetchFailed("address_forbidden", f"{host} is {text}")
    if not found:
        raise FetchFailed("unresolved", host)
    return sorted(found, key=lambda text: ":" in text)[0]


def _meant_by(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one leads to; any other address as it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    # A relay of 6to4, on the way or in our own network, takes it to the IPv4 address that it holds (RFC 3056).
    return address.is_global and address in GLOBAL_UNICAST and address.sixtofour is None


class Pinned(http.client.HTTPSConnection):
    """A connection to one address, whose certificate must be that of the name. No proxy is ever asked."""

    def __init__(
        self, host: str, port: int, address: str, context: ssl.SSLContext, *, limit_s: float = ANSWER_LIMIT_S
    ) -> None:
        """Keep the address to connect to, whom to trust, and how long each step may take."""
        super().__init__(host, port, timeout=limit_s, context=context)
        self._address, self._trust, self._limit_s = address, context, limit_s

    def connect(self) -> None:
        """Connect to the address, shake hands with the name."""
        plain = socket.create_connection((self._address, self.port), self._limit_s)
        # Kept before the handshake, so that who watches the time can end it.
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


def opened(wanted: Wanted, context: ssl.SSLContext) -> http.client.HTTPResponse:
    """Return the answer that holds the file, after redirects that were each checked like the first address."""
    url = wanted.url
    for _ in range(REDIRECTS + 1):
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise FetchFailed("redirect_forbidden", url[:200])
        port = parts.port or 443
        address = public_address(parts.hostname, port, wanted.networks)
        connection = Pinned(parts.hostname, port, address, context)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept-Encoding": "identity", "User-Agent": "metalyard-import"})
        reply = connection.getresponse()
        if reply.status not in REDIRECTING:
            if reply.status != 200:
                raise FetchFailed("http_status", f"HTTP {reply.status}")
            return reply
        url = urljoin(url, reply.headers.get("Location", ""))
        connection.close()
    raise FetchFailed("redirect_forbidden", f"more than {REDIRECTS} redirects")


class _Tap(io.RawIOBase):
    """The file as it comes: each byte is written, counted and hashed on its way."""

    def __init__(self, reply: http.client.HTTPResponse, out: io.BufferedWriter, wanted: Wanted) -> None:
        self._reply, self._out, self._wanted = reply, out, wanted
        self._ends = time.monotonic() + wanted.limit_s
        self.digest, self.size = hashlib.sha256(), 0

    def readable(self) -> bool:
        """Bytes come out."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end. Raises FetchFailed."""
        if time.monotonic() > self._ends:
            raise FetchFailed("timed_out", f"{self.size} bytes in {self._wanted.limit_s:g} s")
        data = self._reply.read1(CHUNK if size < 0 else min(size, CHUNK))
        self.size += len(data)
        if self.size > self._wanted.most_bytes:
            raise FetchFailed("too_large", f"more than {self._wanted.most_bytes} bytes")
        self.digest.update(data)
        self._out.write(data)
        return data


def taken(reply: http.client.HTTPResponse, out: io.BufferedWriter, wanted: Wanted) -> Found:
    """Write the file to ``out`` and return what it is. Raises FetchFailed."""
    announced = reply.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > wanted.most_bytes:
        raise FetchFailed("too_large", f"{announced} bytes")
    tap = _Tap(reply, out, wanted)
    head = tap.read(CHUNK)
    while len(head) < 2 * SECTOR and (more := tap.read(CHUNK)):
        head += more
    source = _Joined(head, tap)
    is_packed = head.startswith(ZSTD_MAGIC)
    disk = _Unpacked(source) if is_packed else source
    digest, size = hashlib.sha256(), 0
    first = b""
    while data := disk.read(CHUNK):
        size += len(data)
        digest.update(data)
        if len(first) < 2 * SECTOR:
            first += data
            if len(first) >= 2 * SECTOR:
                _require_disk(first)
        if size > wanted.most_disk_bytes:
            raise FetchFailed("disk_too_large", f"more than {wanted.most_disk_bytes} bytes")
    _require_disk(first)
    while tap.read():
        pass  # what follows the last frame belongs to the file, and to its digest
    if announced.isdecimal() and tap.size != int(announced):
        raise FetchFailed("unreachable", f"{tap.size} of {announced} bytes came")
    if tap.digest.hexdigest() != wanted.sha256:
        raise FetchFailed("digest_mismatch", f"the file has {tap.digest.hexdigest()}")
    return Found(tap.size, tap.digest.hexdigest(), "zstd" if is_packed else "none", size, digest.hexdigest())


class _Joined(io.RawIOBase):
    """What was read already, and then the rest."""

    def __init__(self, head: bytes, rest: _Tap) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        """Bytes come out."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end."""
        if self._head:
            size = len(self._head) if size < 0 else size
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._rest.read(size)


class _Unpacked:
    """What a compressed file holds. Little goes in at a time, because a thousandfold may come out."""

    def __init__(self, source: _Joined) -> None:
        self._source = source
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW)
        self._frame: Any = None
        self._left = b""

    def read(self, _size: int) -> bytes:
        """Return the next bytes, none at the end. Raises FetchFailed when the end comes too early."""
        while data := self._left or self._source.read(FED):
            self._frame = self._frame or self._unpacker.decompressobj()
            out: bytes = self._frame.decompress(data)
            self._left = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = None
            if out:
                return out
        if self._frame is not None:
            raise FetchFailed("damaged", "it ends within a frame")
        return b""


def _require_disk(first: bytes) -> None:
    if first[SECTOR : SECTOR + len(GPT_MAGIC)] != GPT_MAGIC:
        raise FetchFailed("format_unknown", first[:8].hex())


def fetch(wanted: Wanted, context: ssl.SSLContext, out: io.BufferedWriter) -> Found:
    """Fetch a file into ``out`` and check it. Raises FetchFailed."""
    try:
        return taken(opened(wanted, context), out, wanted)
    except ssl.SSLCertVerificationError as error:
        raise FetchFailed("tls_failed", error.verify_message) from error
    except zstandard.ZstdError as error:
        raise FetchFailed("damaged", str(error)) from error
    except TimeoutError as error:
        raise FetchFailed("unreachable", "no answer") from error
    except OSError as error:
        raise FetchFailed("no_room" if error.errno in (27, 28) else "unreachable", str(error)) from error
    except (http.client.HTTPException, ValueError) as error:
        raise FetchFailed("unreachable", f"{type(error).__name__} {error}") from error


def become_nobody() -> None:
    """Give up every right that is not needed; who is not root has none to give up but that to win new ones."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


def main() -> int:
    """Do what standard input says and write what came of it."""
    given = json.load(sys.stdin)
    handle = int(given.pop("handle"))
    wanted = Wanted(**{**given, "networks": tuple(given["networks"])})
    context = ssl.create_default_context(cafile=wanted.ca_file or None)
    become_nobody()
    resource.setrlimit(resource.RLIMIT_FSIZE, (wanted.most_bytes, wanted.most_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with os.fdopen(handle, "wb") as out:
            answer: dict[str, Any] = {"ok": True, **asdict(fetch(wanted, context, out))}
    except FetchFailed as failure:
        answer = {"ok": False, "code": failure.code, "detail": failure.detail[:500]}
    except MemoryError:
        answer = {"ok": False, "code": "damaged", "detail": "it needs too much memory to unpack"}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
