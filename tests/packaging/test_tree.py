"""What must never stand in the tree: paths of one machine, hosts of package registries, addresses of downloads."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "a path of one machine": r"(?<![A-Za-z0-9_./-])/(work|root|farm|home/[a-z]+)/",
    "the host of a package registry": r"(py[p]i|python[h]osted|npm[j]s|deb\.[d]ebian)\.(org|com)|crates\.[i]o",
    "the address of a download": r"https?://[^ \"']+\.(whl|tar\.gz|tgz|deb)",
}


def files() -> list[Path]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_of_one_machine_or_one_registry_is_in_the_tree() -> None:
    found = []
    for path in files():
        content = path.read_bytes().decode("utf-8", errors="replace")
        for what, pattern in FORBIDDEN.items():
            found += [f"{path.relative_to(ROOT)}: {what}: {match[0]}" for match in re.finditer(pattern, content)]
    assert found == []
    assert len(files()) > 50
