"""When a subscription is renewed: on its day of each month, by the calendar of its zone."""

import calendar
from datetime import date
from zoneinfo import ZoneInfo


def day_of(start, months):
    """The day that many months after the start; the last of a month that is too short."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def due(subscription, now):
    """The months, counted from the start, for which it is to be charged by now and has not been."""
    start = date.fromisoformat(subscription["start"])
    today = now.astimezone(ZoneInfo(subscription["zone"])).date()
    months = int(subscription.get("charged_months", 0)) + 1
    while day_of(start, months) <= today:
        yield months
        months += 1
