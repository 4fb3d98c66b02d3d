"""The numbers of a program in its encoded form, which Python writes and C reads.

compiler/instructions.py and compiler/backends/tape.py say what the records hold. C has the numbers
from here: generate/numbers.py writes them down for it when the package is built.
"""

from enum import IntEnum


class RecordKind(IntEnum):
    """What a record begins with, unless it is an instruction or a guard: these are above -13."""

    STAGE = -13
    STRIDED = -14
    PACK = -15
    PICK = -16
    PLACE = -17
    SUM = -18
    ROW = -19
    LARGEST = -20
    INDEX = -21
    SHIFT = -22


LANES_OF_AXIS = [2**31 - 1 - i for i in range(4)]  # what stands for the lanes of open lengths

BY_ROW = -(2**31)  # an output that a record of the kind ROW writes


class PartKind(IntEnum):
    """A part of a structure, as a kernel knows it."""

    NUMBER = 0
    LIST = 1
    TUPLE = 2
    DICT = 3
    ARRAY = 4
    OTHER = 5
