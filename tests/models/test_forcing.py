import itertools
import math

import pytest

from workbench.errors import FieldError
from workbench.models.forcing import TeacherForcing


def test_the_default_always_forces_and_zero_never_does() -> None:
    always, never = TeacherForcing(), TeacherForcing(start=0, end=0)
    assert [always.share(done) for done in (0, 0.3, 1)] == [1, 1, 1]
    assert [never.share(done) for done in (0, 0.3, 1)] == [0, 0, 0]


@pytest.mark.parametrize("by", ["linear", "exponential", "inverse_sigmoid"])
def test_every_curve_meets_both_ends_and_only_falls(by: str) -> None:
    part = TeacherForcing(start=0.9, end=0.1, by=by)  # type: ignore[arg-type]
    shares = [part.share(done / 20) for done in range(21)]
    assert (shares[0], shares[-1]) == (pytest.approx(0.9), pytest.approx(0.1))
    assert all(later < earlier for earlier, later in itertools.pairwise(shares))


def test_the_curves_are_those_of_the_paper() -> None:
    assert TeacherForcing(end=0).share(0.25) == 0.75
    # k ** i with k ** 100 = 0.01
    assert TeacherForcing(end=0.01, by="exponential").share(0.3) == pytest.approx((0.01 ** (1 / 100)) ** 30)
    # k / (k + exp(i / k)) over 2 k ln k steps, stretched to reach 1 and 0
    k = math.exp(5)
    here, first, last = (k / (k + math.exp(done * 2 * k * 5 / k)) for done in (0.3, 0.0, 1.0))
    assert TeacherForcing(end=0, by="inverse_sigmoid").share(0.3) == pytest.approx((here - last) / (first - last))


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(FieldError, match=r"TeacherForcing.end is -0.1; it takes a probability"):
        TeacherForcing(end=-0.1)
    with pytest.raises(FieldError, match=r"never reaches 0. Take a small number such as 0.01"):
        TeacherForcing(end=0, by="exponential")
