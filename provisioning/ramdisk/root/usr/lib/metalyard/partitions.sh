# The partition that holds the seed, and making sure that none is found by mistake.

SEED_NAME=cidata
END_BYTES=1048576

# seed_partitions NAME: the partitions of a drive that are called as the seed's is.
seed_partitions() {
    for path in "$SYS_BLOCK/$1/$1"*; do
        if grep -qix "PARTNAME=$SEED_NAME" "$path/uevent" 2>/dev/null; then
            basename "$path"
        fi
    done
}

# wipe_ends NAME: take away both partition tables, so that nothing on the drive starts.
wipe_ends() {
    last=$(($(size_of "$1") - END_BYTES))
    dd if=/dev/zero of="/dev/$1" bs=$END_BYTES count=1 oflag=direct conv=notrunc,fsync 2>"$RUN/dd.log" &&
        dd if=/dev/zero of="/dev/$1" bs=$END_BYTES count=1 oflag=direct,seek_bytes seek="$last" conv=notrunc,fsync \
            2>"$RUN/dd.log"
}

# forget_seeds: overwrite the seed partitions of all drives. Half of a new image never starts with what an earlier
# system was given.
forget_seeds() {
    for name in $(drives); do
        for partition in $(seed_partitions "$name"); do
            bytes=$(($(cat "$SYS_BLOCK/$name/$partition/size") * 512))
            dd if=/dev/zero of="/dev/$partition" bs=1M count="$bytes" iflag=count_bytes oflag=direct conv=fsync \
                2>"$RUN/dd.log" || return 1
        done
    done
}
