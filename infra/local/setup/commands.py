"""Run an installer and turn its failure into one sentence."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOGS = ROOT / ".local" / "logs"

#: Messages of pip, uv and npm for a registry that cannot be reached.
_NO_NETWORK = re.compile(
    r"name resolution|name or service not known|nodename nor servname|dns error|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|"
    r"ECONNRESET|ETIMEDOUT|connection refused|connection reset|timed out|network is unreachable|"
    r"failed to establish a new connection|tcp connect error",
    re.IGNORECASE,
)
_ERROR = re.compile(r"(npm )?error\b(?! (code|errno|syscall|path)\b)|\S*Error: ", re.IGNORECASE)
_NOISE = re.compile(r"^(npm (error|warn)|error:|ERROR:|WARNING:|Caused by:|[\W_])+", re.IGNORECASE)
_LONGEST_CAUSE = 240


class SetupError(Exception):
    """The set-up cannot continue. The message is the sentence to print."""


def run(what: str, command: Sequence[str], *, log: str, cwd: Path = ROOT) -> None:
    """Run `command` and write its output to the log file.

    Raises:
        SetupError: It failed. The message contains `what` was being done, the reason, and the log file.
    """
    path = LOGS / log
    with path.open("w", encoding="utf-8") as output:
        try:
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=str(cwd), check=False
            ).returncode
        except OSError as error:
            raise SetupError(f"{what} failed: {command[0]} could not be started ({error.strerror}).") from error
    if code != 0:
        text = path.read_text(encoding="utf-8", errors="replace")
        raise SetupError(f"{what} failed: {cause(text)} (complete output: {path.relative_to(ROOT)}).")


def cause(output: str) -> str:
    """Return the reason in one line: a network problem, or the first line that looks like an error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if any(_NO_NETWORK.search(line) for line in lines):
        return "the package registry did not answer; check the network and proxy settings, then run it again"
    errors = [line for line in lines if _ERROR.match(line)]
    first = (errors or lines or ["it printed no reason"])[0]
    return _NOISE.sub("", first)[:_LONGEST_CAUSE].rstrip(". ") or "it printed no reason"
