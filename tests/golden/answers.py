"""The expected answer of every metric and segment of model.yaml, in plain Python.

METRICS[name](c) and SEGMENTS[name](c) take one Customer (facts.py); POPULATION[name](c, everybody)
also takes all of them. A segment's function is true or false; null is already said as false.
"""

import datetime
import hashlib
import itertools
import math
import re
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

from facts import DAY, MICROSECOND, instant, shop_time

HOUR = datetime.timedelta(hours=1)


class About:
    """A number that the reference states only as a quantity: equal within a share."""

    def __init__(self, value, share):
        self.value = value
        self.share = share


# --- small words ----------------------------------------------------------------------------------

def values(events, name):
    return [e[name] for e in events if e[name] is not None]


def edge(found, index):
    try:
        return found[index]
    except IndexError:
        return None


def at(found, index):
    event = edge(found, index)
    return event.t if event else None


def mean(found):
    return float(sum(found)) / len(found) if found else None


def exact_mean(found):
    return float(sum(found) / len(found)) if found else None


def days(span):
    return span / DAY


def gap(events):
    return days(events[-1].t - events[0].t) / (len(events) - 1) if len(events) > 1 else None


def mode(found):
    """Most frequent, a tie to the one seen last."""
    counts = Counter(found)
    latest = {value: place for place, value in enumerate(found)}
    return max(counts, key=lambda value: (counts[value], latest[value]), default=None)


def by_product(c):
    groups = {}
    for e in c.orders:
        groups.setdefault(e["product"], []).append(e)
    return groups.values()


def after(events, anchor, span=None):
    """Strictly after the anchor in (time, arrival), at most `span` later; no anchor is null."""
    if anchor is None:
        return None
    return [e for e in events if e.when > anchor.when and (span is None or e.t <= anchor.t + span)]


def count(found):
    return None if found is None else len(found)


def where(events, condition):
    return [e for e in events if condition(e)]


# Three-valued logic: None is unknown.

def both(a, b):
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def either(a, b):
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


def opposite(a):
    return None if a is None else not a


def compare(a, test):
    return None if a is None else test(a)


def half_away(value, digits):
    return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def full_years(born, today):
    birthday_passed = (today.month, today.day) >= (born.month, born.day)
    return today.year - born.year - (not birthday_passed)


def birthday(born, year):
    try:
        return born.replace(year=year)
    except ValueError:
        return datetime.date(year, 3, 1)


def next_birthday(born, today):
    this_year = birthday(born, today.year)
    return this_year if this_year >= today else birthday(born, today.year + 1)


def great_circle_km(lat1, lon1, lat2, lon2):
    a, b, c, d = map(math.radians, (lat1, lon1, lat2, lon2))
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(h))


