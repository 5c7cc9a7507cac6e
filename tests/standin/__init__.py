"""A stand-in for a model vendor: speaks several dialects, misbehaves on request, remembers."""

from tests.standin.ask import Ask, Dialect, read_ask
from tests.standin.faults import FAULTS, Fault, Row
from tests.standin.faults_late import EVERY_KIND
from tests.standin.reply import Call, Refusal, Reply, Signer, Text, Thinking, Usage, said
from tests.standin.responders import agent_run, agent_step, echo
from tests.standin.rules import Rules
from tests.standin.server import Seen, StandIn, refusing
from tests.standin.shape import Shape

__all__ = [
    "EVERY_KIND",
    "FAULTS",
    "Ask",
    "Call",
    "Dialect",
    "Fault",
    "Refusal",
    "Reply",
    "Row",
    "Rules",
    "Seen",
    "Shape",
    "Signer",
    "StandIn",
    "Text",
    "Thinking",
    "Usage",
    "agent_run",
    "agent_step",
    "echo",
    "read_ask",
    "refusing",
    "said",
]
