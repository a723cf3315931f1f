"""Building what machines boot from Debian packages: what the deploy ramdisk and the OS image share."""
