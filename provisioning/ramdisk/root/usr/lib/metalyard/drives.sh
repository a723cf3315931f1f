# The drives of this machine, and what they are.

SYS_BLOCK=${SYS_BLOCK:-/sys/block}

# is_drive NAME: whether this is a drive of the machine: not a CD or USB stick (virtual media are those), not memory,
# not one path of several to the same namespace.
is_drive() {
    case $1 in
        loop* | ram* | zram* | sr* | pmem* | dm-* | md* | nvme*c*n*) return 1 ;;
    esac
    [ -e "$SYS_BLOCK/$1/device" ] || return 1
    [ "$(cat "$SYS_BLOCK/$1/removable")" = 0 ]
}

# drives: the names of all drives.
drives() {
    for path in "$SYS_BLOCK"/*; do
        name=${path##*/}
        if [ -e "$path" ] && is_drive "$name"; then
            echo "$name"
        fi
    done
}

# size_of NAME: its bytes; the kernel counts in 512 whatever the drive's own sectors are.
size_of() {
    echo $(($(cat "$SYS_BLOCK/$1/size") * 512))
}

# attribute NAME FILES: the content of the first of the files that is there, trimmed.
attribute() {
    where=$SYS_BLOCK/$1/device
    shift
    for file in "$@"; do
        if [ -r "$where/$file" ]; then
            tr -cd ' -~' <"$where/$file" | sed 's/^ *//; s/ *$//'
            return 0
        fi
    done
}

# serial_of NAME: NVMe, virtio and SATA or SAS keep it in places of their own; the last has four bytes before it.
serial_of() {
    if [ -r "$SYS_BLOCK/$1/device/vpd_pg80" ]; then
        tail -c +5 "$SYS_BLOCK/$1/device/vpd_pg80" | tr -cd ' -~' | sed 's/^ *//; s/ *$//'
    elif [ -r "$SYS_BLOCK/$1/serial" ]; then
        tr -cd ' -~' <"$SYS_BLOCK/$1/serial"
    else
        attribute "$1" serial
    fi
}

# drive_as_json NAME: what identifies it.
drive_as_json() {
    jq -n --arg serial "$(serial_of "$1")" --arg model "$(attribute "$1" model)" \
        --arg firmware "$(attribute "$1" firmware_rev rev)" --argjson size "$(size_of "$1")" \
        '{serial: $serial, model: $model, firmware: $firmware, size_bytes: $size}'
}

# by_size: all drives, the smallest first and equals by serial: the same order at each boot, whatever the kernel calls
# them this time.
by_size() {
    for name in $(drives); do
        echo "$(size_of "$name") -$(serial_of "$name" | tr ' ' _) $name"
    done | sort -k1,1n -k2,2 | awk '{print $3}'
}

# forget_cache NAME: make the next read come from the drive.
forget_cache() {
    sync
    blockdev --flushbufs "/dev/$1"
    echo 3 >/proc/sys/vm/drop_caches
}
