"""An error's class alone decides whether a step is tried again."""

import dagster as dg
import pytest
from dagster import DagsterInstance

from headwater.errors import CredentialError, VendorUnavailableError
from headwater.settings import Settings
from orchestration.failures import (
    as_step_failure,
    describe,
    is_partial,
    joined,
    partial,
    tried_again,
)
from orchestration.run_cycle import failures_of

GONE = VendorUnavailableError("hubspot: 503.", next_step="Wait.")
REFUSED = CredentialError("hubspot: refused.", next_step="Check the token.")


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (GONE, True),
        (REFUSED, False),
        (ExceptionGroup("streams", [GONE, GONE]), True),
        (ExceptionGroup("streams", [GONE, REFUSED]), False),
        (ZeroDivisionError("a mistake of ours"), False),
    ],
)
def test_only_retryable_errors_are_tried_again(error: Exception, again: bool) -> None:
    with pytest.raises(dg.Failure) as caught, as_step_failure():
        raise error
    assert caught.value.allow_retries is again
    assert caught.value.__cause__ is error


def test_a_failure_says_what_happened_and_what_to_do() -> None:
    with pytest.raises(dg.Failure) as caught, as_step_failure():
        raise ExceptionGroup("2 streams failed", [GONE, REFUSED])
    assert caught.value.description == "2 streams failed\nhubspot: 503.\nhubspot: refused."
    assert caught.value.metadata["next_step"].value == "Wait.\nCheck the token."


def test_rows_alone_are_partial_and_anything_else_is_not() -> None:
    rows = partial("a: 3 rows rejected", next_step="look")
    broken = dg.Failure("b: down", metadata={"next_step": "wait"}, allow_retries=True)
    assert is_partial(joined([rows, rows]))
    assert not is_partial(joined([rows, broken]))
    assert joined([rows, broken]).allow_retries is False
    assert joined([rows, broken]).description == "a: 3 rows rejected\nb: down"


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(GONE, 3), (REFUSED, 1), (KeyboardInterrupt(), 1), (dg.DagsterExecutionInterruptedError(), 1)],
)
def test_a_step_is_tried_again_where_that_may_help_and_never_after_ctrl_c(
    error: BaseException, attempts: int
) -> None:
    settings = Settings(step_retries=2, step_retry_seconds=0)
    tried: list[int] = []

    @dg.asset
    def asked(context: dg.AssetExecutionContext) -> None:
        tried.append(context.retry_number)
        with tried_again(context, settings), as_step_failure():
            raise error

    with DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asked], instance=instance, raise_on_error=False)
    [failure] = failures_of(result.success, result.all_events)
    assert failure.step == "asked"
    if isinstance(error, Exception):
        assert failure.reason == describe(error)
    assert tried == list(range(attempts))