def bucket(salt, name, number):
    digest = hashlib.sha256(f"{salt}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % number


def near_day(c, days_of, before=0, later=0):
    """Orders whose local date lies in [H - before, H - 1] or [H + 1, H + later], or on H."""
    found = []
    for e in c.orders:
        date = c.local(e.t).date()
        for holiday in days_of:
            away = (date - holiday).days
            if (before and -before <= away <= -1) or (later and 1 <= away <= later) \
                    or (not before and not later and away == 0):
                found.append(e)
                break
    return len(found)


CHRISTMAS = [datetime.date(year, 12, 25) for year in range(2022, 2027)]
GOOD_FRIDAY = [datetime.date(2023, 4, 7), datetime.date(2024, 3, 29), datetime.date(2025, 4, 18)]
EASTER_MONDAY = [datetime.date(2023, 4, 10), datetime.date(2024, 4, 1), datetime.date(2025, 4, 21)]


def chain(c, steps, starts=None, in_all=None):
    """Whether any chain of events fits the steps: (wanted, event kinds and condition, within).

    Tries every choice of events for the wanted steps; the steps that must be absent are looked at
    between their neighbours, or until the deadline at the end. `in_all` is the (number, unit) that
    the last wanted step may lie after the first.
    """
    wanted = [step for step in steps if step[0]]
    candidates = [[e for e in c.events if step[1](e)] for step in wanted]
    if starts is not None:
        candidates[0] = [e for e in candidates[0] if e in starts]
    return any(fits(c, steps, choice) for choice in itertools.product(*candidates)
               if in_all is None or choice[-1].t <= c.later(choice[0].t, *in_all))


def chain_by(c, name, steps, **limits):
    """Whether a chain fits among the events of any one value, as if there were no others."""
    found = {e[name] for e in c.events if e[name] is not None}
    return any(chain(c.only(where(c.events, lambda e, v=value: e[name] == v)), steps, **limits)
               for value in found)


def fits(c, steps, choice):
    place = -1
    for number, (is_wanted, matches, within) in enumerate(steps):
        if is_wanted:
            place += 1
            if place > 0:
                before, this = choice[place - 1], choice[place]
                if this.when <= before.when or (within and this.t > before.t + within):
                    return False
            continue
        since = choice[place]
        following = choice[place + 1] if number + 1 < len(steps) else None
        if following is None and within and c.now < since.t + within:
            return False
        for e in c.events:
            if matches(e) and e.when > since.when and (within is None or e.t <= since.t + within) \
                    and (following is None or e.when < following.when):
                return False
    return True


def a(kind, condition=lambda e: True, within=None):
    return True, lambda e: e.kind == kind and condition(e) is True, within


def no(kind, within=None):
    return False, lambda e: e.kind == kind, within


def is_tea(e):
    return e["product"] == "Tea"


def is_spring(e):
    return e["coupon"] == "SPRING"


# --- metrics --------------------------------------------------------------------------------------

WHOLE = {
    "orders": lambda c: len(c.orders),
    "activity": lambda c: len(c.any),
    "page_or_cart": lambda c: len(c.of("page", "add_to_cart")),
    "own_mails": lambda c: len(c.of("krets.sent")),
}

ROLLING = {
    "orders_30_days": lambda c: len(c.last(c.orders, 30, "day")),
    "orders_24_hours": lambda c: len(c.last(c.orders, 24, "hour")),
    "orders_90_minutes": lambda c: len(c.last(c.orders, 90, "minute")),
    "orders_1_second": lambda c: len(c.last(c.orders, 1, "second")),
    "orders_5_weeks": lambda c: len(c.last(c.orders, 5, "week")),
    "orders_1_month": lambda c: len(c.last(c.orders, 1, "month")),
    "orders_2_months": lambda c: len(c.last(c.orders, 2, "month")),
    "orders_3_months": lambda c: len(c.last(c.orders, 3, "month")),
    "orders_13_months": lambda c: len(c.last(c.orders, 13, "month")),
    "orders_1_quarter": lambda c: len(c.last(c.orders, 1, "quarter")),
    "orders_1_year": lambda c: len(c.last(c.orders, 1, "year")),
    "orders_60_to_30_days": lambda c: len(c.ago(c.orders, (60, "day"), (30, "day"))),
    "orders_3_months_to_1_day": lambda c: len(c.ago(c.orders, (3, "month"), (1, "day"))),
    "orders_old": lambda c: len(c.older(c.orders, 90, "day")),
    "orders_older_months": lambda c: len(c.older(c.orders, 1, "month")),
}

CALENDAR = {
    "orders_today": lambda c: len(c.this(c.orders, "day")),
    "orders_yesterday": lambda c: len(c.previous(c.orders, "day")),
    "orders_this_day": lambda c: len(c.this(c.orders, "day")),
    "orders_this_week": lambda c: len(c.this(c.orders, "week")),
    "orders_this_month": lambda c: len(c.this(c.orders, "month")),
    "orders_this_quarter": lambda c: len(c.this(c.orders, "quarter")),
    "orders_this_year": lambda c: len(c.this(c.orders, "year")),
    "orders_previous_day": lambda c: len(c.previous(c.orders, "day")),
    "orders_previous_week": lambda c: len(c.previous(c.orders, "week")),
    "orders_previous_month": lambda c: len(c.previous(c.orders, "month")),
    "orders_previous_quarter": lambda c: len(c.previous(c.orders, "quarter")),
    "orders_previous_year": lambda c: len(c.previous(c.orders, "year")),
    "orders_2_full_days": lambda c: len(c.previous(c.orders, "day", 2)),
    "orders_5_full_weeks": lambda c: len(c.previous(c.orders, "week", 5)),
    "orders_2_full_months": lambda c: len(c.previous(c.orders, "month", 2)),
    "orders_since_march": lambda c: len(where(c.orders, lambda e: e.t >= shop_time("2024-03-01"))),
    "orders_before_march": lambda c: len(where(c.orders, lambda e: e.t < shop_time("2024-03-01"))),
    # 02:00 on the day the clocks go forward is 01:00 UTC
    "orders_since_time": lambda c: len(
        where(c.orders, lambda e: e.t >= instant("2024-03-31T01:00Z"))),
    "orders_between_dates": lambda c: len(
        c.between(c.orders, shop_time("2024-02-29"), shop_time("2024-03-31"))),
    # 01:30 on the day the clocks go back comes twice: the first is 00:30 UTC
    "orders_between_times": lambda c: len(
        c.between(c.orders, instant("2024-02-29T12:00Z"), instant("2024-10-27T00:30Z"))),
    "visits_on_overlap": lambda c: len(where(
        c.of("visit"), lambda e: e.t == instant("2024-10-27T00:30Z"))),
    # 01:30 does not exist on 31 March: an hour later it is 02:30 in summer time, 01:30 UTC
    "visits_in_gap": lambda c: len(where(
        c.of("visit"), lambda e: e.t == instant("2024-03-31T01:30Z"))),
}


def first_span(c, events, span):
    """[t0, t0 + span), t0 the first `any` event; nobody's events lie before it."""
    if not c.any:
        return None
    start = c.any[0].t
    return [e for e in events if start <= e.t < start + span]


def carts_before_last(c):
    if not c.orders:
        return None
    last = c.orders[-1]
    return len([e for e in c.of("add_to_cart") if last.t - HOUR <= e.t and e.when < last.when])


def since_mail(c):
    return after(c.orders, edge(c.of("mail"), -1))


def never_since_mail(c):
    return compare(since_mail(c), lambda found: len(found) == 0)


ANCHORED = {
    "orders_first_30_days": lambda c: count(first_span(c, c.orders, 30 * DAY)),
    "activity_first_2_hours": lambda c: count(first_span(c, c.any, 2 * HOUR)),
    "orders_since_first": lambda c: count(after(c.orders, edge(c.orders, 0))),
    "orders_since_mail": lambda c: count(since_mail(c)),
    "never_since_mail": lambda c: 1 if never_since_mail(c) else 0,
    "never_since_mail_null": lambda c: 1 if never_since_mail(c) is None else 0,
    "carts_since_first_order": lambda c: count(after(c.of("add_to_cart"), edge(c.orders, 0))),
    "orders_month_after_first": lambda c: count(after(c.orders, edge(c.orders, 0), 30 * DAY)),
    "carts_before_last_order": carts_before_last,
    "amount_since_mail": lambda c: compare(
        since_mail(c), lambda found: sum(values(found, "amount"), Decimal(0))),
}


def in_order(numbers):
    """Numbers add one after the other."""
    total = 0.0
    for number in numbers:
        total += number
    return total


def value_of_pieces(c):
    return sum((e["amount"] * e["quantity"] for e in c.orders if e["coupon"] is None
                and e["amount"] is not None and e["quantity"] is not None), Decimal(0))


SUMMED = {
    "money": lambda c: sum(values(c.orders, "amount"), Decimal(0)),
    "money_90_days": lambda c: sum(values(c.last(c.orders, 90, "day"), "amount"), Decimal(0)),
    "pieces": lambda c: sum(values(c.orders, "quantity")),
    "stars": lambda c: in_order(values(c.orders, "rating")),
    "mean_money": lambda c: exact_mean(values(c.orders, "amount")),
    "mean_stars": lambda c: in_order(values(c.orders, "rating")) / len(values(c.orders, "rating"))
    if values(c.orders, "rating") else None,
    "mean_pieces": lambda c: mean(values(c.last(c.orders, 1, "year"), "quantity")),
    "smallest": lambda c: min(values(c.orders, "amount"), default=None),
    "largest": lambda c: max(values(c.last(c.orders, 1, "year"), "amount"), default=None),
    "last_due": lambda c: max(values(c.orders, "due"), default=None),
    "first_due": lambda c: min(values(c.orders, "due"), default=None),
    "value_of_pieces": value_of_pieces,
    "products": lambda c: len(set(values(c.orders, "product"))),
    "coupons": lambda c: len(set(values(c.orders, "coupon"))),
    "order_days": lambda c: len({c.local(e.t).date() for e in c.orders}),
    "order_weeks": lambda c: len({c.local(e.t).isocalendar()[:2] for e in c.orders}),
    "order_months": lambda c: len(
        {(c.local(e.t).year, c.local(e.t).month) for e in c.last(c.orders, 1, "year")}),
    "rhythm": lambda c: gap(c.orders),
    "rhythm_in_year": lambda c: gap(c.last(c.orders, 1, "year")),
    "most_of_one": lambda c: max(map(len, by_product(c)), default=None),
    "fewest_of_one": lambda c: min(map(len, by_product(c)), default=None),
    "most_money_on_one": lambda c: max(
        (sum(values(group, "amount"), Decimal(0)) for group in by_product(c)), default=None),
}

PLACED = {
    "first_order": lambda c: at(c.orders, 0),
    "last_order": lambda c: at(c.orders, -1),
    "second_order": lambda c: at(c.orders, 1),
    "second_last_order": lambda c: at(c.orders, -2),
    "first_coupon": lambda c: edge(values(c.orders, "coupon"), 0),
    "last_coupon": lambda c: edge(values(c.orders, "coupon"), -1),
    "second_coupon": lambda c: edge(values(c.orders, "coupon"), 1),
    "last_but_one_rating": lambda c: edge(values(c.orders, "rating"), -2),
    "last_product": lambda c: edge(values(c.orders, "product"), -1),
    "favourite": lambda c: mode(values(c.orders, "product")),
    "favourite_coupon": lambda c: mode(values(c.last(c.orders, 1, "year"), "coupon")),
}


def orders_where(condition):
    """How many orders make the condition true; unknown is not true."""
    return lambda c: len([e for e in c.orders if condition(e) is True])


def many(e):
    return compare(e["quantity"], lambda n: n > 1)


def text(test):
    return orders_where(lambda e: compare(e["product"], test))


CONDITIONS = {
    "not_spring": orders_where(lambda e: compare(e["coupon"], lambda x: x != "SPRING")),
    "not_not_spring": orders_where(
        lambda e: opposite(compare(e["coupon"], lambda x: x == "SPRING"))),
    "spring_or_vip": orders_where(lambda e: compare(e["coupon"], lambda x: x in ("SPRING", "VIP"))),
    "neither": orders_where(lambda e: compare(e["coupon"], lambda x: x not in ("SPRING", "VIP"))),
    "no_coupon": orders_where(lambda e: e["coupon"] is None),
    "gift_or_many": orders_where(lambda e: either(e["gift"], many(e))),
    "not_both": orders_where(lambda e: opposite(both(e["gift"], many(e)))),
    "two_or_three": orders_where(lambda e: compare(e["quantity"], lambda n: 2 <= n <= 3)),
    "not_two_or_three": orders_where(lambda e: compare(e["quantity"], lambda n: not 2 <= n <= 3)),
    "gifts": orders_where(lambda e: e["gift"]),
    "like_tea": text(lambda x: x.startswith("Tea")),
    "like_one_more": text(lambda x: len(x) == 3 and x.startswith("Te")),
    "ilike_matcha": text(lambda x: x in ("matcha", "MATCHA", "Matcha")),
    # the small ß is one letter, STRASSE has two S: lower case letter by letter does not join them
    "ilike_strasse": text(lambda x: x == "Straße"),
    "contains_cha": text(lambda x: "茶" in x),
    "starts_tea": text(lambda x: x.startswith("Tea")),
    "ends_pot": text(lambda x: x.endswith("pot")),
    "not_matches": text(lambda x: re.search("^[A-Z][a-z]+$", x) is None),
    "percent_sign": text(lambda x: "%" in x),
}


def last_local(c):
    return c.local(c.orders[-1].t) if c.orders else None


def first_local(c):
    return c.local(c.orders[0].t) if c.orders else None


TIMES = {
    "sundays": lambda c: len([e for e in c.orders if c.local(e.t).isoweekday() == 7]),
    "evenings": lambda c: len([e for e in c.orders if c.local(e.t).hour in (22, 23, 0)]),
    "last_weekday": lambda c: compare(last_local(c), lambda t: t.isoweekday()),
    "last_hour": lambda c: compare(last_local(c), lambda t: t.hour),
    "last_day": lambda c: compare(last_local(c), lambda t: t.day),
    "first_month": lambda c: compare(first_local(c), lambda t: t.month),
    "first_year": lambda c: compare(first_local(c), lambda t: t.year),
    "before_christmas": lambda c: near_day(c, CHRISTMAS, before=21),
    "on_christmas": lambda c: near_day(c, CHRISTMAS),
    "on_good_friday": lambda c: near_day(c, GOOD_FRIDAY),
    "after_good_friday": lambda c: near_day(c, GOOD_FRIDAY, later=2),
    "before_easter_monday": lambda c: near_day(c, EASTER_MONDAY, before=1),
    "recency": lambda c: compare(edge(c.orders, -1), lambda e: days(c.now - e.t)),
    "days_known": lambda c: compare(edge(c.orders, -1), lambda e: days(e.t - c.orders[0].t)),
    "nights": lambda c: compare(last_local(c), lambda t: (c.today - t.date()).days),
    "nights_since_visit": lambda c: compare(
        edge(c.of("visit"), -1), lambda e: (c.today - c.local(e.t).date()).days),
    "years": lambda c: compare(c.trait("birth_date"), lambda born: full_years(born, c.today)),
    "next_birthday": lambda c: compare(
        c.trait("birth_date"), lambda born: next_birthday(born, c.today)),
    "to_new_year": lambda c: days(instant("2026-01-01T00:00Z") - c.now),
}


def london_km(c):
    if c.trait("lat") is None or c.trait("lon") is None:
        return None
    return About(great_circle_km(c.trait("lat"), c.trait("lon"), 51.5074, -0.1278), 0.003)


def points(test):
    return lambda c: compare(c.trait("points"), test)


def least(*found):
    return min((x for x in found if x is not None), default=None)


def greatest(*found):
    return max((x for x in found if x is not None), default=None)


def yes(value):
    return 1 if value else 0


TRAITS = {
    "town": lambda c: c.trait("city") or "nowhere",
    "town_length": lambda c: compare(c.trait("city"), len),
    "town_lower": lambda c: compare(c.trait("city"), str.lower),
    "interest_count": lambda c: compare(c.trait("interests"), len),
    "golfer": lambda c: yes("golf" in (c.trait("interests") or [])),
    "wine_or_tea": lambda c: yes({"wine", "茶"} & set(c.trait("interests") or [])),
    "from_london_km": london_km,
    "points_third": points(lambda n: n / 3),
    "points_half": points(lambda n: half_away(n / 2, 0)),
    "points_tenth": points(lambda n: half_away(n / 10, 1)),
    "points_floor": points(lambda n: n // 7),
    "points_ceil": points(lambda n: -(-n // 7)),
    "points_distance": points(abs),
    "share_of_year": lambda c: len(c.last(c.orders, 1, "year")) / len(c.orders)
    if c.orders else None,
    "by_zero": lambda c: None,
    "lowest": lambda c: least(c.trait("points"), len(c.orders), 5),
    "highest": lambda c: greatest(c.trait("points"), edge(values(c.orders, "quantity"), 0)),
    "unknown_reader": lambda c: "yes" if c.trait("newsletter") else "no",
    "null_and_false": lambda c: yes(both(c.trait("newsletter"), False) is None),
    "null_or_true": lambda c: yes(either(c.trait("newsletter"), True)),
    "null_and_true": lambda c: yes(both(c.trait("newsletter"), True) is None),
    "not_null": lambda c: yes(opposite(c.trait("newsletter")) is None),
    "null_in": lambda c: yes(c.trait("city") is None),
    "test_group": lambda c: bucket("spring", c.name, 100),
    "test_arm": lambda c: bucket("ünïcode", c.name, 3),
}

def completed(c, t, number, unit):
    return None if t is None else c.now >= c.later(t, number, unit)


STATED = {
    "mail_month_over": lambda c: completed(c, at(c.of("mail"), -1), 1, "month"),
    "first_due_week_over": lambda c: completed(
        c, compare(SUMMED["first_due"](c), c.midnight), 1, "week"),
    "town_half_a_year_ago": lambda c: c.trait_at("city", c.now - 180 * DAY),
    "town_at_first_order": lambda c: c.trait_at("city", at(c.orders, 0)),
    "town_on_first_of_june": lambda c: c.trait_at("city", shop_time("2024-06-01")),
    "town_tomorrow": lambda c: c.trait("city"),
    "points_at_last_mail": lambda c: c.trait_at("points", at(c.of("mail"), -1)),
}

METRICS = {**WHOLE, **ROLLING, **CALENDAR, **ANCHORED, **SUMMED, **PLACED, **CONDITIONS, **TIMES,
           **TRAITS, **STATED}


# --- the population -------------------------------------------------------------------------------

def quantile(found, share):
    """numpy's default: linear interpolation between order statistics, computed from both sides."""
    found = sorted(found)
    place = share * (len(found) - 1)
    low = math.floor(place)
    high = min(low + 1, len(found) - 1)
    part = place - low
    step = found[high] - found[low]
    return found[low] + step * part if part < 0.5 else found[high] - step * (1 - part)


def ntile(value, fitted, number):
    """The smallest k with value <= q(k/number); above the last bound the last tile."""
    if value is None or not fitted:
        return None
    for k in range(1, number):
        if value <= quantile([float(x) for x in fitted], k / number):
            return k
    return number


def percentile(value, fitted):
    if value is None or not fitted:
        return None
    return len([x for x in fitted if x <= value]) / len(fitted)


def known(everybody, metric):
    return [value for value in map(metric, everybody) if value is not None]


def buyers(everybody):
    return [c for c in everybody if c.orders]


RECENCY, ORDERS, MONEY = TIMES["recency"], WHOLE["orders"], SUMMED["money"]

def top(value, fitted, number):
    """Whether fewer than `number` of the fitted are larger: whoever ties with the last is in."""
    if value is None or not fitted:
        return None
    return len([x for x in fitted if x > value]) < number


POPULATION = {
    "top_recency": lambda c, all_: top(RECENCY(c), known(all_, RECENCY), 4),
    "recency_fifth": lambda c, all_: ntile(RECENCY(c), known(all_, RECENCY), 5),
    "frequency_quarter": lambda c, all_: ntile(ORDERS(c), known(all_, ORDERS), 4),
    "buyer_third": lambda c, all_: ntile(ORDERS(c), known(buyers(all_), ORDERS), 3),
    "money_share": lambda c, all_: percentile(MONEY(c), known(all_, MONEY)),
    "money_share_of_buyers": lambda c, all_: percentile(MONEY(c), known(buyers(all_), MONEY)),
}


# --- segments -------------------------------------------------------------------------------------

def moved(c, start=None, end=None, test=lambda before, after: True):
    """Whether the city changed in [start, end)."""
    return any((start is None or start <= t) and (end is None or t < end) and test(before, after)
               for t, before, after in c.changes("city"))


def moved_since_mail(c):
    mail = at(c.of("mail"), 0)
    return None if mail is None else moved(c, mail + MICROSECOND)


SEGMENTS = {
    "same_cart_ordered": lambda c: chain_by(c, "product", [a("add_to_cart"), a("order")]),
    "same_cart_abandoned": lambda c: chain_by(
        c, "product", [a("add_to_cart"), no("order", 30 * DAY)]),
    "same_again_uncarted": lambda c: chain_by(
        c, "product", [a("order"), no("add_to_cart"), a("order")], in_all=(60, "day")),
    "same_in_year": lambda c: chain_by(
        c, "product", [a("order"), a("order"), a("order")], in_all=(1, "quarter"),
        starts=c.last(c.events, 1, "year")),
    "page_to_order_3_hours": lambda c: chain(
        c, [a("page"), a("add_to_cart"), a("order")], in_all=(3, "hour")),
    "three_in_month": lambda c: chain(
        c, [a("order"), a("order"), a("order")], in_all=(1, "month")),
    "two_then_quiet": lambda c: chain(
        c, [a("order"), a("order"), no("order", 45 * DAY)], in_all=(1, "month")),
    "half_a_year_known": lambda c: completed(c, at(c.orders, 0), 2, "quarter") is True,
    "still_fresh": lambda c: completed(c, at(c.any, -1), 20, "day") is False,
    "moved_in_year": lambda c: moved(c, c.back(1, "year") + MICROSECOND),
    "moved_this_quarter": lambda c: moved(c, c.midnight(c.period("quarter"))),
    "moved_to_paris": lambda c: moved(c, shop_time("2024-06-01"), shop_time("2024-06-02"),
                                      lambda before, after: after == "Paris"),
    "moved_from_zurich": lambda c: moved(c, end=shop_time("2025-01-01"),
                                         test=lambda before, after: before == "Zürich"),
    "first_town": lambda c: moved(c, end=shop_time("2025-01-01"),
                                  test=lambda before, after: before is None),
    "moved_since_mail": lambda c: moved_since_mail(c) is True,
    "not_moved_since_mail": lambda c: moved_since_mail(c) is False,
    "vips": lambda c: c.vip,
    "active_vips": lambda c: c.vip and len(c.last(c.orders, 90, "day")) > 0,
    "not_vips": lambda c: not c.vip,
    "unknown_is_out": lambda c: c.trait("newsletter") is True and len(c.any) > 0,
    "not_unknown_is_out": lambda c: c.trait("newsletter") is False,
    "parisians": lambda c: c.trait("city") == "Paris",
    "londoners": lambda c: c.trait("city") == "London",
    "not_londoners": lambda c: c.trait("city") not in (None, "London"),
    "quiet_since_mail": lambda c: never_since_mail(c) is True,
    "not_quiet_since_mail": lambda c: never_since_mail(c) is False,
    "never_ordered": lambda c: not c.orders,
    "big_spenders": lambda c: SUMMED["money_90_days"](c) >= 40 and len(c.orders) >= 3,
    "recent": lambda c: bool(c.orders) and c.orders[-1].t > c.now - 30 * DAY,
    "lost": lambda c: bool(c.orders) and RECENCY(c) > 60.5,
    "two_and_two": lambda c: len(c.orders) >= 2 and SUMMED["products"](c) >= 2,
    "cart_then_order": lambda c: chain(c, [a("add_to_cart"), a("order", within=DAY)]),
    "cart_then_order_30_minutes": lambda c: chain(
        c, [a("add_to_cart"), a("order", within=HOUR / 2)]),
    "cart_abandoned": lambda c: chain(
        c, [a("add_to_cart"), no("order", HOUR)], starts=c.last(c.events, 7, "day")),
    "cart_abandoned_ever": lambda c: chain(c, [a("add_to_cart"), no("order")]),
    "cart_without_mail": lambda c: chain(c, [a("add_to_cart"), no("mail"), a("order")]),
    "page_cart_order": lambda c: chain(
        c, [a("page"), a("add_to_cart", within=HOUR), a("order", within=1.5 * HOUR)]),
    "three_teas": lambda c: chain(
        c, [a("order", is_tea), a("order", is_tea, 30 * DAY), a("order", is_tea)]),
    "page_unbought_mail": lambda c: chain(c, [a("page"), no("order", 2 * HOUR), a("mail")]),
    "two_at_once": lambda c: chain(
        c, [a("order"), a("order", within=datetime.timedelta(seconds=1))]),
    "spring_chain": lambda c: chain(
        c, [a("order", is_spring), a("order", is_spring, 30 * DAY)],
        starts=c.last(c.events, 1, "year")),
}

RECENT, LOST, PARISIANS, BIG = (
    SEGMENTS[name] for name in ("recent", "lost", "parisians", "big_spenders"))
MONTH = 30 * DAY


def stayed(c, member, start, *lengths):
    """In the segment from start to now, both included."""
    then = c.seen_at(start)
    return then.exists and member(then) and not any(
        start < t for t, _ in c.turns(member, *lengths))


OVER_TIME = {
    "recent_again": lambda c: any(is_in and t > c.now - 60 * DAY for t, is_in in c.turns(RECENT, MONTH)),
    "recent_no_more": lambda c: any(
        not is_in and t > c.now - 60 * DAY for t, is_in in c.turns(RECENT, MONTH)),
    "recent_for_20_days": lambda c: stayed(c, RECENT, c.now - 20 * DAY, MONTH),
    "not_recent_for_a_month": lambda c: not stayed(c, RECENT, c.back(1, "month"), MONTH),
    # recency > 60.5 is true a microsecond after that time
    "lost_this_month": lambda c: any(
        is_in and t >= c.midnight(c.period("month"))
        for t, is_in in c.turns(LOST, 60.5 * DAY + MICROSECOND)),
    "new_parisian": lambda c: any(
        is_in and t < shop_time("2025-01-01") for t, is_in in c.turns(PARISIANS)),
    "left_london_after_mail": lambda c: not c.of("mail"),
    "spends_since_first_order": lambda c: bool(c.orders) and any(
        is_in and t > c.orders[0].t for t, is_in in c.turns(BIG, 90 * DAY)),
}
SEGMENTS |= OVER_TIME

POPULATION_SEGMENTS = {
    "best_fifth": lambda c, all_: POPULATION["recency_fifth"](c, all_) == 1
    and POPULATION["frequency_quarter"](c, all_) == 4,
    "top_3_orders": lambda c, all_: top(ORDERS(c), known(all_, ORDERS), 3),
    "top_2_in_london": lambda c, all_: c.trait("city") == "London" and top(
        MONEY(c), known([x for x in all_ if x.trait("city") == "London"], MONEY), 2),
    "not_top_recency": lambda c, all_: POPULATION["top_recency"](c, all_) is False,
    "upper_half": lambda c, all_: POPULATION["money_share"](c, all_) > 0.5,
}
