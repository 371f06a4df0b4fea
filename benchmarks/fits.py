"""The polynomials of fastembed/kernels/lanes.h, by Remez' exchange: ``python -m benchmarks.fits``.

(e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, with the least largest error.
"""

from decimal import Decimal, localcontext

DEGREES = {"float": 5, "double": 10}
DIGITS = 50
POINTS = 2000  # at which the error is looked at


def remainder(r):
    """(e^r - 1 - r) / r^2 by its series."""
    total, term, k = Decimal(0), Decimal(1) / 2, 3
    while abs(term) > Decimal(10) ** -DIGITS:
        total, term, k = total + term, term * r / k, k + 1
    return total


def polynomial(coefficients, r):
    """The first coefficient is that of the highest power."""
    total = Decimal(0)
    for coefficient in coefficients:
        total = total * r + coefficient
    return total


def solve(rows):
    """Unknowns of linear equations, each row ending with its right side."""
    for c in range(len(rows)):
        pivot = max(range(c, len(rows)), key=lambda k: abs(rows[k][c]))
        rows[c], rows[pivot] = rows[pivot], rows[c]
        for k, row in enumerate(rows):
            if k != c:
                factor = row[c] / rows[c][c]
                rows[k] = [a - factor * b for a, b in zip(row, rows[c], strict=True)]
    return [row[-1] / row[k] for k, row in enumerate(rows)]


def minimax(degree):
    """Coefficients, that of the highest power first, and the largest error."""
    half = Decimal(2).ln() / 2
    grid = [half * (2 * Decimal(k) / POINTS - 1) for k in range(POINTS + 1)]
    extremes = [grid[round(k * POINTS / (degree + 1))] for k in range(degree + 2)]
    while True:
        rows = []
        for k, r in enumerate(extremes):
            powers = [polynomial([1] + [0] * j, r) for j in range(degree, -1, -1)]
            rows.append([*powers, Decimal((-1) ** k), remainder(r)])
        *coefficients, level = solve(rows)
        errors = [polynomial(coefficients, r) - remainder(r) for r in grid]
        largest = max(map(abs, errors))
        if largest < abs(level) * Decimal("1.00001"):
            return coefficients, largest
        runs = [[0]]  # between two zeros of the error lies one extreme
        for k in range(1, len(grid)):
            if (errors[k] > 0) == (errors[k - 1] > 0):
                runs[-1].append(k)
            else:
                runs.append([k])
        extremes = [grid[max(run, key=lambda k: abs(errors[k]))] for run in runs]


def fits():
    """Type -> coefficients and the largest error."""
    with localcontext(prec=DIGITS):
        return {kind: minimax(degree) for kind, degree in DEGREES.items()}


if __name__ == "__main__":
    for kind, (coefficients, error) in fits().items():
        print(f"{kind}: error {error:.2g}")
        for coefficient in coefficients:
            print(
                f"    {float(coefficient):.17g}" if kind == "double" else f"    {coefficient:.9g}"
            )
