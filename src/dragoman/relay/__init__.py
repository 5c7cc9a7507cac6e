"""The room where wire, route and network meet: a request becomes attempts, and one attempt becomes the answer."""
