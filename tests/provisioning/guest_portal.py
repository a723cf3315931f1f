"""The stand-in portal as virtual machines reach it, and the boot medium for one boot from it."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl

from provisioning.ramdisk.medium import PLACEHOLDER
from tests.provisioning.simulator.portal_stand_in import TOKEN, Portal
from tests.provisioning.virtual_machine import HOST


class GuestPortal(Portal):
    """Like the other stand-in, with addresses that are right inside a machine, and the newer jobs."""

    scheme = "http"

    def url(self, path: str) -> str:
        return f"{self.scheme}://{HOST}:{self.server_address[1]}/{path}"

    def secure(self, certificate, key) -> None:
        """Speak TLS from now on."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https"

    def offer_image(self, served: bytes, disk: bytes, seed: dict[str, bytes], **changes) -> None:
        """Offer an image; ``changes`` are of its description."""
        self.image = served
        image = {
            "url": self.url("image"),
            "encoding": "none" if served == disk else "zstd",
            "sha256": hashlib.sha256(served).hexdigest(),
            "size_bytes": len(served),
            "disk_sha256": hashlib.sha256(disk).hexdigest(),
            "disk_bytes": len(disk),
        }
        files = {name: base64.b64encode(content).decode() for name, content in seed.items()}
        self.offer("image", image=image | changes, seed={"files": files})


def medium_for(iso, target, url, ca_pem: bytes | None = None):
    """Write the boot medium of one boot, as the portal does it."""
    told = json.loads(iso.with_suffix(".iso.json").read_text())
    lines = f"BOOT_URL={url}\n".encode()
    if ca_pem:
        lines += b"CA_PEM_BASE64=" + base64.b64encode(ca_pem) + b"\n"
    data, place = bytearray(iso.read_bytes()), told["placeholder_offset"]
    assert data[place : place + told["placeholder_bytes"]] == PLACEHOLDER
    data[place : place + told["placeholder_bytes"]] = lines.ljust(told["placeholder_bytes"], b"\n")
    target.write_bytes(data)
    return target


__all__ = ["TOKEN", "GuestPortal", "medium_for"]
