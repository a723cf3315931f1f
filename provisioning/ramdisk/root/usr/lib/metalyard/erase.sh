# The job "erase": every drive by the best method that the job allows and the drive has, then read back.

ERASE=$RUN/erase

# do_erase: all drives at a time; the result names each, or the job fails.
do_erase() {
    names=$(drives)
    [ -n "$names" ] || fail erase_unproved "the machine shows no drive"
    methods=$(job '.methods | join(" ")') mode=$(job .verify.mode) blocks=$(job .verify.blocks)
    if [ -z "$methods" ] || [ -z "$mode" ]; then
        fail agent_error "the job allows no method, or tells no way to verify"
    fi
    mkdir -p "$ERASE"
    total=0
    for name in $names; do
        total=$((total + $(size_of "$name")))
    done
    # shellcheck disable=SC2086 # a list of words
    start_watch erase 0 99 "$SECTORS_READ" "$total" $names
    running=
    for name in $names; do
        (erase_drive "$name") &
        running="$running $!"
    done
    bad=0
    for process in $running; do
        wait "$process" || bad=1
    done
    stop_watch
    [ $bad -eq 0 ] || fail erase_incomplete "a drive was not erased"
    jq -s '{ok: true, drives: .}' "$ERASE"/*.json >"$RESULT"
}

# erase_drive NAME: erase one and write what is reported of it.
erase_drive() {
    name=$1 id=$ERASE/$1.id log=$ERASE/$1.log serial=$(serial_of "$1")
    [ -n "$serial" ] || fail erase_unproved "drive $name tells no serial number: nothing can be proved of it"
    case $name in
        nvme*) nvme id-ctrl "/dev/$name" -o json >"$id" 2>"$log" || fail erase_incomplete "drive $serial: $(last_line "$log")" ;;
        *) : >"$id" ;;
    esac
    can=$(supported_methods "$id" "$(cat "$SYS_BLOCK/$name/queue/discard_max_bytes")")
    method=$(choose_method "$methods" "$can") || fail erase_unsupported "drive $serial has none of the methods $methods"
    started=$(now)
    say "drive $serial: $method"
    erase_by "$method" "$name" >"$log" 2>&1 || fail erase_incomplete "drive $serial: $method failed: $(last_line "$log")"
    proof=$(residue_of "$name" "$mode" "${blocks:-5000}" 2>"$log") ||
        fail erase_unproved "drive $serial cannot be read back: $(last_line "$log")"
    report_drive "$name" "$method" "$started" "$proof"
}

# erase_by METHOD NAME: run it to its end.
erase_by() {
    controller=${2%n*}
    case $1 in
        nvme_sanitize_crypto) sanitize "$controller" 4 && write_zeros "$2" ;;
        nvme_sanitize_block) sanitize "$controller" 2 ;;
        nvme_format_crypto) nvme format "/dev/$2" --ses=2 --force && write_zeros "$2" ;;
        nvme_format) nvme format "/dev/$2" --ses=1 --force ;;
        blkdiscard) blkdiscard --force "/dev/$2" ;;
        overwrite) overwrite "$2" ;;
        *) return 1 ;;
    esac
}

# write_zeros NAME: a drive whose key was thrown away may read as noise, which proves nothing to a reader.
write_zeros() {
    blkdiscard --force --zeroout "/dev/$1"
}

overwrite() {
    dd if=/dev/zero of="/dev/$1" bs=4M count="$(size_of "$1")" iflag=count_bytes oflag=direct conv=notrunc,fsync
}

now() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

# report_drive NAME METHOD STARTED PROOF: the drive's entry of the result; fails when anything is left on it.
report_drive() {
    # shellcheck disable=SC2086 # four numbers
    set -- "$1" "$2" "$3" $4
    [ "$6" = 0 ] || fail erase_incomplete "drive $serial: $6 of $4 bytes read back are not zero, the first at $7"
    way=sample
    [ "$5" -gt 0 ] || way=full
    drive_as_json "$1" | jq --arg method "$2" --arg started "$3" --arg ended "$(now)" --arg way "$way" \
        --argjson read "$4" --argjson sampled "$5" --argjson residue "$6" \
        '. + {method: $method, bytes_erased: .size_bytes, verify_mode: $way, bytes_verified: $read,
              blocks_sampled: $sampled, residue_bytes: $residue, started_at: $started, ended_at: $ended}' \
        >"$ERASE/$1.json"
}
