"""From Headwater's errors to Dagster's: an error's class alone decides whether to try again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from headwater.errors import HeadwaterError, RetryableError
from headwater.settings import Settings

PARTIAL = "partial"


@contextmanager
def as_step_failure() -> Iterator[None]:
    """Turn what goes wrong in the block into a :class:`dagster.Failure`.

    It is tried again only if every part of it is Retryable. An error nobody raised on purpose is
    a mistake of ours: it fails at once, with its traceback.
    """
    try:
        yield
    except dg.Failure:
        raise
    except Exception as error:
        raise dg.Failure(
            description=describe(error),
            metadata={"next_step": next_step(error)} if next_step(error) else None,
            allow_retries=may_retry(error),
        ) from error


@contextmanager
def tried_again(context: dg.AssetExecutionContext, settings: Settings) -> Iterator[None]:
    """Have Dagster try a step that talks to a vendor again, a few times, after a delay that
    doubles, where its :class:`dagster.Failure` may be tried again.

    Dagster's own retry policy would do so after Ctrl-C and SIGTERM as well, and so ignore them.
    """
    try:
        yield
    except dg.Failure as failure:
        if not failure.allow_retries:
            raise
        raise dg.RetryRequested(
            max_retries=settings.step_retries,
            seconds_to_wait=settings.step_retry_seconds * 2**context.retry_number,
        ) from failure


def partial(what: str, *, next_step: str) -> dg.Failure:
    """A step that did what it could, and is not green: some rows wait for the next run."""
    return dg.Failure(
        description=what, metadata={"next_step": next_step, PARTIAL: True}, allow_retries=False
    )


def is_partial(failure: dg.Failure) -> bool:
    """Whether nothing failed but single rows."""
    return PARTIAL in failure.metadata


def joined(failures: list[dg.Failure]) -> dg.Failure:
    """Several failures of one step as one, tried again only if each may be."""
    if len(failures) == 1:
        return failures[0]
    steps = [str(f.metadata["next_step"].value) for f in failures if "next_step" in f.metadata]
    metadata: dict[str, str | bool] = {"next_step": "\n".join(dict.fromkeys(steps))}
    if all(is_partial(failure) for failure in failures):
        metadata[PARTIAL] = True
    return dg.Failure(
        description="\n".join(failure.description or "" for failure in failures),
        metadata=metadata,
        allow_retries=all(failure.allow_retries for failure in failures),
    )


def may_retry(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, BaseExceptionGroup):
        return all(may_retry(part) for part in error.exceptions)
    return isinstance(error, RetryableError)


def describe(error: BaseException) -> str:
    """What happened, in one line per part."""
    if isinstance(error, BaseExceptionGroup):
        return "\n".join([error.message, *(describe(part) for part in error.exceptions)])
    if isinstance(error, HeadwaterError):
        return error.what
    return f"{type(error).__name__}: {error}"


def next_step(error: BaseException) -> str:
    """What the reader can do, one line per different advice."""
    if isinstance(error, BaseExceptionGroup):
        steps = (next_step(part) for part in error.exceptions)
        return "\n".join(dict.fromkeys(step for step in steps if step))
    return error.next_step if isinstance(error, HeadwaterError) else ""
