"""``python -m curvox._native.compile_cuda [sm_75 ...]``: compile every kernel, with no GPU.

Prints the registers and the memory that each kernel takes on each architecture, and fails on any
error or warning of the compiler.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from curvox._native.cuda import CudaError, build_cubin, nvrtc_version, programs

__all__ = ["ARCHITECTURES", "Usage", "main", "parse_usage"]

ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")


class Usage(NamedTuple):
    """What one kernel takes: registers a thread, bytes of stack and of spills a thread, shared
    memory a block.
    """

    kernel: str
    registers: int
    stack: int
    spills: int
    shared: int


def parse_usage(log: str) -> list[Usage]:
    """The figures in the compiler's verbose log, in the order of kernels' names."""
    usages = []
    for section in log.split("Compiling entry function '")[1:]:
        usages.append(
            Usage(
                section.partition("'")[0],
                _number(r"Used (\d+) registers", section),
                _number(r"(\d+) bytes stack frame", section),
                _number(r"(\d+) bytes spill stores", section),
                _number(r"(\d+) bytes smem", section),
            )
        )
    return sorted(usages)


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


def _complaints(log: str) -> list[str]:
    """Lines of the log that are neither figures nor empty."""
    figures = re.compile(r"ptxas (info +:| +\.)")
    return [line for line in log.splitlines() if line.strip() and not figures.match(line)]


def main(architectures: list[str]) -> int:
    """Compile for each of `architectures` (none: all that are tested); 0 if nothing complained."""
    failed = False
    try:
        print("NVRTC {}.{}".format(*nvrtc_version()))
        for architecture in architectures or ARCHITECTURES:
            for program in programs():
                code, log = build_cubin(program, architecture, verbose=True)
                print(f"\n{program}, {architecture}: {len(code)} bytes")
                print(f"{'kernel':36}{'registers':>10}{'stack':>8}{'spills':>8}{'shared':>8}")
                for usage in parse_usage(log):
                    print(f"{usage.kernel:36}" + "{:10}{:8}{:8}{:8}".format(*usage[1:]))
                for line in _complaints(log):
                    print(line, file=sys.stderr)
                    failed = True
    except CudaError as error:
        print(error, file=sys.stderr)
        failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
