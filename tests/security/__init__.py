"""What other gateways suffered, shown to be harmless here."""
