"""The most memory that a process has had, as Linux tells it."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["forget_peaks", "read_peaks"]

_KIB_PER_MIB = 1024


def forget_peaks(processes: Mapping[str, int]) -> None:
    """Let the peaks of these processes begin anew."""
    for process in processes.values():
        try:
            Path(f"/proc/{process}/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            continue  # no Linux, or not our process: the peak is that since its start, or unknown


def read_peaks(processes: Mapping[str, int]) -> Mapping[str, float]:
    """Read the peaks in MiB, by name; what cannot be read is left out."""
    peaks: dict[str, float] = {}
    for name, process in processes.items():
        try:
            status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
        except OSError:
            continue
        lines = dict(line.split(":", 1) for line in status.splitlines())
        peaks[name] = int(lines["VmHWM"].split()[0]) / _KIB_PER_MIB
    return peaks
