# The job "rescue": an SSH server for those whose keys the job names; they repair what they want. No drive is touched.

ROOT_HOME=${ROOT_HOME:-/root}
SSH=$RUN/ssh

# do_rescue: writes the result.
do_rescue() {
    hostname "$(job .hostname)"
    admit_keys || fail agent_error "the job names nobody who may log in"
    take_host_key || fail agent_error "the host key of this job cannot be used: $(last_line "$RUN/ssh.log")"
    # Without a type, mount tries only what the kernel has loaded.
    modprobe -qa ext4 2>/dev/null
    keep_lease
    start_ssh || fail agent_error "the SSH server does not start: $(last_line "$RUN/ssh.log")"
    jq -n --arg key "$(public_host_key)" '{ok: true, host_keys: [$key]}' >"$RESULT"
}

# admit_keys: the keys of the job, and no others; fails where there is none.
admit_keys() {
    (umask 077 && mkdir -p "$ROOT_HOME/.ssh" &&
        jq -r '.ssh_authorized_keys // [] | .[]' "$JOB" >"$ROOT_HOME/.ssh/authorized_keys")
    [ -s "$ROOT_HOME/.ssh/authorized_keys" ]
}

# take_host_key: the host key of the job, in dropbear's own form; the job keeps no copy.
take_host_key() {
    (umask 077 && mkdir -p "$SSH" && job .host_key >"$SSH/given" &&
        dropbearconvert openssh dropbear "$SSH/given" "$SSH/host" >"$RUN/ssh.log" 2>&1 &&
        rm "$SSH/given" && jq 'del(.host_key)' "$JOB" >"$JOB.new" && mv "$JOB.new" "$JOB")
}

public_host_key() {
    dropbearkey -y -f "$SSH/host" | awk '/^ssh-/ {print $1 " " $2; exit}'
}

# keep_lease: a repair may take longer than the lease of the address, so that somebody has to renew it.
keep_lease() {
    card=$(ip -o -f inet addr show | awk '$2 != "lo" {print $2; exit}')
    udhcpc -i "$card" -b -s /usr/share/udhcpc/default.script >/dev/null 2>&1
}

# start_ssh: no passwords (-s), no forwarding (-j, -k); what it says is on the console.
start_ssh() {
    mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
    dropbear -r "$SSH/host" -P "$SSH/pid" -p 22 -s -j -k -E
}

# is_rescue: whether this boot is one that its user ends.
is_rescue() {
    [ "$(job .kind)" = rescue ] && jq -e .ok "$RESULT" >/dev/null
}

# stay_up: until the power is taken away.
stay_up() {
    say "this is the rescue system; it stays until the power is taken away"
    while :; do sleep 3600; done
}
