# The seed: what cloud-init reads at first boot, in a file system of its own on the drive (data source NoCloud).
# https://cloudinit.readthedocs.io/en/22.4.2/topics/datasources/nocloud.html

SEED_MIB=4
SEED_FILES="meta-data user-data vendor-data network-config"

# wait_for_seed_partition NAME: the seed's partition, once the kernel has read the new table.
wait_for_seed_partition() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        blockdev --rereadpt "/dev/$1" 2>/dev/null
        found=$(seed_partitions "$1" | head -n 1)
        if [ -n "$found" ] && [ -b "/dev/$found" ]; then
            echo "$found"
            return 0
        fi
        sleep 1
    done
    return 1
}

# seed_partition_of NAME: the seed's partition; where the image brings none, as most do, it is made at the drive's end.
seed_partition_of() {
    wait_for_seed_partition "$1" && return 0
    say "the image has no partition called $SEED_NAME" >&2
    if ! perl "$LIB/seed_partition.pl" "/dev/$1" "$(size_of "$1")" "$SEED_NAME" "$SEED_MIB" 2>"$RUN/seed.log"; then
        fail agent_error "the image has no partition called $SEED_NAME, and none can be added: $(last_line "$RUN/seed.log")"
    fi
    sync
    wait_for_seed_partition "$1" || fail agent_error "the partition that was added is not found"
}

# unpack_seed FOLDER: the seed's files out of the job.
unpack_seed() {
    mkdir -p "$1"
    for name in $SEED_FILES; do
        if jq -e --arg name "$name" '.seed.files | has($name)' "$JOB" >/dev/null; then
            jq -r --arg name "$name" '.seed.files[$name]' "$JOB" | base64 -d >"$1/$name" || return 1
        fi
    done
    [ -e "$1/meta-data" ] && [ -e "$1/user-data" ]
}

# fill_partition PARTITION FOLDER: a new file system with the files.
fill_partition() {
    mkfs.fat -n "$SEED_NAME" "/dev/$1" && mount -t vfat "/dev/$1" /mnt && cp "$2"/* /mnt/ && umount /mnt
}

# write_seed NAME FOLDER: put the files on the drive, then read them back from it. A new file system, so that nothing
# of what an image brings there is left.
write_seed() {
    partition=$(seed_partition_of "$1") || exit 1
    if ! fill_partition "$partition" "$2" >"$RUN/seed.log" 2>&1; then
        fail write_failed "the seed cannot be written: $(last_line "$RUN/seed.log")"
    fi
    forget_cache "$partition"
    mount -t vfat -o ro "/dev/$partition" /mnt || fail write_failed "the seed cannot be read back"
    for path in "$2"/*; do
        cmp -s "$path" "/mnt/${path##*/}" || fail write_failed "the seed's ${path##*/} reads back otherwise"
    done
    umount /mnt
}
