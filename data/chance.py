"""Chance that gives the same draws everywhere.

Of Python's generator only `random()` promises the same sequence in every version, and the functions of the C library
(`log`, `exp`) may differ in the last bit from machine to machine. So everything here is made of `random()` and of
the four operations.
"""

import random


class Chance:
    """A seeded source of draws."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def unit(self):
        """A number in [0, 1)."""
        return self._random.random()

    def hit(self, probability):
        """True with this probability."""
        return self._random.random() < probability

    def between(self, low, high):
        """A whole number from `low` to `high`, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, choices):
        """One of `choices`, each as likely."""
        return choices[int(self._random.random() * len(choices))]

    def weighted(self, weights):
        """A key of `weights`, as likely as its value says."""
        left = self._random.random() * sum(weights.values())
        chosen = None
        for chosen, weight in weights.items():
            left -= weight
            if left < 0:
                break
        return chosen

    def bell(self):
        """A number with mean 0 and deviation 1, nearly normal: the sum of twelve uniform ones."""
        return sum(self._random.random() for _ in range(12)) - 6.0

    def sample(self, choices, count):
        """`count` different members of `choices`, in the order of the draws."""
        pool = list(choices)
        for index in range(count):
            other = self.between(index, len(pool) - 1)
            pool[index], pool[other] = pool[other], pool[index]
        return pool[:count]
