"""The benchmark: how fast the gateway is, beside nginx and its peers, as ratios of one run."""
