# The whole of one boot: find the network, fetch the job once, do it, tell the portal how it ended.

LIB=${LIB:-/usr/lib/metalyard}
. "$LIB/failure.sh"
. "$LIB/programs.sh"
. "$LIB/network.sh"
. "$LIB/medium.sh"
. "$LIB/portal.sh"
. "$LIB/progress.sh"
. "$LIB/drives.sh"
. "$LIB/partitions.sh"
. "$LIB/methods.sh"
. "$LIB/sanitize.sh"
. "$LIB/readback.sh"
. "$LIB/seed.sh"
. "$LIB/image.sh"
. "$LIB/erase.sh"
. "$LIB/inspect.sh"
. "$LIB/rescue.sh"

# do_job: what the job asks for. Writes the result to $RESULT, or fails.
do_job() {
    kind=$(job .kind)
    say "job $kind fetched"
    case $kind in
        image) do_image ;;
        erase) do_erase ;;
        inspect) do_inspect ;;
        rescue) do_rescue ;;
        *) fail agent_error "the ramdisk knows no job of the kind '$kind'" ;;
    esac
}

load_drivers
read_medium || exit 1
start_network || exit 1
fetch_job || exit 1
# In a process of its own, which a failure ends.
if (do_job) && [ -s "$RESULT" ]; then
    say "done"
else
    failure_as_json >"$RESULT"
fi
report_done
is_rescue && stay_up
