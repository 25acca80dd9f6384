"""What learns: networks, their heads and groups, and the normalisation policy."""
