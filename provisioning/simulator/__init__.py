"""The emulated fleet: BMCs that speak Redfish, and behind each a server that behaves as a machine does.

It knows nothing of the portal but the addresses that it is booted with. Nothing that a tenant sends is ever executed.
"""
