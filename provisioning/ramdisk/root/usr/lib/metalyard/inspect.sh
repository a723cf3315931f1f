# The job "inspect": what this machine is made of.

DMI=${DMI:-/sys/class/dmi/id}
DMI_TABLE=${DMI_TABLE:-/sys/firmware/dmi/entries}
PCI=${PCI:-/sys/bus/pci/devices}
NET=${NET:-/sys/class/net}

# do_inspect: writes the result.
do_inspect() {
    jq -n --argjson system "$(system_as_json)" --argjson cpus "$(nproc)" --argjson memory "$(memory_bytes)" \
        --argjson listed "$(memory_is_listed)" \
        --argjson drives "$(for name in $(by_size); do drive_as_json "$name"; done | jq -s .)" \
        --argjson nics "$(network_cards_as_json)" --argjson gpus "$(gpus_as_json)" \
        --argjson firmware "$(firmware_as_json)" \
        '{ok: true, inventory: {system: $system, cpu_count: $cpus, memory_bytes: $memory,
          memory_is_listed: $listed, drives: $drives, nics: $nics, gpus: $gpus, firmware: $firmware}}' \
        >"$RESULT"
}

# told FILE: what the firmware says, trimmed; empty where it says nothing.
told() {
    sed 's/^ *//; s/ *$//' "$DMI/$1" 2>/dev/null
}

system_as_json() {
    jq -n --arg serial "$(told product_serial)" --arg product "$(told product_name)" --arg uuid "$(told product_uuid)" \
        '{serial: $serial, product: $product, uuid: $uuid}'
}

firmware_as_json() {
    jq -n --arg vendor "$(told bios_vendor)" --arg version "$(told bios_version)" --arg date "$(told bios_date)" \
        '{bios_vendor: $vendor, bios_version: $version, bios_date: $date}'
}

# word FILE OFFSET BYTES: a little-endian number.
word() {
    od -An -tu"$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

# memory_bytes: the modules' sizes added up, as the firmware lists them (SMBIOS 3.6, 7.18, type 17: size at 0Ch in MiB,
# with bit 15 in KiB, 7FFFh means the extended size at 1Ch, FFFFh unknown). Without a list, what the kernel can use.
memory_bytes() {
    kib=0
    for entry in "$DMI_TABLE"/17-*/raw; do
        [ -r "$entry" ] || continue
        size=$(word "$entry" 12 2)
        case $size in
            65535) continue ;;
            32767) kib=$((kib + $(word "$entry" 28 4) * 1024)) ;;
            *) kib=$((kib + (size & 32768 ? size & 32767 : size * 1024))) ;;
        esac
    done
    [ $kib -gt 0 ] || kib=$(awk '/^MemTotal:/{print $2}' /proc/meminfo)
    echo $((kib * 1024))
}

# memory_is_listed: whether that is the sum of modules whose sizes are all known, so that none can be missing unseen.
memory_is_listed() {
    found=false
    for entry in "$DMI_TABLE"/17-*/raw; do
        [ -r "$entry" ] || continue
        case $(word "$entry" 12 2) in
            0) ;;
            65535) found=false && break ;;
            *) found=true ;;
        esac
    done
    echo $found
}

# network_cards_as_json: speed is 0 without a link, and where a card does not know it, as those of virtual machines.
network_cards_as_json() {
    for path in "$NET"/*; do
        [ -e "$path/device" ] || continue
        speed=$(cat "$path/speed" 2>/dev/null)
        [ "${speed:--1}" -gt 0 ] || speed=0
        jq -n --arg mac "$(cat "$path/address")" --arg name "${path##*/}" \
            --arg driver "$(basename "$(readlink "$path/device/driver")")" --argjson speed "$speed" \
            '{mac: $mac, name: $name, driver: $driver, speed_mbps: $speed}'
    done | jq -s .
}

# is_gpu CLASS VENDOR: 3D controllers and accelerators; display controllers but for those of management chips and
# virtual machines (ASPEED, Matrox, QEMU, Cirrus, virtio, QXL). Codes: https://pci-ids.ucw.cz
is_gpu() {
    case $1 in
        0x0302* | 0x1200*) return 0 ;;
        0x0300*) ;;
        *) return 1 ;;
    esac
    case $2 in
        0x1a03 | 0x102b | 0x1234 | 0x1013 | 0x1af4 | 0x1b36) return 1 ;;
    esac
}

# gpus_as_json: vendor and device are PCI's numbers in hex.
gpus_as_json() {
    for path in "$PCI"/*; do
        vendor=$(cat "$path/vendor" 2>/dev/null)
        if is_gpu "$(cat "$path/class" 2>/dev/null)" "$vendor"; then
            jq -n --arg pci "${path##*/}" --arg vendor "${vendor#0x}" --arg device "$(sed 's/^0x//' "$path/device")" \
                '{pci: $pci, vendor: $vendor, device: $device}'
        fi
    done | jq -s .
}
