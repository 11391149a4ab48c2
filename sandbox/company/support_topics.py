"""What people ask the support desk, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One kind of question; ``weight`` is how often it comes up."""

    tag: str
    subject: str
    question: str
    answer: str
    priority: str
    weight: float


TOPICS = (
    Topic(
        "late_delivery",
        "Our group order came late",
        "Lunch for the team was 50 minutes late today. Can you find out what happened?",
        "I'm sorry about that. The kitchen was short of drivers; I have given you a credit.",
        "high",
        0.24,
    ),
    Topic(
        "wrong_items",
        "Items missing from our order",
        "Two of the lines of our order were missing. Could we have them refunded?",
        "Sorry for the trouble. Both lines are refunded; it takes three to five days to show.",
        "high",
        0.18,
    ),
    Topic(
        "over_limit",
        "We hit the limit of our plan",
        "A banner says that we are over our plan. What happens to the orders we have open?",
        "Nothing happens to open orders. A larger plan lifts the limit at once.",
        "normal",
        0.12,
    ),
    Topic(
        "invoice",
        "Question about our invoice",
        "Our accountant needs the VAT number on the invoice. Where do we set it?",
        "Under Billing, Company details. I have sent you the last invoice anew.",
        "normal",
        0.14,
    ),
    Topic(
        "slack",
        "Slack reminders don't arrive",
        "We connected Slack, but the channel gets no reminder before the order closes.",
        "Please connect it once more as an owner of the Slack workspace; then it works.",
        "normal",
        0.12,
    ),
    Topic(
        "invite",
        "A colleague can't accept the invitation",
        "She gets an error when she opens the link of the invitation.",
        "The invitation had expired. I have sent a new one.",
        "low",
        0.1,
    ),
    Topic(
        "how_to",
        "How do we set a budget per person?",
        "We'd like to pay up to 12 dollars per person. Is there a rule for that?",
        "Yes: Settings, Budget rules. It holds from the next order on.",
        "low",
        0.1,
    ),
)
SPAM = Topic(
    "spam", "Grow your restaurant traffic", "We offer first-page ranking ...", "", "low", 0.0
)
