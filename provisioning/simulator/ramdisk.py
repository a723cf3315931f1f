"""What a machine does when it is booted over the network: fetch the job of this boot, do it, report, switch off."""

import base64
import hashlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncssh
import zstandard

from provisioning.simulator.agent import FIRST_PAUSE_S, NO_ROUTE, Agent, DownloadFailed, Refused, Unreachable
from provisioning.simulator.disk import BLOCK, CHUNK, Disk, packed
from provisioning.simulator.faults import Fault
from provisioning.simulator.fleet import Spec, Timings
from provisioning.simulator.medium import job_address
from provisioning.simulator.power import Power

REPORT_EVERY_S = 0.5
STALL_PERCENT = 40
DOWNLOADS = 3
"""How often an image whose download is cut is fetched from its beginning."""
DETAIL_CHARS = 500
GPU_PCI_ID = "1b36:00ff"
"""Vendor and device of the GPUs that are not there: no real one has them."""
NIC_SPEED_MBPS = 400_000
RESCUE = "rescue"
METHODS = ("overwrite",)
"""Ways of erasing that an emulated drive has: it knows no commands of its own."""


def _serves_nobody(_hostname: str, _keys: Sequence[str], _host_key: str) -> None:
    """Stand for a machine that has no SSH server. Raises OSError."""
    raise OSError("there is no SSH server here")


class JobFailed(Exception):
    """The job cannot be done; ``code`` is what is reported."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep code and detail."""
        super().__init__(detail)
        self.code = code
        self.detail = detail[:DETAIL_CHARS]


@dataclass(frozen=True)
class Body:
    """What of the machine the ramdisk sees.

    ``wrong`` asks for a fault, ``reaches`` whether the port is in a network for jobs, ``starts`` whether it is in one
    where a job can be fetched. ``serve`` lets root in at a host name by some keys, under a private host key, and raises
    OSError or ValueError where that cannot be.
    """

    spec: Spec
    disk: Disk
    timings: Timings
    power: Power
    wrong: Callable[[Fault], bool]
    console: Callable[[str], None]
    reaches: Callable[[], bool] = lambda: True
    starts: Callable[[], bool] = lambda: True
    serve: Callable[[str, Sequence[str], str], None] = _serves_nobody


@dataclass(frozen=True)
class Image:
    """The file that an image job names, and how many bytes of disk it holds."""

    url: str
    sha256: str
    size_bytes: int
    encoding: str
    disk_bytes: int

    def unpacker(self) -> Callable[[bytes], bytes]:
        """Return what unpacks the file as it comes. Raises JobFailed for an encoding that the ramdisk does not know."""
        if self.encoding == "none":
            return bytes
        if self.encoding != "zstd":
            raise JobFailed("agent_error", f"unknown encoding {self.encoding}")
        frames = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)

        def unpack(data: bytes) -> bytes:
            try:
                return frames.decompress(data)
            except zstandard.ZstdError as error:
                raise JobFailed("image_checksum_mismatch", f"the image cannot be unpacked: {error}") from error

        return unpack


