"""The deploy ramdisk: what a server boots to be inspected, imaged or erased. Built, not imported."""
