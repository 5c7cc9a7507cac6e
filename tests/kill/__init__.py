"""The gateway is killed while it works; what it knows afterwards is compared with what the vendor has billed."""
