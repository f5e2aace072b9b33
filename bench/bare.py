"""The daemon as its package has it: structlog loads rich and greenlet wherever a development machine has them."""

from __future__ import annotations

import sys

NOT_IN_THE_PACKAGE = ("rich", "greenlet")


def main() -> int:
    """Run ``infusion-edge``."""
    for absent in NOT_IN_THE_PACKAGE:
        sys.modules[absent] = None  # type: ignore[assignment] # how Python marks what is not to be found
    from edge.cli import main as edge  # noqa: PLC0415 - only now

    return edge()


if __name__ == "__main__":
    sys.exit(main())
