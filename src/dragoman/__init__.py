"""Dragoman: the gateway between coding agents and models."""

__version__ = "0.1.0"
