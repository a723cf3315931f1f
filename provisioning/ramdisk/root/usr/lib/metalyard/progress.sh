# Telling the portal how far the job is, seen from how much the kernel has read from and written to the drives.

REPORT_EVERY_S=3
SECTOR=512
# Fields of /sys/block/*/stat: https://docs.kernel.org/block/stat.html
SECTORS_READ=3
SECTORS_WRITTEN=7

# percent_of DONE TOTAL LOW HIGH: where DONE of TOTAL is between LOW and HIGH percent.
percent_of() {
    part=$(($3 + ($4 - $3) * $1 / ($2 > 0 ? $2 : 1)))
    echo $((part > $4 ? $4 : part))
}

# sectors FIELD DRIVES: the sum of a field over the drives.
sectors() {
    field=$1
    shift
    for name in "$@"; do
        cat "/sys/block/$name/stat"
    done | awk -v field="$field" '{sum += $field} END {printf "%.0f", sum}'
}

# progress STAGE PERCENT: one report; whether it arrives does not matter.
progress() {
    jq -n --arg stage "$1" --argjson percent "$2" '{stage: $stage, percent: $percent}' |
        post "$(job .report.progress_url)" 10 2>/dev/null || true
}

# watch STAGE LOW HIGH FIELD TOTAL_BYTES DRIVES: report until told to stop.
watch() {
    stage=$1 low=$2 high=$3 watched=$4 total=$5
    shift 5
    before=$(sectors "$watched" "$@")
    while sleep "$REPORT_EVERY_S"; do
        moved=$((($(sectors "$watched" "$@") - before) * SECTOR))
        progress "$stage" "$(percent_of "$moved" "$total" "$low" "$high")"
    done
}

# start_watch ARGUMENTS OF watch / stop_watch: the same beside the work.
start_watch() {
    watch "$@" &
    WATCHER=$!
    trap stop_watch EXIT
}

stop_watch() {
    [ -z "$WATCHER" ] || kill "$WATCHER" 2>/dev/null
    WATCHER=
}
