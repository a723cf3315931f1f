# Reading a drive back.

ENDS_BYTES=4194304

# digest_of_drive NAME BYTES: the SHA-256 of the drive's first bytes, read past every cache.
digest_of_drive() {
    dd if="/dev/$1" bs=4M count="$2" iflag=direct,count_bytes,fullblock 2>"$RUN/dd.log" | sha256sum - | cut -d ' ' -f 1
}

# residue_of NAME MODE BLOCKS: "bytes read, blocks sampled, bytes that are not zero, offset of the first of them or -1".
residue_of() {
    forget_cache "$1"
    perl "$LIB/residue.pl" "/dev/$1" "$(size_of "$1")" "$2" "$3" "$ENDS_BYTES"
}
