"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

Switch = Annotated[bool, Parameter(negative="", show_default=False)]
"""Said or not said; there is nothing to negate."""
ConfigFile = Annotated[str | None, Parameter(name=("--config", "-c"))]
"""The configuration file, where it is not in its usual places."""
