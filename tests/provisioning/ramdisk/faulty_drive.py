"""The storage behind a drive whose erasure silently skips one block in a thousand: an NBD server for QEMU.

The protocol: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
"""

from __future__ import annotations

import socketserver
import struct
import threading
from contextlib import contextmanager

BLOCK = 4096
SKIPPED_EVERY = 1000
READ, WRITE, DISCONNECT, FLUSH, TRIM, WRITE_ZEROES = 0, 1, 2, 3, 4, 6
HAS_FLAGS, SEND_FLUSH, SEND_TRIM, SEND_WRITE_ZEROES = 1, 4, 32, 64
OPTION_GO, REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 7, 1, 3, 0x80000001


class Storage(bytearray):
    """The drive's bytes."""

    def erase(self, offset, length):
        """Zero the range as this drive does it: but for each thousandth block."""
        for block in range(offset // BLOCK, (offset + length) // BLOCK):
            if block % SKIPPED_EVERY != SKIPPED_EVERY - 1:
                self[block * BLOCK : (block + 1) * BLOCK] = bytes(BLOCK)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.storage = self.server.storage
        self.wfile.write(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3))
        self.rfile.read(4)
        if self._negotiate():
            while self._serve_one():
                pass

    def _negotiate(self):
        while header := self.rfile.read(16):
            _, option, length = struct.unpack(">8sII", header)
            self.rfile.read(length)
            if option == OPTION_GO:
                flags = HAS_FLAGS | SEND_FLUSH | SEND_TRIM | SEND_WRITE_ZEROES
                self._option_reply(option, REPLY_INFO, struct.pack(">HQH", 0, len(self.storage), flags))
                self._option_reply(option, REPLY_ACK, b"")
                return True
            self._option_reply(option, REPLY_UNSUPPORTED, b"")
        return False

    def _option_reply(self, option, kind, data):
        self.wfile.write(struct.pack(">QIII", 0x3E889045565A9, option, kind, len(data)) + data)

    def _serve_one(self):
        header = self.rfile.read(28)
        if len(header) < 28:
            return False
        _, _, command, handle, offset, length = struct.unpack(">IHH8sQI", header)
        data = b""
        if command == WRITE:
            self.storage[offset : offset + length] = self.rfile.read(length)
        elif command in (TRIM, WRITE_ZEROES):
            self.storage.erase(offset, length)
        elif command == READ:
            data = bytes(self.storage[offset : offset + length])
        elif command == DISCONNECT:
            return False
        self.wfile.write(struct.pack(">II8s", 0x67446698, 0, handle) + data)
        return True


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def faulty_drive(path, content):
    """Serve a drive with ``content`` at the socket ``path``; gives its storage and QEMU's name for it."""
    storage = Storage(content)
    with _Server(str(path), _Handler) as server:
        server.storage = storage
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield storage, f"driver=raw,discard=unmap,file.driver=nbd,file.server.type=unix,file.server.path={path}"
        server.shutdown()
