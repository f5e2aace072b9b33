"""The package in a copy of this computer's root that is booted: `make test-boot --here` as a test of the suite."""

import subprocess
import sys

import pytest

from tests.boot.campaign import EXIT_LACKS
from tests.boot.machine import ROOT

LIMIT_S = 600.0
"""Half a minute of it is reckoned, a minute waited; many times that beside other tests."""

END_LIMIT_S = 60.0


@pytest.mark.long
@pytest.mark.timeout(LIMIT_S + 2 * END_LIMIT_S)
def test_the_package_holds_in_a_copy_of_this_root_that_is_booted() -> None:
    command = [sys.executable, "-m", "tests.boot.campaign", "--here"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            said, _ = running.communicate(timeout=LIMIT_S)
        finally:
            running.terminate()
            running.wait(END_LIMIT_S)
    if running.returncode == EXIT_LACKS:
        pytest.skip(f"THE PACKAGE WAS NOT BOOTED: {said.strip()}")
    assert running.returncode == 0, said
