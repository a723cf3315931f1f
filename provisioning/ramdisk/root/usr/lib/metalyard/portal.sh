# Speaking with the portal. Certificates are always verified, redirections never followed.

JOB=$RUN/job.json
FETCH_TRIES=60
FETCH_PAUSE_S=2
REPORT_TRIES=5
REPORT_PAUSE_S=${REPORT_PAUSE_S:-5}

# request ARGUMENTS: curl, as it is used for everything.
request() {
    curl --silent --show-error --proto '=http,https' --cacert "$CA_FILE" --connect-timeout 15 "$@"
}

# never_arrived STATUS: whether curl's status says that the portal cannot have seen the request: no address for its
# name (6), no connection (7), no TLS (35). Anything else may have used the job up, which is given once.
never_arrived() {
    case $1 in
        6 | 7 | 35) return 0 ;;
        *) return 1 ;;
    esac
}

# fetch_job: get the job document into $JOB.
fetch_job() {
    tries=1
    while :; do
        request --fail --max-time 60 --output "$JOB" "$BOOT_URL" 2>"$RUN/curl.log"
        status=$?
        [ "$status" -eq 0 ] && break
        if ! never_arrived "$status" || [ "$tries" -ge "$FETCH_TRIES" ]; then
            say "no job: $(first_line "$RUN/curl.log")"
            return 1
        fi
        say "no answer yet: $(first_line "$RUN/curl.log")"
        tries=$((tries + 1))
        sleep "$FETCH_PAUSE_S"
    done
    if ! jq -e '.kind and .report.progress_url and .report.done_url' "$JOB" >/dev/null 2>&1; then
        say "the job makes no sense"
        return 1
    fi
    (umask 077 && printf 'Authorization: Bearer %s\nContent-Type: application/json\n' "$TOKEN" >"$RUN/headers")
}

# job FILTER: a value of the job document; empty where there is none.
job() {
    jq -r "$1 // empty" "$JOB"
}

# post URL SECONDS ARGUMENTS: send standard input.
post() {
    url=$1 limit=$2
    shift 2
    request --fail --max-time "$limit" --header "@$RUN/headers" --data-binary @- --output /dev/null "$@" "$url"
}

# report_done: tell how the job ended; a portal that is busy or away for a while is asked again. Of a report that it
# refuses (curl's 22) it is told at least that there was one: it would wait for another until the job's time is over.
report_done() {
    send_result && return 0
    status=$?
    say "the portal does not take the report"
    [ "$status" -eq 22 ] || return 0
    (fail agent_error "the portal does not take the report of this job") 2>/dev/null
    failure_as_json >"$RESULT"
    send_result || true
}

# send_result: again where the connection broke, which curl itself takes for final; the report may be hours of work.
send_result() {
    tries=1
    while :; do
        post "$(job .report.done_url)" 60 --retry 8 --retry-connrefused <"$RESULT"
        status=$?
        if [ "$status" -eq 0 ] || [ "$status" -eq 22 ] || [ "$tries" -ge "$REPORT_TRIES" ]; then
            return "$status"
        fi
        tries=$((tries + 1))
        sleep "$REPORT_PAUSE_S"
    done
}
