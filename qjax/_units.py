"""Quantities as short texts."""


def scaled(value: float, unit: str) -> str:
    """A quantity with three digits and a prefix.

    Examples:
        >>> scaled(12_345_678, "B")
        '12.3 MB'
    """
    for prefix in ("", "k", "M", "G", "T", "P"):
        if value < 1000 or prefix == "P":
            break
        value /= 1000
    return f"{value:.3g} {prefix}{unit}"


def duration(seconds: float) -> str:
    """A time with three digits.

    Examples:
        >>> duration(0.0123)
        '12.3 ms'
    """
    for factor, unit in ((1e6, "us"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"
