"""Visits by month, Similarweb-like: one call per domain, and each month of it costs a credit.

So only the domains of the company's accounts are asked about, each for the months that are not
landed yet, and no more of them than there are credits for. A domain that the vendor doesn't know
is landed as such, so that it isn't asked about again before the next month.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import requests

from connectors.account_domains import account_domains
from connectors.zone import Extracted, LoadFolder
from headwater.errors import (
    CredentialError,
    QuotaExhaustedError,
    SourceDataError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.http import ApiSession, error_for
from headwater.settings import Settings
from headwater.system_settings import WebRankSettings
from headwater.warehouse import connect

CALLS_PER_SECOND = 10
SESSIONS = 5
"""Calls under way at a time; each session makes its share of the calls per second."""
PAGE = 40
"""Domains between two checkpoints."""
Record = dict[str, Any]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """Months of one domain, both ends included, each the first day of its month."""

    domain: str
    first: date
    last: date

    @property
    def credits(self) -> int:
        """What the answer costs: a credit a month."""
        return _months_between(self.first, self.last) + 1


class Similarweb:
    """The vendor of visits."""

    def __init__(self, settings: Settings, web_rank: WebRankSettings) -> None:
        self.settings = settings
        self.web_rank = web_rank
        self.sessions = [
            ApiSession(
                "similarweb",
                str(web_rank.similarweb_base_url),
                settings,
                calls_per_second=CALLS_PER_SECOND / SESSIONS,
                source="web_rank",
            )
            for _ in range(SESSIONS)
        ]

    def check(self) -> None:
        """Ask what the key may do; costs no credit."""
        try:
            self._capabilities()
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"Similarweb refused the key: {error.what}",
                next_step="Check WEB_RANK_SIMILARWEB_API_KEY and WEB_RANK_SIMILARWEB_BASE_URL.",
            ) from error

    def extract(self, cursor: str | None, folder: LoadFolder) -> Extracted:
        """The months up to the newest that the vendor has and the folder's present leaves whole.

        Raises :class:`headwater.errors.QuotaExhaustedError` when there are questions and not a
        credit for one. With credits for some of them, those are asked, in the order of
        :func:`connectors.account_domains.account_domains`; the others follow when there are more.
        So do those beyond ``WEB_RANK_VISITS_DOMAINS_A_RUN``, in the next run.
        """
        calls_before = self._calls()
        able = self._capabilities()
        oldest, newest = _known_months(able)
        newest = min(newest, _month_before(folder.started_at.date()))
        first = max(oldest, _shifted(newest, 1 - self.web_rank.visits_months))
        done = set(folder.token("visits") or [])
        questions = [each for each in self._questions(first, newest) if each.domain not in done]
        now = questions[: self.web_rank.visits_domains_a_run]
        affordable = _affordable(now, int(able["remaining_hits"]))
        if now and not affordable:
            raise QuotaExhaustedError(
                f"similarweb: no credits are left, and {len(questions)} domains wait for their "
                f"visits up to {newest:%Y-%m}.",
                next_step="They are asked about when the month's credits are there, or more are "
                "bought.",
            )
        if len(affordable) < len(now):
            _log.warning(
                "similarweb: credits for %d of %d domains; the others wait for more",
                len(affordable),
                len(questions),
            )
        elif len(now) < len(questions):
            _log.info(
                "similarweb: %d of %d domains in this run; the others follow in the next",
                len(now),
                len(questions),
            )
        folder.write_pages("visits", lambda token: self._pages(affordable, token))
        return folder.extracted(
            calls=self._calls() - calls_before,
            cursor=f"{newest:%Y-%m}" if questions or cursor is None else cursor,
        )

    def close(self) -> None:
        """Close the sessions."""
        for session in self.sessions:
            session.close()

    def _calls(self) -> int:
        return sum(session.calls for session in self.sessions)

    def _questions(self, first: date, last: date) -> list[Question]:
        """The domains of accounts with months that are not landed, and from when on."""
        domains = account_domains(self.settings)
        with connect(self.settings) as connection:
            landed = dict(
                connection.execute(
                    "select domain, max(month) from raw_web_rank.visits "
                    "where country = ? group by domain",
                    [self.web_rank.visits_country],
                ).fetchall()
            )
        questions = []
        for domain in domains:
            known = landed.get(domain)
            start = first if known is None else max(first, _shifted(known, 1))
            if start <= last:
                questions.append(Question(domain, start, last))
        return questions

    def _pages(
        self, questions: list[Question], done: list[str] | None
    ) -> Iterator[tuple[list[Record], list[str]]]:
        """Pages of answers. The token is the domains that are done: new accounts may come between
        a cut and the next try, and change their order."""
        finished = list(done or [])
        with ThreadPoolExecutor(SESSIONS, thread_name_prefix="visits") as pool:
            for start in range(0, len(questions), PAGE):
                page = questions[start : start + PAGE]
                shares = [page[number::SESSIONS] for number in range(SESSIONS)]
                answers = pool.map(self._share, self.sessions, shares)
                finished = [*finished, *(question.domain for question in page)]
                yield [record for answer in answers for record in answer], finished

    def _share(self, session: ApiSession, questions: list[Question]) -> list[Record]:
        return [record for question in questions for record in self._ask(session, question)]

    def _ask(self, session: ApiSession, question: Question) -> list[Record]:
        """A record per month: what the vendor says, or that it has nothing to say."""
        country = self.web_rank.visits_country
        answer = self._get(
            session,
            f"/v1/website/{question.domain}/total-traffic-and-engagement/visits",
            {
                "start_date": f"{question.first:%Y-%m}",
                "end_date": f"{question.last:%Y-%m}",
                "country": country,
                "granularity": "monthly",
                "main_domain_only": "false",
            },
        )
        body: Record = answer.json()
        common = {
            "domain": question.domain,
            "country": country,
            "last_updated": (body.get("meta") or {}).get("last_updated"),
        }
        last = question.last.isoformat()
        told = [] if answer.status_code == 404 else body.get("visits")
        if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
            # Its contract quarantines it, and the domain is asked about again.
            return [{"date": last, "visits": body, "status": "unreadable", **common}]
        records = [{**row, **common, "status": "estimated"} for row in told]
        if last not in {row.get("date") for row in told}:
            records.append({"date": last, "visits": None, "status": "unknown", **common})
        return records

    def _capabilities(self) -> dict[str, Any]:
        able: dict[str, Any] = self._get(self.sessions[0], "/capabilities", {}).json()
        return able

    def _get(self, session: ApiSession, path: str, params: dict[str, str]) -> requests.Response:
        """One call. The vendor takes its key in the query, which is nowhere to be shown."""
        key = self.web_rank.similarweb_api_key.get_secret_value()
        try:
            answer = session.call("GET", path, params={**params, "api_key": key}, accept=(404,))
            if answer.status_code == 404 and not _is_from_the_vendor(answer):
                raise error_for("similarweb", answer)
            return answer
        except VendorUnavailableError as error:
            # Its cause names the address, query and all.
            raise VendorUnavailableError(error.what, next_step=error.next_step) from None
        except (CredentialError, VendorRejectedError) as error:
            if "credit" in error.what.lower():
                raise QuotaExhaustedError(
                    f"similarweb: the credits are used up: {error.what}",
                    next_step="What was bought is kept; the other domains are asked about when "
                    "there are credits again.",
                ) from error
            raise


def _is_from_the_vendor(answer: requests.Response) -> bool:
    """Whether a 404 says that a domain is unknown, or comes from a wrong address."""
    try:
        return "error_code" in answer.json()["meta"]
    except (ValueError, KeyError, TypeError):
        return False


def _known_months(able: dict[str, Any]) -> tuple[date, date]:
    """The first and the last month that the key may see.

    Raises :class:`headwater.errors.SourceDataError`.
    """
    try:
        interval = able["web_desktop_data"]["snapshot_interval"]
        first, last = (
            date.fromisoformat(f"{str(interval[end])[:7]}-01") for end in ("start_date", "end_date")
        )
        int(able["remaining_hits"])
    except (KeyError, TypeError, ValueError) as error:
        raise SourceDataError(
            f"similarweb: the capabilities of the key cannot be read ({error!r}).",
            next_step="Ask the vendor whether the key may use the traffic API.",
        ) from error
    return first, last


def _affordable(questions: list[Question], credits: int) -> list[Question]:
    """As many questions, from the first on, as there are credits for."""
    spent, affordable = 0, []
    for question in questions:
        spent += question.credits
        if spent > credits:
            break
        affordable.append(question)
    return affordable


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _shifted(month: date, months: int) -> date:
    number = month.year * 12 + month.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month
