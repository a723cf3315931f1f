# NVMe Sanitize: started by a command, done in the background, ended when the drive's log says so.

SANITIZE_POLL_S=${SANITIZE_POLL_S:-2}

# sanitize_state LOG: done, running or failed, from the Sanitize Status log page (81h): bytes 2 and 3 are SSTAT, of
# which bits 0 to 2 count: 1 done, 2 running, 4 done without deallocation; 0 never run, 3 failed. NVM Express Base
# Specification 2.0c, Figure 240.
sanitize_state() {
    case $(($(od -An -tu1 -j 2 -N 1 "$1" | tr -d ' ') & 7)) in
        1 | 4) echo done ;;
        2) echo running ;;
        *) echo failed ;;
    esac
}

# sanitize CONTROLLER ACTION: run it to its end. Actions: 2 block erase, 4 crypto erase.
sanitize() {
    nvme sanitize "/dev/$1" --sanact="$2" || return 1
    log=$RUN/sanitize.$1
    while nvme get-log "/dev/$1" --log-id=0x81 --log-len=20 --raw-binary >"$log"; do
        state=$(sanitize_state "$log")
        [ "$state" = running ] || break
        sleep "$SANITIZE_POLL_S"
    done
    [ "$state" = "done" ]
}
