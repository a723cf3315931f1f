#!/bin/sh
# pack.sh ARCHIVE TREE IMAGE: unpack the tar file with owners and capabilities, make the file system of it: as large as
# the files, its own tables, a journal for the large disks that it grows to, and some MiB for the first boot until then.
set -eu
PATH=$PATH:/usr/sbin:/sbin
journal_mib=64
slack_mib=64
tar -C "$2" --numeric-owner --xattrs --xattrs-include='*' -xf "$1"
files_mib=$(du -sm "$2" | cut -f 1)
mke2fs -q -t ext4 -b 4096 -L root -m 1 -J size=$journal_mib -E lazy_itable_init=0,lazy_journal_init=0 -d "$2" "$3" \
    "$((files_mib * 107 / 100 + journal_mib + slack_mib))M"
