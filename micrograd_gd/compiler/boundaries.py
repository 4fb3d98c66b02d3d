"""Where one run of a loop ends and the next one begins."""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate


def find_boundary(made: Sequence[int], used: Sequence[Sequence[int]], last: int) -> int:
    """After which item, at most `last`, the fewest results go over into the next run.

    `made` has the first result of each item in two runs, and what follows these; `used` the
    numbers that the items of the second run use.

    >>> made = [5, 6, 7, 8, 9]  # y = x + x, and x = f(y): in the other order only x goes over
    >>> find_boundary(made, [[1], [6, 7]], 1), find_boundary(made, [[6], [7]], 1)
    (0, 0)
    """
    length = len(used)
    users = {bisect(made, x) - 1: i for i, numbers in enumerate(used) for x in numbers}  # the last
    change = [0] * (length + 2)  # from each item to the next, of what goes over
    for place, user in users.items():
        if 0 <= place < length:  # it goes over, but where the boundary is between user and place
            change[0] += 1
            change[min(user, place) + 1] -= 1
            change[place + 1] += 1
        elif length <= place < 2 * length and place - length not in users:
            change[place - length + 1] += 1
            change[user + 1] -= 1
    costs = [*accumulate(change[: last + 1])]
    return costs.index(min(costs))
