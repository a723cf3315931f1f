"""The OS image that customers' servers are installed with. Built, not imported."""
