"""A built-in model that needs no key and no network, so that the whole chain can be seen at work.

It is an ordinary OpenAI-compatible upstream on loopback and knows nothing of the gateway before it. `demo.server`
starts it; `demo.model` decides what it says.
"""
