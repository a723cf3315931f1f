"""Why an image was not imported, in plain words with the way out: one table. Workers report the codes."""

IMPORT_FAILURES: dict[str, str] = {
    "unresolved": "The host of the address has no IP address: check the address.",
    "address_forbidden": "The address leads to a network that images are not fetched from: use a public host.",
    "redirect_forbidden": "The address redirects too often, or to one that is not https: give the last one.",
    "unreachable": "The host did not answer, or hung up before the end: check the address and import again.",
    "tls_failed": "The host's certificate is not valid for its name: images are fetched over verified https only.",
    "http_status": "The host did not answer 200: the address must give the file itself, without a login.",
    "too_large": "The file is larger than images may be.",
    "disk_too_large": "Uncompressed, the image is larger than images may be.",
    "digest_mismatch": "The file's SHA-256 is not the one that was given: check both.",
    "format_unknown": (
        "The file is no whole-disk image with a GPT: give it raw (qemu-img convert -O raw), also compressed by zstd."
    ),
    "damaged": "The compressed file ends too early or is damaged.",
    "timed_out": "The download took too long: use a faster host.",
    "no_room": "There is no room for it at present: tell support.",
    "interrupted": "The import was interrupted on our side: import again.",
}


def explain_import(code: str) -> str:
    """Return the sentence of a code; that of an interruption for one that the table lacks."""
    return IMPORT_FAILURES.get(code, IMPORT_FAILURES["interrupted"])
