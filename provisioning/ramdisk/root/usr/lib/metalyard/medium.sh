# What the boot medium says: the address of this boot's job, and whose certificates are trusted.

# systemd's stub puts it here: https://www.freedesktop.org/software/systemd/man/252/systemd-stub.html
MEDIUM=${MEDIUM:-/.extra/credentials/boot.cred}

# read_medium: sets BOOT_URL, TOKEN and CA_FILE.
read_medium() {
    BOOT_URL=$(sed -n 's/^BOOT_URL=//p' "$MEDIUM" 2>/dev/null | head -n 1)
    case $BOOT_URL in
        http://*/* | https://*/*) ;;
        *)
            say "this medium was made for no boot: there is no BOOT_URL on it"
            return 1
            ;;
    esac
    TOKEN=${BOOT_URL##*/}
    CA_FILE=/etc/ssl/certs/ca-certificates.crt
    given=$(sed -n 's/^CA_PEM_BASE64=//p' "$MEDIUM" | head -n 1)
    [ -n "$given" ] || return 0
    # The portal's own authority replaces the public ones: nobody else can speak for the portal.
    CA_FILE=$RUN/ca.pem
    printf '%s' "$given" | base64 -d >"$CA_FILE"
    if ! grep -q 'BEGIN CERTIFICATE' "$CA_FILE"; then
        say "CA_PEM_BASE64 on this medium is no certificate"
        return 1
    fi
}
