"""The CUDA kernels: compiled by NVRTC for the GPU at hand, kept on disk, launched with torch.

The sources are the C++ headers that the CPU module was compiled from; they are installed beside it.
Each file ``cuda_NAME.inc`` is a program of its own, compiled when the first of its kernels is asked
for, so that nobody waits for what he does not use.
NVRTC comes with NVIDIA's ``cuda.core`` (``pip install curvox[cuda]``), which is imported when the
first kernel is asked for: importing this module neither needs it nor touches a GPU.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import io
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from curvox._native import _cpu_level
from curvox.files import make_folder, writing

__all__ = [
    "CudaError",
    "build_cubin",
    "cache_folder",
    "compile_cubin",
    "describe_gpu",
    "describe_nvrtc",
    "launch",
    "nvrtc_version",
    "program_source",
    "programs",
    "source_folder",
]

_LEGACY_STREAM = 1  # CUDA's name for the default stream, which torch calls 0


class CudaError(RuntimeError):
    """The CUDA kernels cannot be compiled or loaded; the message says what to do."""


def source_folder() -> Path:
    """Where the kernels' headers are: beside the compiled modules, also in an editable install."""
    return Path(str(_cpu_level.__file__)).parent / "kernels"


def programs() -> list[str]:
    """Names of all programs."""
    return sorted(path.stem for path in source_folder().glob("cuda_*.inc"))


def program_source(program: str) -> str:
    """What NVRTC compiles. Kernels have plain names; they take integers as int64_t and real numbers
    as double, the types in which Python's are passed.
    """
    return f'#include "portable.h"\nusing namespace curvox;\n#include "{program}.inc"\n'


@functools.cache
def _program_of(kernel: str) -> str:
    for program in programs():
        if f"{kernel}(" in (source_folder() / f"{program}.inc").read_text("utf-8"):
            return program
    raise CudaError(f"there is no kernel {kernel}")


