# Drivers and the way to the portal: DHCP on the first network card that has a link and gets an address.

LINK_WAIT_S=${LINK_WAIT_S:-60}

# load_drivers: load what the hardware asks for. Twice, because a bus shows its devices only with its own driver.
load_drivers() {
    for _ in 1 2; do
        find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | xargs modprobe -qa 2>/dev/null
    done
    modprobe -qa sd_mod vfat nls_cp437 nls_ascii nls_iso8859-1 dmi-sysfs 2>/dev/null
    ip link set lo up
}

# network_cards: the names of the physical ones.
network_cards() {
    for path in /sys/class/net/*/device; do
        [ -e "$path" ] && basename "$(dirname "$path")"
    done
}

# has_link CARD: whether the other end is there.
has_link() {
    [ "$(cat "/sys/class/net/$1/carrier" 2>/dev/null)" = 1 ]
}

# start_network: set up the first card that works; give up after a minute, and the portal notices the silence.
start_network() {
    for card in $(network_cards); do
        ip link set "$card" up
    done
    waited=0
    while [ "$waited" -lt "$LINK_WAIT_S" ]; do
        for card in $(network_cards); do
            if has_link "$card" && udhcpc -i "$card" -n -q -f -t 4 -T 2 -s /usr/share/udhcpc/default.script; then
                return 0
            fi
        done
        sleep 1
        waited=$((waited + 1))
    done
    say "no network card has a link and an address"
    return 1
}
