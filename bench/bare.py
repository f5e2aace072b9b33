"""The daemon as its package has it: without rich, which structlog loads wherever a development machine has it."""

from __future__ import annotations

import sys


def main() -> int:
    """Run ``infusion-edge``."""
    sys.modules["rich"] = None  # type: ignore[assignment] # how Python marks what is not to be found
    from edge.cli import main as edge  # noqa: PLC0415 - only now

    return edge()


if __name__ == "__main__":
    sys.exit(main())
