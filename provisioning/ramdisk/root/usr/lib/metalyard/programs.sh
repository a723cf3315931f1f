# Debian's own programs where busybox's fall short. By path, because busybox's shell prefers what is in itself.
#   dd: O_DIRECT with half a block at the end, counts in bytes. cmp: more than 2 GiB. blkdiscard: --force, --zeroout.

dd() {
    /usr/bin/dd "$@"
}

cmp() {
    /usr/bin/cmp "$@"
}

sha256sum() {
    /usr/bin/sha256sum "$@"
}

blkdiscard() {
    /usr/bin/blkdiscard "$@"
}
