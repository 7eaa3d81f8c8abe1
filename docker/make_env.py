"""Write .env from .env.example with a secret of its own for each <generated>.

`make env PROFILES="scale ray"`. A file that is there is never changed. Needs Python alone.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

HOME = Path(__file__).parents[1]
PROFILES = ("gpu", "ray", "scale")
MINE = 0o600


def filled(example: str, profiles: Sequence[str]) -> str:
    """The text of .env: lines of chosen profiles switched on, secrets drawn."""
    lines: list[str] = []
    drawn: dict[str, str] = {}
    for line in example.splitlines():
        marked = re.match(r"#(\w+): (.*)", line)
        if marked and marked[1] in PROFILES:
            if marked[1] not in profiles:
                continue
            line = marked[2]  # noqa: PLW2901 - the line as it would stand without its mark
        name, _, value = line.partition("=")
        if "<generated>" in value and not line.startswith("#"):
            drawn[name] = secrets.token_urlsafe(32)
            value = value.replace("<generated>", drawn[name])
            line = f"{name}={value}"  # noqa: PLW2901 - same
        for other, secret in drawn.items():
            line = line.replace(f"<{other}>", secret)  # noqa: PLW2901 - same
        lines = [one for one in lines if "=" not in line or not one.startswith(f"{name}=")]
        lines.append(f"{name}={','.join(profiles)}" if name == "COMPOSE_PROFILES" else line)
    return "\n".join(lines) + "\n"


def missing(example: str, profiles: Sequence[str], there: str) -> list[str]:
    """Names that a file of an older version lacks."""
    names = [
        set(re.findall(r"^(\w+)=", text, re.MULTILINE))
        for text in (filled(example, profiles), there)
    ]
    return sorted(names[0] - names[1])


def write(example: Path, file: Path, profiles: Sequence[str]) -> str:
    """Make the file, for its owner alone; what became of it.

    Raises:
        FileExistsError: the file is there, and lacks what this version needs.
    """
    text = example.read_text(encoding="utf-8")
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MINE)
    except FileExistsError:
        lacking = missing(text, profiles, file.read_text(encoding="utf-8"))
        if lacking:
            raise FileExistsError(
                f"{file.name} must have {', '.join(lacking)}, was: an older one; it is never "
                f"changed: add them as in {example.name}, or move the file away and try again"
            ) from None
        return f"{file.name} is there and complete: not changed"
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        os.fchmod(handle, MINE)  # whatever the umask
        out.write(filled(text, profiles))
    return f"wrote {file.name} with secrets of its own, for you alone; next: docker compose up -d"


def main(profiles: Sequence[str]) -> int:
    unknown = set(profiles) - set(PROFILES)
    if unknown:
        sys.stderr.write(
            f"error: Profiles must be of {', '.join(PROFILES)}, was: {', '.join(unknown)}\n"
        )
        return 2
    try:
        sys.stdout.write(write(HOME / ".env.example", HOME / ".env", profiles) + "\n")
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
