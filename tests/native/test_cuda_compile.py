"""The CUDA kernels compile where there is no GPU, and are launched with what they expect."""

import re
import sys

import pytest
import torch
from host_launch import launch_on_host

from curvox import _native
from curvox._native import compile_cuda, cuda
from curvox.ops import (
    adam,
    alpha,
    blur,
    composite,
    distortion,
    interpolate,
    march,
    network_cuda,
    occupancy,
    outline_cuda,
    paint_cuda,
    rays_hit,
    sample_rays,
    splat,
    total_variation,
    weights,
)


def _nvrtc_reason():
    try:
        cuda.nvrtc_version()
    except cuda.CudaError as error:
        return str(error)
    return ""


needs_nvrtc = pytest.mark.skipif(bool(_nvrtc_reason()), reason=_nvrtc_reason() or "NVRTC is here")


@needs_nvrtc
@pytest.mark.parametrize("architecture", ["sm_75", "sm_120"])
def test_compiles_without_complaint(architecture, capsys):
    """The oldest and the newest architecture; `python -m curvox._native.compile_cuda` does all."""
    assert compile_cuda.main([architecture]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for kernel in (
        "curvox_splat_tiles",
        "curvox_splat_shares_sigma",
        "curvox_paint_gradients",
        "curvox_stroke_vertices",
        "curvox_adam_step",
        "curvox_blur_down",
    ):
        assert kernel in printed.out


@needs_nvrtc
def test_unknown_architecture(capsys):
    """One line that names the architecture, no traceback."""
    assert compile_cuda.main(["sm_1"]) == 1
    assert "cannot compile for sm_1" in capsys.readouterr().err


def test_usage_is_read_from_the_log():
    """Figures of the compiler's verbose log; whatever else it says is a complaint."""
    log = (
        "ptxas info    : 60 bytes gmem\n"
        "ptxas info    : Compiling entry function 'b' for 'sm_90'\n"
        "ptxas         .     8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads\n"
        "ptxas info    : Used 48 registers, used 1 barriers, 9024 bytes smem\n"
        "ptxas info    : Compiling entry function 'a' for 'sm_90'\n"
        "ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
        "ptxas info    : Used 20 registers, used 0 barriers\n"
    )
    assert compile_cuda.parse_usage(log) == [("a", 20, 0, 0, 0), ("b", 48, 8, 4, 9024)]


@needs_nvrtc
def test_warnings_fail(monkeypatch, capsys):
    """Anything in the log that is not a figure is shown and counts as a failure."""
    complaint = "adam.h(7): warning #177-D: never referenced\n"
    log = f"ptxas info    : 60 bytes gmem\n{complaint}"
    monkeypatch.setattr(compile_cuda, "build_cubin", lambda *_, **__: (b"", log))
    assert compile_cuda.main(["sm_80"]) == 1
    assert capsys.readouterr().err == complaint * len(cuda.programs())


@needs_nvrtc
def test_disk_cache(tmp_path, monkeypatch):
    """A second call reads the file that the first one left, one for each program."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []

    def build(program, architecture, verbose=False):
        built.append((program, architecture))
        return f"{program} for {architecture}".encode(), ""

    monkeypatch.setattr(cuda, "build_cubin", build)
    for _ in range(2):
        assert cuda.compile_cubin("cuda_adam", "sm_80") == b"cuda_adam for sm_80"
    assert cuda.compile_cubin("cuda_blur", "sm_80") == b"cuda_blur for sm_80"
    assert cuda.compile_cubin("cuda_adam", "sm_90") == b"cuda_adam for sm_90"
    assert built == [("cuda_adam", "sm_80"), ("cuda_blur", "sm_80"), ("cuda_adam", "sm_90")]
    assert len(list((tmp_path / "curvox").iterdir())) == 3


@needs_nvrtc
def test_kernels_are_found_in_their_programs():
    """By name; one that is not there is named."""
    assert cuda._program_of("curvox_adam_rows") == "cuda_adam"
    assert cuda._program_of("curvox_march_count") == "cuda_march"
    with pytest.raises(cuda.CudaError, match="no kernel curvox_adam"):
        cuda._program_of("curvox_adam")


@needs_nvrtc
def test_cache_that_cannot_be_written(tmp_path, monkeypatch):
    """The kernels compile all the same."""
    (tmp_path / "curvox").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cuda, "build_cubin", lambda *_: (b"code", ""))
    assert cuda.compile_cubin("cuda_adam", "sm_80") == b"code"


def test_without_cuda_core(monkeypatch):
    """The error says what to install; `curvox info` says it, too."""
    monkeypatch.setitem(sys.modules, "cuda.core", None)
    with pytest.raises(cuda.CudaError, match=r"pip install 'curvox\[cuda\]'"):
        cuda.compile_cubin("cuda_adam", "sm_80")
    assert cuda.describe_nvrtc().startswith("none: ")


def test_descriptions():
    """One line each, with or without a GPU."""
    assert cuda.describe_gpu().startswith("none: ") != torch.cuda.is_available()
    assert "\n" not in cuda.describe_gpu() + cuda.describe_nvrtc()


def _entry_parameters():
    """From NVRTC: the type of each parameter of each kernel."""
    from cuda.bindings import nvrtc

    entries = []
    for name in cuda.programs():
        _, program = nvrtc.nvrtcCreateProgram(
            cuda.program_source(name).encode(), name.encode(), 0, None, None
        )
        options = [b"-std=c++17", b"-arch=compute_80", b"-I" + bytes(cuda.source_folder())]
        nvrtc.nvrtcCompileProgram(program, len(options), options)
        _, size = nvrtc.nvrtcGetPTXSize(program)
        buffer = b" " * size
        nvrtc.nvrtcGetPTX(program, buffer)
        entries += re.findall(r"\.entry (\w+)\((.*?)\)", buffer.decode(), re.DOTALL)
    return {name: re.findall(r"\.param \.(\w+)", parameters) for name, parameters in entries}


def _passed_as(argument):
    """The type in which cuda.core passes an argument of `launch`."""
    if argument is None or isinstance(argument, torch.Tensor):
        return "u64"
    return {bool: "u8", int: "u64", float: "f64"}[type(argument)]


@needs_nvrtc
def test_launches_match_the_kernels(monkeypatch):
    """Every launch of every op passes the parameters that its kernel has, type by type."""
    launches = []

    def launch(device, name, *arguments, shared=0):
        launches.append((name, *arguments))
        if hasattr(_native.cpu.host_kernels, name):  # sizes follow from what they count
            launch_on_host(device, name, *arguments)

    monkeypatch.setattr(cuda, "launch", launch)
    points, five, sigmas = torch.rand(5, 3, 2), torch.rand(5), torch.rand(5)
    image = splat._splat_cuda(points, five, sigmas, 30, 40, 20, 0.0, 1e-6, 0, 0.0)
    for wanted in (True, False):
        splat._splat_backward_cuda(image, points, five, sigmas, 20, 0.0, 1e-6, 0, 0.0, wanted)
    settings = (0.1, 0.9, 0.999, 1e-8, 0.1, 0.03, True)
    adam._adam_step_cuda(five, five, five, five, None, *settings)
    _launch_along_rays(five)
    grid = (torch.rand(24, 2), None, torch.ones(3).double(), 2, 3, 4)
    total_variation._total_variation_cuda(*grid)
    total_variation._total_variation_backward_cuda(torch.ones(()), *grid)
    rows, matrix = torch.arange(5), torch.rand(8, 3)
    adam._adam_rows_cuda(matrix, rows, matrix[:5], matrix, matrix, None, *settings[:-1])
    cells = ((2, 2, 2), torch.rand(2, 3), torch.rand(5, 3))
    interpolate._interpolate_cuda(matrix, *cells)
    interpolate._interpolate_backward_cuda(matrix[:5], *cells)
    occupancy = rays_hit.pack_occupancy(
        torch.ones(3, 3, 3, dtype=torch.bool), torch.tensor([[0.0] * 3, [1.0] * 3])
    )
    rays = rays_hit.ray_arguments(matrix, matrix, occupancy, cells[1], 0.1, 1.0, 0.1, None)
    rays_hit._rays_hit_cuda(*rays)
    march._march_cuda(*rays, matrix[:, :1], (2, 2, 2), 0.0, 0.5, 1e-4, 1e-3, 100)
    march._march_backward_cuda(five, five, five, five, rows, 0.0, 0.5)

    blur._blur_cuda(image, torch.rand(5), -3)
    _launch_vector_graphics(torch.ones(1))
    monkeypatch.setattr(network_cuda, "_gpu", lambda device: (4, 128))
    for inputs in (3, 40):
        _launch_network(torch.rand(5, inputs))

    kernels = _entry_parameters()
    for name, blocks, threads, *arguments in launches:
        assert [_passed_as(argument) for argument in arguments] == kernels[name], name
        assert blocks > 0
        assert threads % 32 == 0
    assert {name for name, *_ in launches} == set(kernels)
    blocks = {name: blocks for name, blocks, *_ in launches}
    assert blocks["curvox_splat_tiles"] == 2 * 3
    assert blocks["curvox_splat_shares"] == 5 * 2
    assert blocks["curvox_emit_rays"] == 2  # four warps a block, five rays


def _launch_vector_graphics(one):
    """One contour, filled, stroked and painted in a group."""
    segments, ends, code = torch.rand(4, 4, 2), torch.tensor([0, 4]), one.byte()
    vertices, *others = outline_cuda.flatten_cuda(segments, ends, one)
    outline_cuda.flatten_backward_cuda(vertices, segments, ends, one, *others)
    pen = (segments, ends, code.bool(), one, code, code, one, one)
    vertices, *others = outline_cuda.stroke_cuda(*pen)
    outline_cuda.stroke_backward_cuda(vertices, *pen, *others)
    layers = torch.tensor([0, 1])
    floats = (segments[0], torch.rand(1, 3), one, torch.rand(1, 9), one, torch.rand(1, 4), one)
    steps = torch.tensor([[1, 0, -1], [0, 0, -1], [2, 0, -1]], dtype=torch.int32)
    loops = (ends[None], layers, code, 0 * code.int(), steps, 3 * layers)
    inputs = (*floats, torch.ones(4), *loops, code, code, layers)
    image, kept = paint_cuda.paint_cuda(30, 40, 4, *inputs)
    paint_cuda.paint_backward_cuda(image, *inputs, kept, True, True, True)


def _launch_network(features):
    """Two rays, layers of 16."""
    wide = torch.rand(16, 16)
    layers = (torch.rand(16, features.shape[1]), wide, wide[0], wide[:3], torch.rand(3))
    inputs = (features, wide[:2], torch.zeros(5, dtype=torch.int32), *layers)
    colours = network_cuda.network_cuda(*inputs)
    network_cuda.network_backward_cuda(colours, colours, *inputs)


def _launch_along_rays(five):
    rays, box, offsets = torch.rand(5, 3), torch.rand(2, 3), torch.arange(6)
    sample_rays._sample_rays_cuda(rays, rays, box, None, 0.0, 1.0, 0.1)
    occupancy._occupied_cuda(rays, torch.ones(2, 3, 4, dtype=torch.bool), box)
    alpha._density_to_alpha_cuda(five, 0.0, 0.5)
    alpha._density_to_alpha_backward_cuda(five, five, 0.0, 0.5)
    weights._alpha_to_weights_cuda(five, offsets, 1e-3)
    weights._alpha_to_weights_backward_cuda(five, five, five, offsets, offsets[1:])
    composite._composite_cuda(five, rays, offsets)
    composite._composite_backward_cuda(rays, five, rays, offsets, True, False)
    distortion._distortion_cuda(five, five, None, offsets, 0.1)
    distortion._distortion_backward_cuda(five, five, five, None, offsets, 0.1)