def cache_folder() -> Path:
    """Where compiled kernels are kept: ``$XDG_CACHE_HOME/curvox`` or ``~/.cache/curvox``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "curvox"


def nvrtc_version() -> tuple[int, int]:
    """Version of the CUDA runtime compiler.

    Raises:
        CudaError: cuda.core or NVRTC is not installed.
    """
    try:
        importlib.import_module("cuda.core")
        from cuda.bindings import nvrtc

        _, major, minor = nvrtc.nvrtcVersion()
    # cuda.core raises a RuntimeError of its own where it finds no library to load.
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CudaError(
            "on a GPU curvox needs NVIDIA's cuda.core and NVRTC: "
            f"pip install 'curvox[cuda]' ({reason})"
        ) from error
    return major, minor


def build_cubin(program: str, architecture: str, verbose: bool = False) -> tuple[bytes, str]:
    """Compile the kernels of a program, and return the machine code and the compiler's log.

    Args:
        program: its name.
        architecture: ``"sm_90"``, for example. No GPU is needed.
        verbose: have the registers and the memory that each kernel takes written to the log.

    Raises:
        CudaError: NVRTC is missing, does not know the architecture, or finds an error.
    """
    version = nvrtc_version()
    options = _core().ProgramOptions(
        name=program,
        std="c++17",
        arch=architecture,
        include_path=str(source_folder()),
        ptxas_options="-v" if verbose else None,
    )
    log = io.StringIO()
    source = _core().Program(program_source(program), "c++", options)
    try:
        code = source.compile("cubin", logs=log).code
    except Exception as error:  # cuda.core's own have no public name
        raise CudaError(
            f"NVRTC {version[0]}.{version[1]} cannot compile for {architecture}: {error}"
        ) from error
    return bytes(code), log.getvalue().replace("\0", "")


@functools.cache
def _sources_digest() -> str:
    """Of all files that programs are made of: read once for all of them."""
    digest = hashlib.sha256()
    for path in sorted(source_folder().iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def compile_cubin(program: str, architecture: str) -> bytes:
    """A program's machine code for `architecture`, from the disk where it was compiled before.

    A file is named for everything that its content follows from: architecture, sources, NVRTC.
    """
    follows_from = (program, architecture, nvrtc_version(), _sources_digest())
    digest = hashlib.sha256(repr(follows_from).encode()).hexdigest()
    cached = cache_folder() / f"{program}-{architecture}-{digest[:32]}.cubin"
    if cached.is_file():
        return cached.read_bytes()
    code, _ = build_cubin(program, architecture)
    # Where nothing can be written every process compiles for itself, which takes seconds.
    with contextlib.suppress(OSError):
        make_folder(cached.parent)
        with writing(cached) as temporary:
            temporary.write_bytes(code)
    return code


@functools.cache
def _library(program: str, architecture: str) -> Any:
    """The kernels of a program, ready for every GPU of one architecture."""
    return _core().ObjectCode.from_cubin(compile_cubin(program, architecture), name=program)


@functools.cache
def _kernel(device_index: int, name: str, shared: int) -> Any:
    major, minor = torch.cuda.get_device_capability(device_index)
    library = _library(_program_of(name), f"sm_{major}{minor}")
    _use_context(device_index)
    try:
        kernel = library.get_kernel(name)  # the first one loads the library
    except Exception as error:  # cuda.core's own have no public name
        version = nvrtc_version()
        raise CudaError(
            f"the driver of cuda:{device_index} cannot load what NVRTC {version[0]}.{version[1]} "
            f"compiled ({error}). It must support CUDA {version[0]}: update the driver, or for one "
            "of CUDA 12 pip install 'cuda-core[cu12]'"
        ) from error
    if shared > 0:
        _allow_shared(kernel, device_index, shared)
    return kernel


def _allow_shared(kernel: Any, device_index: int, size: int) -> None:
    """Let a kernel have more shared memory than the 48 KB that need not be asked for."""
    from cuda.bindings import driver

    attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    device = driver.CUdevice(_core().Device(device_index).device_id)
    (error,) = driver.cuKernelSetAttribute(attribute, size, kernel.handle, device)
    if error != driver.CUresult.CUDA_SUCCESS:
        raise CudaError(f"cuda:{device_index} has no {size} bytes of shared memory: {error.name}")


def launch(
    device: torch.device,
    name: str,
    blocks: int,
    threads: int,
    *arguments: Any,
    shared: int = 0,
) -> None:
    """Run a kernel on torch's current stream of `device`, without waiting for it.

    Args:
        device: a CUDA device with an index, as every tensor's device is.
        name: the kernel's.
        blocks, threads: blocks in the grid (none: nothing is run) and threads in a block.
        arguments: for pointers, tensors on `device`, or None for null; int for int64_t, float for
            double, bool for bool.
        shared: bytes of shared memory that the kernel has for each block besides what it declares,
            the same at every launch.

    Raises:
        CudaError: the kernels cannot be compiled or loaded.
    """
    if blocks == 0:
        return
    index = device.index
    with torch.cuda.device(index):
        core, kernel = _core(), _kernel(index, name, shared)
        _use_context(index)
        stream = _stream(torch.cuda.current_stream(index).cuda_stream or _LEGACY_STREAM)
        values = [
            a.data_ptr() if isinstance(a, Tensor) else 0 if a is None else a for a in arguments
        ]
        config = core.LaunchConfig(grid=blocks, block=threads, shmem_size=shared)
        core.launch(stream, config, kernel, *values)


# What a launch needs is kept: asked for anew each time it takes longer than the launch itself.


@functools.cache
def _core() -> Any:
    from cuda import core

    return core


@functools.lru_cache(maxsize=64)
def _stream(handle: int) -> Any:
    return _core().Stream.from_handle(handle)


def _use_context(device_index: int) -> None:
    """Give this thread the context that torch uses; a new one (autograd's) may have none yet."""
    _core().Device(device_index).set_current()


def describe_gpu() -> str:
    """The GPUs that torch sees, or why there is none."""
    if torch.version.cuda is None:
        return "none: this torch is built without CUDA"
    if not torch.cuda.is_available():
        return f"none: torch (CUDA {torch.version.cuda}) finds no usable GPU"
    names = []
    for index in range(torch.cuda.device_count()):
        major, minor = torch.cuda.get_device_capability(index)
        names.append(f"{torch.cuda.get_device_name(index)} (sm_{major}{minor})")
    return ", ".join(names)


def describe_nvrtc() -> str:
    """The version of NVRTC, or why there is none."""
    try:
        major, minor = nvrtc_version()
    except CudaError as error:
        return f"none: {error}"
    return f"{major}.{minor}"
