"""A local Salesforce: OAuth and SOAP login, REST, Collections and Bulk 2.0, stateful and strict.

The org is described by ``org.yml`` (identity, limits, lifetimes) and ``objects.yml`` (fields).
Beside the general faults of :mod:`sandbox.faults` it knows these kinds:

===================  ==============================================================================
``expired_token``    the session of this call dies: 401 ``INVALID_SESSION_ID``
``login_refused``    the token endpoint answers ``login rate exceeded``
``quota``            403 ``REQUEST_LIMIT_EXCEEDED``, the day's requests
``rate_limit``       403 ``REQUEST_LIMIT_EXCEEDED``, concurrent requests
``locked_row``       rows fail with ``UNABLE_TO_LOCK_ROW``: ``every_nth`` (default 1) or ``keys``
``parent_locks``     chunks of a Bulk job run at once: rows whose parent another chunk wrote to
                     fail with ``UNABLE_TO_LOCK_ROW``
``partial_failure``  rows fail with ``code``, ``message``, ``fields``: ``every_nth`` or ``keys``
``small_page``       a page of a query or of Bulk results has ``rows`` rows
``slow_job``         a Bulk job is ``InProgress`` for ``polls`` polls
``job_failed``       a Bulk job ends as ``Failed`` with ``message``, an ingest ``after_rows`` rows
===================  ==============================================================================

Faults of an ingest job are taken when the job is closed (``PATCH``), those of a query job when it
is created. ``Store.set_limit("DailyApiRequests", n)`` sets the day's allowance.
"""
