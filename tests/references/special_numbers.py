"""Numbers at which programs go wrong, drawn often."""

import math

SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -3.0,
    math.inf,
    -math.inf,
    math.nan,
    5e-324,
    1e308,
    -800.0,
]
