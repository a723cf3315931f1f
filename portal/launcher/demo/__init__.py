"""The demo's data: a believable provider with two regions, a fleet, a catalogue and two customers."""
