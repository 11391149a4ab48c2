"""The invoices of a subscription: fee in advance, overage in arrears, on the first of each month.

A change of plan within a month gives back the rest of the old fee and takes the rest of the new one
on the next invoice. Most are charged at once; some charges fail first, transfers take their time, a
few invoices are voided, given up or refunded.
"""

from __future__ import annotations

from sandbox.company.billing_books import CURRENCY, Ledger, Subscription, price, seconds
from sandbox.company.billing_lines import Lines, month_end
from sandbox.company.timeline import DAY_MONTH, HORIZON, HOUR, MINUTE, SECOND
from sandbox.company.usage import Usage
from sandbox.company.versions import Row

CHARGE_FAILS = 0.04
NEVER_PAID = 0.1
VOIDED = 0.01
REFUNDED = 0.015
STRAY_DRAFT = 0.02
RETRIES_AFTER_DAYS = (3.0, 8.0)


class Invoicing:
    """Writes the invoices of one subscription into the ledger."""

    def __init__(self, ledger: Ledger, usage: Usage, subscription: Subscription) -> None:
        self._ledger = ledger
        self._lines = Lines(ledger, usage, subscription)
        self._subscription = subscription
        self._dice = ledger.dice
        self._count = 0

    def run(self) -> None:
        """All of them, in order."""
        subscription, lines = self._subscription, self._lines
        month = int(DAY_MONTH[int(subscription.start)])
        first = lines.part_of_fee(subscription.stretches[0], subscription.start, month_end(month))
        self._invoice(subscription.start + SECOND, [first], "subscription_create")
        while (renewal := month_end(month)) < min(subscription.end or HORIZON, HORIZON):
            due = [*lines.prorations(month), *lines.overage(month)]
            month += 1
            due.append(lines.fee(renewal, month_end(month)))
            self._invoice(renewal + 5 * MINUTE, due, "subscription_cycle")
        if self._dice.chance(STRAY_DRAFT):
            self._stray_draft()

    def _invoice(self, t: float, lines: list[Row], reason: str) -> None:
        if t >= HORIZON:
            return
        key = self._draft(t, lines, reason)
        kind = "customer.subscription.updated"
        subscription = self._subscription
        self._ledger.change("subscriptions", subscription.key, t + SECOND, kind, latest_invoice=key)
        total = sum(line["amount"] for line in lines)
        final = t + (2 * SECOND if reason == "subscription_create" else HOUR)
        self._count += 1
        number = f"{subscription.key[4:12].upper()}-{self._count:04d}"
        transitions = {**_NO_TRANSITIONS, "finalized_at": seconds(final)}
        due = {"due_date": seconds(final + 30)} if subscription.pays_by_transfer else {}
        self._change(
            key, final, "invoice.finalized", status="open", number=number,
            status_transitions=transitions, **due,
        )  # fmt: skip
        if total <= 0:
            self._paid(key, final + SECOND, 0, transitions, attempts=0)
        elif subscription.pays_by_transfer:
            self._transfer(key, final, total, transitions)
        else:
            self._charge(key, final, total, transitions)

    def _draft(self, t: float, lines: list[Row], reason: str) -> str:
        key, subscription = self._ledger.key("in"), self._subscription
        total = sum(line["amount"] for line in lines)
        customer = self._ledger.logs["customers"].latest(subscription.customer)
        parent = {
            "type": "subscription_details",
            "subscription_details": {"subscription": subscription.key, "metadata": {}},
        }
        self._ledger.make(
            "invoices",
            t,
            {
                "id": key,
                "object": "invoice",
                "number": None,
                "customer": subscription.customer,
                "customer_email": customer["email"],
                "customer_name": customer["name"],
                "parent": None if reason == "manual" else parent,
                "status": "draft",
                "billing_reason": reason,
                "collection_method": "send_invoice"
                if subscription.pays_by_transfer
                else "charge_automatically",
                "currency": CURRENCY,
                "subtotal": total,
                "total": total,
                "amount_due": max(0, total),
                "amount_paid": 0,
                "amount_remaining": max(0, total),
                "attempt_count": 0,
                "lines": {"data": [{**line, "invoice": key} for line in lines]},
                "payments": {"data": []},
                "metadata": {},
                "period_start": min(line["period"]["start"] for line in lines),
                "period_end": seconds(t),
                "due_date": None,
                "status_transitions": _NO_TRANSITIONS,
            },
            "invoice.created",
        )
        return key

    def _charge(self, key: str, t: float, total: int, transitions: Row) -> None:
        if not self._dice.chance(CHARGE_FAILS):
            self._paid(key, t + 4 * SECOND, total, transitions, attempts=1)
            return
        self._failed(key, t + 4 * SECOND, attempts=1)
        tries = 1 + int(self._dice.chance(0.4))
        if self._dice.chance(NEVER_PAID):
            self._failed(key, t + RETRIES_AFTER_DAYS[0], attempts=2)
            given_up = t + RETRIES_AFTER_DAYS[1]
            self._change(
                key, given_up, "invoice.marked_uncollectible", status="uncollectible",
                status_transitions={
                    **transitions, "marked_uncollectible_at": seconds(given_up)
                },
            )  # fmt: skip
            return
        if tries == 2:
            self._failed(key, t + RETRIES_AFTER_DAYS[0], attempts=2)
        paid = t + RETRIES_AFTER_DAYS[tries - 1]
        self._paid(key, paid, total, transitions, attempts=1 + tries)
        self._ledger.change(
            "customers", self._subscription.customer, paid + SECOND, "customer.updated",
            delinquent=False,
        )  # fmt: skip

    def _failed(self, key: str, t: float, attempts: int) -> None:
        self._change(key, t, "invoice.payment_failed", attempt_count=attempts)
        self._ledger.change(
            "customers", self._subscription.customer, t + SECOND, "customer.updated",
            delinquent=True,
        )  # fmt: skip

    def _transfer(self, key: str, t: float, total: int, transitions: Row) -> None:
        if self._dice.chance(VOIDED):
            voided = t + self._dice.between(1, 10)
            self._change(
                key, voided, "invoice.voided", status="void",
                status_transitions={**transitions, "voided_at": seconds(voided)},
            )  # fmt: skip
            return
        self._paid(key, t + self._dice.between(4, 38), total, transitions, attempts=0)

    def _paid(self, key: str, t: float, total: int, transitions: Row, attempts: int) -> None:
        intent = self._ledger.key("pi")
        payment = {
            "id": self._ledger.key("inpay"),
            "object": "invoice_payment",
            "amount_paid": total,
            "status": "paid",
            "payment": {"type": "payment_intent", "payment_intent": intent},
        }
        self._change(
            key, t, "invoice.paid", status="paid", amount_paid=total, amount_remaining=0,
            attempt_count=attempts, payments={"data": [payment] if total else []},
            status_transitions={**transitions, "paid_at": seconds(t)},
        )  # fmt: skip
        if total and self._dice.chance(REFUNDED):
            self._refund(t + self._dice.between(1, 20), total, intent)

    def _refund(self, t: float, total: int, intent: str) -> None:
        key, dice = self._ledger.key("re"), self._dice
        row = {
            "id": key,
            "object": "refund",
            "amount": total if dice.chance(0.5) else max(1, total // 2),
            "currency": CURRENCY,
            "status": "pending",
            "reason": dice.pick(("requested_by_customer", "requested_by_customer", "duplicate")),
            "failure_reason": None,
            "charge": self._ledger.key("ch"),
            "payment_intent": intent,
            "metadata": {},
        }
        self._ledger.make("refunds", t, row, "refund.created")
        if dice.chance(0.06):
            self._ledger.change(
                "refunds", key, t + 2, "refund.failed", status="failed",
                failure_reason="expired_or_canceled_card",
            )  # fmt: skip
        else:
            self._ledger.change(
                "refunds", key, t + dice.between(0.01, 3), "refund.updated", status="succeeded"
            )

    def _stray_draft(self) -> None:
        """Somebody begins an invoice by hand and throws it away."""
        t = self._subscription.start + self._dice.between(5, 150)
        if t >= HORIZON:
            return
        line = self._lines.line("Set-up", 50_000, price(self._subscription.stretches[0]), t, t)
        key = self._draft(t, [line], "manual")
        gone = t + self._dice.between(0.5, 6)
        self._ledger.change("invoices", key, gone, "invoice.deleted", deleted=True)

    def _change(self, key: str, t: float, kind: str, **fields: object) -> None:
        self._ledger.change("invoices", key, t, kind, **fields)


_NO_TRANSITIONS: Row = {
    "finalized_at": None,
    "marked_uncollectible_at": None,
    "paid_at": None,
    "voided_at": None,
}
