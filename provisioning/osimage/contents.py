"""What is in the OS image."""

SLUG = "debian-12"
NAME = "Debian"
VERSION = "12"
DEFAULT_USER = "debian"

KERNEL = "linux-image-cloud-amd64"
"""Has NVMe and ext4 built in, so that the image starts without an initial ramdisk."""

PACKAGES = (
    KERNEL,
    "ansible-core",  # what the hand-over kit's inventory is for
    "ca-certificates",
    "cloud-guest-utils",  # growpart
    "cloud-init",
    "curl",  # what seeds phone home with
    "dbus",
    "e2fsprogs",
    "fdisk",  # growpart uses its sfdisk
    "iproute2",
    "iputils-ping",
    "netbase",
    "openssh-server",
    "python3",  # Ansible's other end
    "sudo",
    "systemd",
    "systemd-boot-efi",
    "systemd-resolved",
    "systemd-sysv",
    "udev",
)

LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*/LC_MESSAGES/*")
KEPT = ("/usr/share/doc/*/copyright",)
"""Licences stay with what they are about."""
