"""What is configured: read once at start from flags, the environment, `dragoman.toml` and `.env`.

`dragoman.settings.load.load` gives it; `dragoman.settings.record` says what it looks like.
"""
