"""What a machine does when it is booted over the network: fetch the job of this boot, do it, report, switch off."""

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioning.simulator.agent import Agent, Refused, Unreachable
from provisioning.simulator.disk import CHUNK, Disk
from provisioning.simulator.fleet import Spec, Timings

REPORT_EVERY_S = 0.5
STALL_PERCENT = 40


class JobFailed(Exception):
    """The job cannot be done; ``code`` is what is reported."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep code and detail."""
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Body:
    """What of the machine the ramdisk sees. ``stopped`` tells when power is lost, ``wrong`` asks for a fault."""

    spec: Spec
    disk: Disk
    timings: Timings
    stopped: Callable[[], bool]
    pause: Callable[[float], bool]
    wrong: Callable[[str], bool]
    console: Callable[[str], None]


class PowerLost(Exception):
    """The machine was switched off in the middle."""


class Ramdisk:
    """One network boot."""

    def __init__(self, body: Body, uri: str) -> None:
        """Boot ``body`` from ``uri``; the last part of the address is the one-time token."""
        self.body = body
        self.uri = uri
        self.token = uri.rstrip("/").rsplit("/", 1)[-1]
        self.agent = Agent(body.stopped)
        self.reported_at = 0.0
        self.report: dict[str, str] = {}

    def run(self) -> None:
        """Do the job of this boot. Whatever goes wrong is on the console, and in the report if there can be one."""
        if self.body.wrong("agent_silent"):
            self.body.console("ramdisk started; it does not find its network")
            return
        try:
            job = self.agent.fetch_job(self.uri)
            self.report = job["report"]
            result = self._do(job)
            self.agent.post(self.report["done_url"], self.token, result)
            self.body.console(f"job {job['kind']} done: {'ok' if result['ok'] else result['error']}")
        except (Refused, Unreachable, KeyError, ValueError) as error:
            self.body.console(f"gave up: {type(error).__name__} {error}")
        except PowerLost:
            self.body.console("power lost in the middle of the job")
        finally:
            self.agent.close()

    def _do(self, job: dict[str, Any]) -> dict[str, Any]:
        self.body.console(f"job {job['kind']} fetched")
        try:
            return self._image(job) if job["kind"] == "image" else self._erase()
        except JobFailed as failure:
            return {"ok": False, "error": failure.code, "detail": failure.detail}
        except OSError as error:
            return {"ok": False, "error": "write_failed", "detail": str(error)}

    def _progress(self, stage: str, percent: int) -> None:
        if self.body.stopped():
            raise PowerLost
        while percent >= STALL_PERCENT and self.body.wrong("progress_stall"):
            if self.body.pause(0.5):
                raise PowerLost
        now = time.monotonic()
        if now - self.reported_at >= REPORT_EVERY_S:
            self.reported_at = now
            self.agent.post(self.report["progress_url"], self.token, {"stage": stage, "percent": percent})

    def _image(self, job: dict[str, Any]) -> dict[str, Any]:
        image, started = job["image"], time.monotonic()
        size = int(image["size_bytes"])
        room = size - 1 if self.body.wrong("disk_too_small") else self.body.disk.room
        if size > room:
            raise JobFailed("disk_too_small", f"the image has {size} bytes, the disk room for {room}")
        self._write(image["url"], size, image["sha256"])
        self._spread(started, self.body.timings.image_min_s, "write", 60, 80)
        read_back = hashlib.sha256()
        for data in self.body.disk.chunks(size):
            read_back.update(data)
            self._progress("verify", 85)
        seed = job["seed"]
        self.body.disk.write_seed({**seed, "user_data": base64.b64decode(seed.get("user_data_base64", "")).decode()})
        self._progress("verify", 100)
        return {"ok": True, "sha256": read_back.hexdigest(), "bytes_written": size}

    def _write(self, url: str, size: int, expected: str) -> None:
        digest, written = hashlib.sha256(), 0
        try:
            for data in self.agent.stream(url, CHUNK):
                piece = data
                if written == 0 and self.body.wrong("checksum_wrong"):
                    piece = bytes([data[0] ^ 1]) + data[1:]
                if written + len(piece) > size:
                    raise JobFailed("image_checksum_mismatch", "the image is longer than announced")
                digest.update(piece)
                self.body.disk.write(written, piece)
                written += len(piece)
                self._progress("download", written * 60 // size)
        except (Refused, Unreachable) as error:
            raise JobFailed("image_download_failed", str(error)) from error
        if digest.hexdigest() != expected:
            raise JobFailed("image_checksum_mismatch", f"expected {expected}, got {digest.hexdigest()}")

    def _spread(self, started: float, least_s: float, stage: str, low: int, high: int) -> None:
        """Take at least ``least_s`` in all, reporting on the way: emulated disks are quicker than real ones."""
        while (spent := time.monotonic() - started) < least_s:
            self._progress(stage, low + int((high - low) * spent / least_s))
            if self.body.pause(min(0.2, least_s - spent)):
                raise PowerLost

    def _erase(self) -> dict[str, Any]:
        disk, started = self.body.disk, time.monotonic()
        for done in disk.erase(skip_some=self.body.wrong("erase_skips")):
            self._progress("erase", done * 50 // disk.size)
        self._spread(started, self.body.timings.erase_min_s, "erase", 50, 60)
        found = (0, 0)
        for found in disk.residue():
            self._progress("read_back", 60 + found[0] * 40 // disk.size)
        read, residue = found
        if residue:
            raise JobFailed("erase_incomplete", f"{residue} bytes are not zero")
        return {
            "ok": True,
            "method": "overwrite",
            "bytes_erased": disk.size,
            "bytes_verified": read,
            "residue_bytes": residue,
            "drive_serial": self.body.spec.drive_serial,
        }
