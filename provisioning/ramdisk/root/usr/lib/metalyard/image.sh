# The job "image": stream the OS image to the drive, read it back, write the seed.

DOWNLOADS=3
DOWNLOAD_PAUSE_S=2

# do_image: writes the result.
do_image() {
    read_image_job
    drive=$(smallest_with "$disk_bytes") || fail disk_too_small "no drive holds the $disk_bytes bytes of the image"
    unpack_seed "$RUN/seed" || fail agent_error "the seed of this job cannot be used"
    if ! { forget_seeds && wipe_ends "$drive"; }; then
        fail write_failed "$drive: $(last_line "$RUN/dd.log")"
    fi
    if ! (put_image && verify_image && write_seed "$drive" "$RUN/seed"); then
        # What is not proved never starts.
        wipe_ends "$drive"
        exit 1
    fi
    jq -n --arg sha256 "$disk_sha256" --argjson bytes "$disk_bytes" --arg serial "$(serial_of "$drive")" \
        '{ok: true, sha256: $sha256, bytes_written: $bytes, drive_serial: $serial}' >"$RESULT"
}

read_image_job() {
    url=$(job .image.url) size=$(job .image.size_bytes) expected=$(job .image.sha256)
    encoding=$(job .image.encoding)
    disk_bytes=$(job .image.disk_bytes) disk_sha256=$(job .image.disk_sha256)
    case ${encoding:=none} in
        none)
            : "${disk_bytes:=$size}" "${disk_sha256:=$expected}"
            ;;
        zstd) ;;
        *) fail agent_error "the ramdisk does not know the encoding '$encoding'" ;;
    esac
    if [ -z "$url" ] || [ -z "$expected" ] || [ -z "$disk_sha256" ] || ! [ "$size" -gt 0 ] || ! [ "$disk_bytes" -gt 0 ]; then
        fail agent_error "the image of this job is not fully described"
    fi
}

# smallest_with BYTES: the smallest drive that has as many.
smallest_with() {
    for name in $(by_size); do
        if [ "$(size_of "$name")" -ge "$1" ]; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# put_image: download and write; a download that is cut is begun again.
put_image() {
    start_watch download 0 60 "$SECTORS_WRITTEN" "$disk_bytes" "$drive"
    tries=1
    until stream_image; do
        reason=$(first_line "$RUN/stream/curl.log")
        say "download $tries: $reason"
        [ "$tries" -lt $DOWNLOADS ] || fail image_download_failed "$reason"
        tries=$((tries + 1))
        sleep $DOWNLOAD_PAUSE_S
    done
    stop_watch
}

unpack() {
    if [ "$encoding" = zstd ]; then
        zstd -dcq -
    else
        cat
    fi
}

# stream_image: one download onto the drive. Fails when the download was cut; ends the job when the image is not what
# was announced. More than disk_bytes is never written.
stream_image() {
    s=$RUN/stream
    rm -rf "$s" && mkdir "$s" && mkfifo "$s/served"
    sha256sum - <"$s/served" >"$s/sha256" &
    digester=$!
    {
        request --fail --speed-limit 1000 --speed-time 60 --write-out '%{stderr}%{size_download}\n' "$url" 2>"$s/curl.log"
        echo $? >"$s/curl"
    } | tee "$s/served" | {
        unpack 2>"$s/unpack.log"
        echo $? >"$s/unpack"
    } | {
        dd of="/dev/$drive" bs=4M count="$disk_bytes" iflag=fullblock,count_bytes oflag=direct conv=notrunc,fsync 2>"$s/dd.log"
        echo $? >"$s/dd"
    }
    wait "$digester"
    judge_stream
}

# judge_stream: what the programs of one download came to.
judge_stream() {
    [ "$(cat "$s/dd")" -eq 0 ] || fail write_failed "$drive: $(last_line "$s/dd.log")"
    case $(cat "$s/curl") in
        0) ;;
        # The programs behind it had enough: the image is longer than announced, or cannot be unpacked.
        23) fail image_checksum_mismatch "the image does not end where it should: $(last_line "$s/unpack.log")" ;;
        *) return 1 ;;
    esac
    served=$(last_line "$s/curl.log") digest=$(cut -d ' ' -f 1 "$s/sha256") written=$(awk '/ bytes? /{print $1}' "$s/dd.log")
    [ "$served" = "$size" ] || fail image_checksum_mismatch "the image has $served bytes, announced are $size"
    [ "$digest" = "$expected" ] || fail image_checksum_mismatch "the image's SHA-256 is $digest, announced is $expected"
    [ "$(cat "$s/unpack")" -eq 0 ] || fail image_checksum_mismatch "the image cannot be unpacked: $(last_line "$s/unpack.log")"
    [ "$written" = "$disk_bytes" ] || fail image_checksum_mismatch "the image unpacks to $written bytes, announced are $disk_bytes"
}

# verify_image: read the drive back.
verify_image() {
    start_watch verify 60 100 "$SECTORS_READ" "$disk_bytes" "$drive"
    read_back=$(digest_of_drive "$drive" "$disk_bytes")
    stop_watch
    [ "$read_back" = "$disk_sha256" ] ||
        fail image_checksum_mismatch "the drive reads back as $read_back, it should be $disk_sha256"
}
