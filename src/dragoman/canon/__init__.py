"""The neutral language that every dialect is read into and written from.

Rules: only msgspec and the standard library are imported here; every value is frozen; nothing here knows a
dialect, a provider, a clock or a socket.
"""
