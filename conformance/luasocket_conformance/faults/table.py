"""The table of how many faulty ports are detected, by subject."""

from __future__ import annotations

from collections import Counter

__all__ = ["table"]


def table(total: Counter[str], detected: Counter[str]) -> str:
    """Return the detected and all faulty ports by subject, and their share."""
    width = max(map(len, total))
    lines = [f"{'subject':<{width}}  detected  total"]
    lines += [f"{subject:<{width}}  {detected[subject]:>8}  {count:>5}" for subject, count in total.items()]
    share = 100 * detected.total() / total.total()
    lines.append(f"{detected.total()} of {total.total()} faulty ports are detected ({share:.1f} %)")
    return "\n".join(lines)