class Ramdisk:
    """One network boot."""

    def __init__(self, body: Body, uri: str) -> None:
        """Boot ``body`` from ``uri``, which holds the one-time token."""
        self.body = body
        self.uri, self.token = job_address(uri)
        self.reported_at = 0.0
        self.report: dict[str, str] = {}
        self.kind = ""
        self.stays = False

    def run(self) -> None:
        """Do the job of this boot. Whatever goes wrong is on the console, and in the report if there can be one.

        The machine is to be switched off then, unless it ``stays``. Raises PowerLost.
        """
        if self.body.wrong(Fault.AGENT_SILENT):
            self.body.console("ramdisk started; it does not find its network")
            return
        with Agent(self.body.power, self._reaches) as self.agent:
            try:
                job = self.agent.fetch_job(self.uri)
                self.kind = job["kind"]
                if not self._reaches():
                    raise Unreachable(NO_ROUTE)
                self.report = {"progress": job["report"]["progress_url"], "done": job["report"]["done_url"]}
                result = self._do(job)
                self.agent.post(self.report["done"], self.token, result)
                self.body.console(f"job {job['kind']} done: {'ok' if result['ok'] else result['error']}")
            except (Refused, Unreachable) as error:
                self.body.console(f"gave up: {type(error).__name__} {error}")
            except (KeyError, TypeError, ValueError) as error:
                self.body.console(f"gave up, the job makes no sense: {type(error).__name__} {error}")

    def _reaches(self) -> bool:
        """Tell whether the portal is reached. Of all jobs only a rescue is done in a tenant's network."""
        return self.body.starts() if self.kind in ("", RESCUE) else self.body.reaches()

    def _do(self, job: dict[str, Any]) -> dict[str, Any]:
        self.body.console(f"job {job['kind']} fetched")
        jobs = {"image": self._image, "erase": self._erase, "inspect": self._inspect, RESCUE: self._rescue}
        work = jobs.get(job["kind"])
        if work is None:
            raise ValueError(f"unknown kind {job['kind']}")
        try:
            return work(job)
        except JobFailed as failure:
            return {"ok": False, "error": failure.code, "detail": failure.detail}
        except OSError as error:
            return {"ok": False, "error": "write_failed", "detail": str(error)[:DETAIL_CHARS]}

    def _progress(self, stage: str, percent: int) -> None:
        self.body.power.check()
        while percent >= STALL_PERCENT and self.body.wrong(Fault.PROGRESS_STALL):
            self.body.power.pause(0.5)
        now = time.monotonic()
        if now - self.reported_at >= REPORT_EVERY_S:
            self.reported_at = now
            self.agent.note(self.report["progress"], self.token, {"stage": stage, "percent": percent})

    def _image(self, job: dict[str, Any]) -> dict[str, Any]:
        image, started, disk = _image_of(job["image"]), time.monotonic(), self.body.disk
        size, seed = image.disk_bytes, _seed_of(job)
        room = size - 1 if self.body.wrong(Fault.DISK_TOO_SMALL) else disk.room
        if size > room:
            raise JobFailed("disk_too_small", f"the image has {size} bytes, the disk room for {room}")
        # Whatever happens from here on, half of this image is never started with what an earlier one was given.
        disk.forget_seed()
        self._download(image)
        self._spread(started, self.body.timings.image_min_s, "write", 60, 80)
        read_back = hashlib.sha256()
        for data in disk.chunks(size):
            read_back.update(data)
            self._progress("verify", 85)
        disk.write_seed(seed)
        self._progress("verify", 100)
        return {"ok": True, "sha256": read_back.hexdigest(), "bytes_written": size}

    def _download(self, image: Image) -> None:
        for last in [False] * (DOWNLOADS - 1) + [True]:
            try:
                self._write(image)
                return
            except DownloadFailed as error:
                self.body.console(f"image download: {error}")
                if last:
                    raise JobFailed("image_download_failed", str(error)) from error
                self.body.power.pause(FIRST_PAUSE_S)

    def _write(self, image: Image) -> None:
        """Write what the file holds to the disk while it comes, and compare the file with what was announced."""
        announced, size, unpack = image.size_bytes, image.disk_bytes, image.unpacker()
        digest, came, written = hashlib.sha256(), 0, 0
        for data in self.agent.stream(image.url, CHUNK):
            piece = data
            if came == 0 and self.body.wrong(Fault.CHECKSUM_WRONG):
                piece = bytes([data[0] ^ 1]) + data[1:]
            came += len(piece)
            if came > announced:
                raise JobFailed("image_checksum_mismatch", f"the image is longer than the {announced} bytes announced")
            digest.update(piece)
            out = unpack(piece)
            if written + len(out) > size:
                raise JobFailed("image_checksum_mismatch", f"the image unpacks to more than the {size} bytes announced")
            self.body.disk.write(written, out)
            written += len(out)
            self._progress("download", came * 60 // announced)
        if came < announced or written < size:
            raise JobFailed("image_checksum_mismatch", f"the image has {came} bytes of the {announced} announced")
        if digest.hexdigest() != image.sha256:
            raise JobFailed("image_checksum_mismatch", f"expected {image.sha256}, got {digest.hexdigest()}")

    def _spread(self, started: float, least_s: float, stage: str, low: int, high: int) -> None:
        """Take at least ``least_s`` in all, reporting on the way: emulated disks are quicker than real ones."""
        while (spent := time.monotonic() - started) < least_s:
            self._progress(stage, low + int((high - low) * spent / least_s))
            self.body.power.pause(min(0.2, least_s - spent))

    def _inspect(self, _job: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "inventory": inventory_of(self.body)}

    def _rescue(self, job: dict[str, Any]) -> dict[str, Any]:
        try:
            public = asyncssh.import_private_key(job["host_key"]).export_public_key().decode().strip()
            self.body.serve(job["hostname"], job["ssh_authorized_keys"], job["host_key"])
        except (OSError, ValueError) as error:
            raise JobFailed("agent_error", f"the SSH server does not start: {error}") from error
        self.stays = True
        return {"ok": True, "host_keys": [public]}

    def _erase(self, job: dict[str, Any]) -> dict[str, Any]:
        disk, started, begun = self.body.disk, time.monotonic(), _now()
        method = next((name for name in job["methods"] if name in METHODS), None)
        wanted, blocks = str(job["verify"]["mode"]), int(job["verify"]["blocks"])
        if method is None:
            raise JobFailed("erase_unsupported", f"{self.body.spec.drive_serial} supports only {', '.join(METHODS)}")
        for done in disk.erase(skip_some=self.body.wrong(Fault.ERASE_SKIPS)):
            self._progress("erase", done * 50 // disk.size)
        self._spread(started, self.body.timings.erase_min_s, "erase", 50, 60)
        # A sample that is larger than the disk is all of it.
        is_sample = wanted == "sample" and disk.size > (blocks + 3) * BLOCK
        read, residue = self._read_back(disk, blocks if is_sample else 0)
        if residue:
            raise JobFailed("erase_incomplete", f"{residue} bytes are not zero")
        report = {
            "serial": self.body.spec.drive_serial,
            "model": self.body.spec.drive_model,
            "firmware": self.body.spec.drive_firmware,
            "size_bytes": disk.size,
            "method": method,
            "bytes_erased": disk.size,
            "verify_mode": "sample" if is_sample else "full",
            "bytes_verified": read,
            "blocks_sampled": blocks if is_sample else 0,
            "residue_bytes": residue,
            "started_at": begun,
            "ended_at": _now(),
        }
        return {"ok": True, "drives": [report]}

    def _read_back(self, disk: Disk, blocks: int) -> tuple[int, int]:
        """Read ``blocks`` random blocks, head and tail, or all for 0; return the bytes read and those not zero."""
        found = (0, 0)
        whole = (blocks + 2) * BLOCK if blocks else disk.size
        for found in disk.sampled_residue(blocks, random.SystemRandom()) if blocks else disk.residue():
            self._progress("read_back", 60 + found[0] * 40 // whole)
        return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251 - a machine has a clock of its own


def inventory_of(body: Body) -> dict[str, Any]:
    """Return what the machine is made of, as the ramdisk finds it."""
    spec, wrong = body.spec, body.wrong
    drive = (
        (f"X{spec.drive_serial}", body.disk.size // 2)
        if wrong(Fault.DRIVE_WRONG)
        else (spec.drive_serial, body.disk.size)
    )
    return {
        "system": {"serial": spec.serial, "product": spec.model, "uuid": spec.uuid},
        "cpu_count": 1,
        "memory_bytes": spec.memory_gb * 1024**3 // (2 if wrong(Fault.MEMORY_MISSING) else 1),
        "memory_is_listed": True,
        "drives": [{"serial": drive[0], "model": "Emulated 1", "firmware": "E1", "size_bytes": drive[1]}],
        "nics": [{"mac": spec.mac, "name": "eth0", "driver": "emulated", "speed_mbps": NIC_SPEED_MBPS}],
        "gpus": [
            {"pci": f"0000:{number:02x}:00.0", "vendor": GPU_PCI_ID[:4], "device": GPU_PCI_ID[5:]}
            for number in range(1, spec.gpu_count + (0 if wrong(Fault.GPU_MISSING) else 1))
        ],
        "firmware": {"bios_vendor": "Emulated", "bios_version": "3.7.1", "bios_date": "01/01/2026"},
    }


def _seed_of(job: dict[str, Any]) -> dict[str, Any]:
    """Return the seed of an image job. Raises JobFailed when it is none that a disk can hold."""
    try:
        seed = job["seed"]
        seed = {**seed, "user_data": base64.b64decode(seed.get("user_data_base64", ""), validate=True).decode()}
        packed(seed)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise JobFailed("agent_error", f"the seed cannot be used: {error}") from error
    return seed


def _image_of(given: dict[str, Any]) -> Image:
    """Return the image of a job, which without more says that the file is the disk."""
    size = int(given["size_bytes"])
    return Image(
        str(given["url"]),
        str(given["sha256"]),
        size,
        str(given.get("encoding", "none")),
        int(given.get("disk_bytes", size)),
    )
