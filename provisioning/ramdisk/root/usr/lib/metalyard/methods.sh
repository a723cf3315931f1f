# How a drive can be erased: read from what it says of itself. No side effects.
#
# NVM Express Base Specification 2.0c, Figure 275 (Identify Controller): OACS bit 1 Format NVM; FNA bit 2 cryptographic
# erase by Format; SANICAP bit 0 crypto erase, bit 1 block erase by Sanitize.

# capability FILE FIELD: a number out of `nvme id-ctrl -o json`; 0 where it is not told.
capability() {
    jq -r --arg field "$2" '.[$field] // 0 | tonumber' "$1" 2>/dev/null || echo 0
}

# supported_methods ID_CTRL DISCARD_MAX: the methods that the drive has. ID_CTRL is a file, empty for other than NVMe;
# DISCARD_MAX is the kernel's discard_max_bytes.
supported_methods() {
    if [ -s "$1" ]; then
        sanicap=$(capability "$1" sanicap) oacs=$(capability "$1" oacs) fna=$(capability "$1" fna)
        [ $((sanicap & 1)) -eq 0 ] || echo nvme_sanitize_crypto
        [ $((sanicap & 2)) -eq 0 ] || echo nvme_sanitize_block
        if [ $((oacs & 2)) -ne 0 ]; then
            [ $((fna & 4)) -eq 0 ] || echo nvme_format_crypto
            echo nvme_format
        fi
    fi
    [ "${2:-0}" -eq 0 ] || echo blkdiscard
    echo overwrite
}

# choose_method ALLOWED SUPPORTED: the first allowed one that is supported, both lists of words; fails without one.
choose_method() {
    for allowed in $1; do
        for supported in $2; do
            if [ "$allowed" = "$supported" ]; then
                echo "$allowed"
                return 0
            fi
        done
    done
    return 1
}
