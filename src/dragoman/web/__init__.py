"""Where clients come in: plain ASGI on the hot path, one strict edge before it."""
