"""The published ladder of radiance fields: seconds of a whole training, rung by rung.

5,000 coarse and 20,000 fine iterations of 8,192 rays on the scenes lego, mic and ship, on a Tesla
V100, an RTX 2080 Ti and a GTX 1080 Ti. The last two were given the first and the last rung only.
"""

from __future__ import annotations

__all__ = ["HARDWARE", "published_times"]

HARDWARE = ("V100", "2080 Ti", "1080 Ti")
_OUT_OF_MEMORY = "OOM"

# Minutes and seconds by voxels along a side, hardware and rung, in the order of _SCENES.
_SCENES = ("lego", "mic", "ship")
_TIMES: dict[tuple[int, str, str], tuple[str, str, str]] = {
    (256, "V100", "native"): ("15:10", "14:11", "17:04"),
    (256, "V100", "adam"): ("08:54", "06:41", "10:23"),
    (256, "V100", "rendering"): ("06:31", "04:31", "08:20"),
    (256, "V100", "weights"): ("05:35", "04:00", "07:20"),
    (256, "2080 Ti", "native"): (_OUT_OF_MEMORY, "18:01", _OUT_OF_MEMORY),
    (256, "2080 Ti", "weights"): ("07:19", "04:30", "09:53"),
    (256, "1080 Ti", "native"): ("37:22", "31:18", "45:28"),
    (256, "1080 Ti", "weights"): ("14:32", "08:55", "21:00"),
    (160, "V100", "native"): ("08:29", "07:04", "10:38"),
    (160, "V100", "adam"): ("06:01", "04:38", "08:06"),
    (160, "V100", "rendering"): ("04:50", "03:22", "06:31"),
    (160, "V100", "weights"): ("03:58", "03:00", "05:46"),
    (160, "2080 Ti", "native"): ("11:27", "09:19", "14:35"),
    (160, "2080 Ti", "weights"): ("04:59", "03:04", "07:32"),
    (160, "1080 Ti", "native"): ("22:01", "17:14", "29:57"),
    (160, "1080 Ti", "weights"): ("10:29", "06:21", "16:48"),
}


def published_times(scene: str, voxels: int, rung: str) -> dict[str, float | None] | None:
    """Seconds by hardware, None for a training that ran out of memory there.

    Returns:
        None where nothing was published, as for the rung ``fused``.
    """
    if scene not in _SCENES:
        return None
    times: dict[str, float | None] = {}
    for hardware in HARDWARE:
        published = _TIMES.get((voxels, hardware, rung))
        if published is not None:
            times[hardware] = _seconds(published[_SCENES.index(scene)])
    return times or None


def _seconds(time: str) -> float | None:
    if time == _OUT_OF_MEMORY:
        return None
    minutes, seconds = time.split(":")
    return 60.0 * int(minutes) + int(seconds)
