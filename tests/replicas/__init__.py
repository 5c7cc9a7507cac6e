"""Two gateway processes that share a PostgreSQL and a Redis."""
