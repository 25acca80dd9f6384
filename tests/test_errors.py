"""Errors: one line that says what, where and what next; the exit code; and the way through a process pool."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import errors
from workbench.errors import FieldError, WorkbenchError, nearest

KINDS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, WorkbenchError)]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (WorkbenchError("is missing"), "is missing"),
        (WorkbenchError("is missing", where="a.py:3"), "a.py:3: is missing"),
        (WorkbenchError("is missing", hint="Type: wb list"), "is missing. Type: wb list"),
        (
            WorkbenchError("no 'x'; did you mean 'y'?", where="a.py", hint="Type: z"),
            "a.py: no 'x'; did you mean 'y'? Type: z",
        ),
    ],
)
def test_it_reads_as_what_where_and_what_next(error: WorkbenchError, text: str) -> None:
    assert str(error) == text


def test_what_was_typed_wrongly_exits_with_2_and_what_could_not_be_done_with_1_or_3() -> None:
    codes = {kind.__name__: kind.exit_code for kind in KINDS}
    assert codes == {
        "WorkbenchError": 1,
        "RecreateError": 3,
        "UsageError": 2,
        "SpecError": 2,
        "FieldError": 2,
        "DeviceError": 2,
        "DataError": 1,
        "RecordError": 1,
        "DivergedError": 1,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_it_arrives_whole_from_a_worker_process(kind: type[WorkbenchError]) -> None:
    sent = kind("problem", where="place", hint="advice")
    came = pickle.loads(pickle.dumps(sent))
    assert type(came) is kind
    assert (came.problem, came.where, came.hint, str(came)) == ("problem", "place", "advice", str(sent))


def test_a_close_name_is_suggested_a_short_list_is_shown_and_a_long_one_is_not() -> None:
    assert nearest("modle", ["model", "data"]) == "; did you mean 'model'?"
    assert nearest("zzz", ["b", "a"]) == "; there is 'a', 'b'"
    assert nearest("zzz", [f"option{n}" for n in range(13)]) == ""
    assert nearest("zzz", [f"option{n}" for n in range(13)], 13).startswith("; there is 'option0', ")
    assert nearest("nothing_alike", ["clothing_lm"]) == "; there is 'clothing_lm'"  # 8 of 12 letters, by chance
    assert nearest("gpus", ["cpus"]) == "; did you mean 'cpus'?"
    assert nearest("zzz", []) == ""


@given(st.text(), st.lists(st.text(min_size=1), max_size=20))
def test_a_suggestion_is_always_one_of_the_options(name: str, options: list[str]) -> None:
    text = nearest(name, options)
    assert text == "" or any(f"'{option}'" in text for option in options)


def test_a_field_error_is_caught_as_any_of_its_parents() -> None:
    with pytest.raises(errors.UsageError):
        raise FieldError("x")


def test_a_capital_is_no_other_letter() -> None:
    assert nearest("FashionMnist", ["FashionMNIST", "CIFAR10"]) == "; did you mean 'FashionMNIST'?"
