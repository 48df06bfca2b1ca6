"""The order of values given as text."""


def in_order(text: str) -> tuple[float, str]:
    """Return a sort key: numbers by size, and before words."""
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text
