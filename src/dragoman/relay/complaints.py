"""What is said of an upstream whose answer cannot be used: one problem for each way to fail us."""

from __future__ import annotations

from dragoman.canon.problem import Kind, Problem, Trouble, problem


def redirected(upstream: str) -> Trouble:
    """It sent us elsewhere, where its key must not go."""
    return Trouble(
        problem(
            Kind.REDIRECTED,
            f"The provider '{upstream}' was called but answered with a redirect, which is never followed "
            "with credentials. Set base_url to the final address.",
        )
    )


def cut_short(upstream: str) -> Problem:
    """It ended without an ending."""
    return problem(
        Kind.CUT_SHORT,
        f"The provider '{upstream}' was answering but ended its stream without an ending. Try again.",
    )


def too_much(upstream: str, when: str, limit: int) -> Problem:
    """It sent more than is held at once."""
    return problem(
        Kind.GARBLED,
        f"The provider '{upstream}' was answering but sent more than {limit // 2**20} MiB {when}. "
        "Try again, or ask for less at once.",
    )


def unknown_ending(upstream: str) -> Problem:
    """It ended, and nobody knows why."""
    return problem(
        Kind.UPSTREAM_ERROR,
        f"The provider '{upstream}' ended its answer for a reason this gateway does not know. "
        "What was shown is what came; try again.",
    )
