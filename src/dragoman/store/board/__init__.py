"""The board: what replicas share for seconds, in this process or in Redis."""
