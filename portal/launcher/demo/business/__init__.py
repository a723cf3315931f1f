"""What the demo's people have done before anybody looks: contracts, a cluster that is over, its invoices, an outage."""
