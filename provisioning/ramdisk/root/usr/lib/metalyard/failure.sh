# Telling what happens, and ending a job that cannot be done.

RUN=${RUN:-/run}
RESULT=$RUN/result.json
DETAIL_BYTES=500

# say WORDS: one line on the console.
say() {
    echo "metalyard: $*"
}

# fail CODE DETAIL: end the job. Codes: portal/operations/failures.py. The first failure is the one that is reported.
fail() {
    if [ ! -e "$RUN/failure.code" ]; then
        printf '%s' "$2" | head -c "$DETAIL_BYTES" >"$RUN/failure.detail"
        printf '%s' "$1" >"$RUN/failure.code"
    fi
    say "failed: $1: $2" >&2
    exit 1
}

# failure_as_json: the report of a failed job.
failure_as_json() {
    code=$(cat "$RUN/failure.code" 2>/dev/null)
    detail=$(cat "$RUN/failure.detail" 2>/dev/null)
    jq -n --arg error "${code:-agent_error}" --arg detail "${detail:-the job ended without a reason}" \
        '{ok: false, error: $error, detail: $detail}'
}

# first_line FILE: what curl says is in its first line, advice follows.
first_line() {
    head -n 1 "$1" 2>/dev/null
}

# last_line FILE: the last words of a program that failed.
last_line() {
    tail -n 1 "$1" 2>/dev/null
}
