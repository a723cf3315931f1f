#!/bin/sh
# customise.sh ROOT: what makes the installed packages an image: our files, fewer services, nothing of the build.
set -eu
root=$1
cp -R --no-preserve=ownership "$(dirname "$0")/root/." "$root/"

chroot "$root" systemctl enable --quiet systemd-networkd.service systemd-resolved.service
# What costs time at boot or works in the background of a machine that is rented for computing.
chroot "$root" systemctl mask --quiet \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_reap.service e2scrub_all.timer \
    systemd-pstore.service cloud-init-hotplugd.socket

# Each machine makes its own, or is given them by its seed.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/var/lib/dbus/machine-id"
: >"$root/etc/machine-id"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# The customer's own packages come whole.
rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/apt/apt.conf.d/99mmdebstrap"
rm -rf "$root"/boot/initrd* "$root"/var/log/*.log "$root"/var/log/apt "$root"/var/cache/debconf/*-old
