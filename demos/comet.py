"""Where Halley's comet is, and how fast it moves: a loop that each moment ends where it converges.

Kepler's equation has no solution by a formula. Newton's iteration finds one in a few steps, in how
many depends on the moment. The velocity is the derivative of the place by the time, through the
iteration as it runs. All moments are computed side by side, by one program.
"""

import numpy as np

from micrograd_gd import Value, jacfwd, jit, vmap
from micrograd_gd.functional import cos, sin

PERIOD = 75.3  # years
AXIS = 17.83  # half of the longer one, in astronomical units
ECCENTRICITY = 0.967
KM_PER_SECOND = 4.7405  # one astronomical unit a year


def place(years: Value) -> list[Value]:
    """Where it is so long after it came nearest to the sun, which is at (0, 0)."""
    mean = years * (2 * np.pi / PERIOD)
    angle = mean + ECCENTRICITY * sin(mean)
    while True:  # at least one step, since the last one brings the derivative
        step = (angle - ECCENTRICITY * sin(angle) - mean) / (1 - ECCENTRICITY * cos(angle))
        angle = angle - step
        if abs(step) < 1e-9:
            break
    across = AXIS * (1 - ECCENTRICITY**2) ** 0.5
    return [AXIS * (cos(angle) - ECCENTRICITY), across * sin(angle)]


years = np.linspace(0.0, PERIOD / 2, 1_001)
places = jit(vmap(place))
velocities = jit(vmap(jacfwd(place)))
distance = np.hypot(*places(years))
speed = np.hypot(*velocities(years)) * KM_PER_SECOND

for i in range(0, 1_001, 100):
    print(f"year {years[i]:6.3f}   {distance[i]:7.3f} au from the sun   {speed[i]:7.3f} km/s")
print(f"{len(places.variants[0].ways[0])} ways through the loop, in one program")
