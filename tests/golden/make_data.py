"""Writes the small data set of the golden answers: python make_data.py, in this folder.

Hand-made rows for the edges (ties, nulls, clock changes, month ends, 29 February, any script), then
a few customers drawn with a seed.
"""

import csv
import datetime
import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED = 20240229

ORDERS = ["CustomerID", "at", "amount", "quantity", "coupon", "product", "rating", "gift", "due"]
WEB = ["customer", "at", "event", "path", "product"]
VISITS = ["customer", "local"]
CRM = ["customer", "timezone", "country", "birth_date", "city", "lat", "lon", "points",
       "newsletter", "interests"]
MOVES = ["customer", "moved_at", "city", "timezone"]

HAND_ORDERS = [
    # anna, Europe/London: month ends, 29 February, the hour of the clock change, Christmas
    ["anna", "2023-12-24T23:30:00Z", "10.50", "1", "SPRING", "Tea", "4.5", "true", "2023-12-28"],
    ["anna", "2023-12-25T09:00:00Z", "20.25", "2", "", "Cake", "3.1", "false", ""],
    ["anna", "2024-01-31T12:00:00Z", "30.0001", "3", "SPRING", "Tea", "", "", "2024-02-29"],
    ["anna", "2024-02-29T12:00:00Z", "40", "", "VIP", "Tea", "4.7", "true", "2024-03-31"],
    ["anna", "2024-03-29T10:00:00Z", "5.05", "1", "", "Hot cross bun", "0.1", "", ""],
    ["anna", "2024-03-31T00:59:59.999999Z", "7", "1", "vip", "Tea", "0.2", "false", ""],
    ["anna", "2024-03-31T01:00:00Z", "8", "1", "VIP", "Cake", "0.3", "false", ""],
    ["anna", "2024-10-27T00:30:00Z", "9.99", "2", "", "Cake", "", "", ""],
    ["anna", "2024-10-27T01:30:00Z", "9.98", "2", "", "Tea", "5", "true", ""],
    ["anna", "2024-12-05T00:00:00Z", "12", "1", "XMAS", "Stollen", "4", "true", "2024-12-24"],
    ["anna", "2024-12-24T23:59:59Z", "13", "1", "XMAS", "Stollen", "4", "true", ""],
    ["anna", "2025-02-28T12:00:00Z", "14", "1", "", "Tea", "4", "", ""],
    # bob, America/New_York: evenings there are the next day in London
    ["bob", "2024-01-01T03:00:00Z", "100", "1", "", "Teapot", "2", "false", ""],
    ["bob", "2024-02-29T04:59:00Z", "50.5", "1", "", "Teapot", "", "false", ""],
    ["bob", "2024-03-10T06:59:59Z", "1", "5", "SPRING", "Tea", "1", "", ""],
    ["bob", "2024-03-10T07:00:00Z", "2", "4", "SPRING", "Tea", "1", "", ""],
    ["bob", "2024-11-03T05:30:00Z", "3", "3", "SPRING", "Tea", "1", "", ""],
    ["bob", "2024-11-03T06:30:00Z", "4", "2", "", "Tea", "1", "", ""],
    ["bob", "2024-11-29T17:00:00Z", "5", "1", "BLACK", "Teapot", "5", "", ""],
    ["bob", "2024-12-25T23:30:00Z", "6", "1", "", "Cake", "", "", ""],
    # 日本, Asia/Kolkata: exact ends of 30 days and of an hour before the evaluations
    ["日本", "2024-02-29T12:00:00Z", "11", "1", "VIP", "抹茶", "4", "true", ""],
    ["日本", "2024-02-29T12:00:00.000001Z", "12", "1", "VIP", "抹茶 Latte", "4", "true", ""],
    ["日本", "2024-03-30T18:30:00Z", "13", "2", "", "MATCHA", "", "", ""],
    ["日本", "2024-03-30T18:29:59Z", "14", "2", "", "matcha", "", "", ""],
    ["日本", "2024-03-31T12:00:00Z", "15", "2", "", "Matcha_50%", "3", "false", ""],
    ["日本", "2024-03-31T12:00:00.000001Z", "16", "2", "", "Straße", "3", "false", ""],
    ["日本", "2024-11-30T09:30:00Z", "17", "2", "", "STRASSE", "3", "false", ""],
    # Zoë: ties in time; every property may be null; no zone of her own
    ["Zoë", "2024-02-10T10:00:00Z", "1.1111", "", "", "Tea", "", "", ""],
    ["Zoë", "2024-02-10T10:00:00Z", "2.2222", "1", "B", "Cake", "", "", ""],
    ["Zoë", "2024-02-10T10:00:00Z", "3.3333", "", "A", "Tea", "1.5", "true", ""],
    ["Zoë", "2024-03-02T10:00:00Z", "", "7", "", "Cake", "", "", "2024-03-05"],
    ["Zoë", "2024-03-02T10:00:00Z", "-4.5", "-7", "", "Jam", "", "false", "2024-03-04"],
    # 17850 and 017850 are two customers
    ["17850", "2023-06-15T00:00:00Z", "99.99", "10", "", "Tea", "4", "", ""],
    ["17850", "2024-06-15T00:00:00Z", "0.01", "10", "", "Tea", "4", "", ""],
    ["017850", "2024-03-31T11:59:59Z", "1", "1", "", "Tea", "4", "", ""],
    # later: only has events in the future of the first evaluations; then exactly 30 days after
    ["later", "2024-12-30T10:00:00Z", "77", "1", "", "Tea", "5", "", ""],
    ["later", "2025-01-29T10:00:00Z", "79", "1", "", "Tea", "5", "", ""],
    ["later", "2025-01-30T10:00:00Z", "78", "1", "", "Tea", "5", "", ""],
    # invalid: a zone that does not exist falls back to the model's
    ["invalid", "2024-03-30T23:30:00Z", "5", "1", "", "Tea", "", "", ""],
]

HAND_WEB = [
    # anna: a cart that became an order within the hour, one that did not, one with a mail between
    ["anna", "2024-02-29T11:30:00Z", "add_to_cart", "", "Tea"],
    ["anna", "2024-02-29T11:45:00Z", "page", "/tea", ""],
    ["anna", "2024-03-30T08:00:00Z", "add_to_cart", "", "Cake"],
    ["anna", "2024-03-30T20:00:00Z", "mail", "", ""],
    ["anna", "2024-12-04T12:00:00Z", "page", "/stollen", ""],
    ["anna", "2024-12-04T12:40:00Z", "add_to_cart", "", "Stollen"],
    ["anna", "2024-12-04T23:00:00Z", "mail", "", ""],
    ["anna", "2024-12-31T08:30:00Z", "add_to_cart", "", "Tea"],
    ["anna", "2024-12-31T08:45:00Z", "krets.sent", "", ""],
    # bob: mail and order in the same microsecond; the order comes first in the file of sources
    ["bob", "2024-03-10T07:00:00Z", "mail", "", ""],
    ["bob", "2024-03-10T07:00:00Z", "add_to_cart", "", "Tea"],
    ["bob", "2024-11-03T05:30:00Z", "add_to_cart", "", "Tea"],
    ["bob", "2024-11-29T16:00:00Z", "add_to_cart", "", "Teapot"],
    ["bob", "2024-12-25T22:29:59Z", "add_to_cart", "", "Cake"],
    # 日本: absence of exactly one hour at the evaluation of 31 March 2024, 12:00
    ["日本", "2024-03-31T11:00:00Z", "add_to_cart", "", "抹茶"],
    ["日本", "2024-02-29T11:00:00Z", "page", "/抹茶", ""],
    ["日本", "2024-02-29T11:10:00Z", "page", "/matcha", ""],
    ["日本", "2024-02-29T11:55:00Z", "add_to_cart", "", "抹茶"],
    # Zoë: a chain that a greedy search misses: the first page is too early for the cart
    ["Zoë", "2024-02-09T08:00:00Z", "page", "/tea", ""],
    ["Zoë", "2024-02-09T08:30:00Z", "add_to_cart", "", "Tea"],
    ["Zoë", "2024-02-10T09:00:00Z", "page", "/tea", ""],
    ["Zoë", "2024-02-10T09:20:00Z", "add_to_cart", "", "Tea"],
    ["Zoë", "2024-03-01T10:00:00Z", "mail", "", ""],
    # reader: never ordered
    ["reader", "2024-01-15T07:00:00Z", "page", "/tea", ""],
    ["reader", "2024-03-31T10:30:00Z", "add_to_cart", "", "Tea"],
    ["reader", "2024-03-31T10:59:59Z", "mail", "", ""],
    ["reader", "2025-03-01T00:00:00Z", "page", "/tea", ""],
    # cart: an absence that is one microsecond short at 2024-03-31T12:00Z
    ["cart", "2024-03-31T11:00:00.000001Z", "add_to_cart", "", "Tea"],
    # our own messages are no activity
    ["17850", "2024-03-20T00:00:00Z", "krets.sent", "", ""],
]

HAND_VISITS = [
    # wall-clock times of Europe/London: a gap (no 01:30), an overlap (01:30 comes twice)
    ["anna", "2024-03-31 01:30:00"],
    ["anna", "2024-10-27 01:30:00"],
    ["anna", "2024-07-01 00:30:00"],
    ["bob", "2024-03-31 00:30:00"],
    ["bob", "2024-12-31 23:59:59"],
    ["later", "2024-12-31 09:30:00"],
    ["Zoë", "2024-02-29 23:59:59"],
    ["Zoë", "2024-03-01 00:00:00"],
    ["日本", "2024-03-31 02:00:00"],
    ["日本", "2024-03-31 00:59:59"],
]

HAND_CRM = [
    ["anna", "Europe/London", "GB", "1992-02-29", "Zürich", "47.3769", "8.5417", "10", "true",
     "golf;wine"],
    ["bob", "America/New_York", "US", "1980-03-31", "new york", "40.7128", "-74.006", "-25",
     "false", "golf"],
    ["日本", "Asia/Kolkata", "", "2000-12-31", "कोलकाता", "22.5726", "88.3639", "", "", "tea;wine;茶"],
    ["Zoë", "", "", "", "", "", "", "25", "", ""],
    ["17850", "", "DE", "1970-01-01", "London", "51.5074", "-0.1278", "7", "true", "wine"],
    ["invalid", "Mars/Olympus", "", "2004-02-29", "100%_real", "0", "180", "0", "false",
     "golf;golf"],
    # known by timeless traits alone: always a customer
    ["quiet", "Pacific/Auckland", "NZ", "1999-04-01", "Auckland", "-36.8485", "174.7633", "3",
     "true", "sail"],
]

HAND_MOVES = [
    ["anna", "2024-06-01T00:00:00Z", "Paris", ""],
    ["17850", "2024-11-01T00:00:00Z", "Delhi", "Asia/Kolkata"],
    ["moved", "2024-06-01T12:00:00Z", "Lima", "America/Lima"],
]


def drawn(chance):
    """Rows of 10 customers, c0 to c9, from 2023 to spring 2025."""
    orders, web, visits, crm = [], [], [], []
    zones = ["Europe/London", "America/New_York", "Asia/Kolkata", ""]
    start = datetime.datetime(2023, 1, 5)
    for number in range(10):
        who = f"c{number}"
        crm.append([who, zones[number % 4], "",
                    f"{1950 + 6 * number}-{1 + number:02}-{28 - number:02}",
                    chance.choice(["London", "Leeds", "Łódź"]), f"{50 + number / 3:.4f}",
                    f"{number - 4}",
                    str(chance.randrange(-40, 60)), chance.choice(["true", "false", ""]),
                    ";".join(chance.sample(["golf", "wine", "tea"], chance.randrange(1, 4)))])
        at = start + datetime.timedelta(minutes=chance.randrange(200 * 1440))
        while at < datetime.datetime(2025, 4, 1):
            orders.append([who, at.isoformat() + "Z", f"{chance.lognormvariate(3, 1):.2f}",
                           chance.choice(["", "1", "2", "3"]),
                           chance.choice(["", "", "SPRING", "VIP"]),
                           chance.choice(["Tea", "Cake", "Jam", "Teapot"]),
                           chance.choice(["", f"{chance.random() * 5:.3f}"]),
                           chance.choice(["", "true", "false"]), ""])
            for name in ["page", "add_to_cart", "mail"]:
                if chance.random() < 0.55:
                    when = at + datetime.timedelta(minutes=chance.randrange(-90, 90))
                    web.append([who, when.isoformat() + "Z", name, "/tea" if name == "page" else "",
                                "Tea" if name == "add_to_cart" else ""])
            if chance.random() < 0.3:
                visits.append([who, at.replace(microsecond=0).isoformat(sep=" ")])
            pause_days = chance.expovariate(1 / (40 + 15 * number))
            at += datetime.timedelta(minutes=int(pause_days * 1440) + 1)
    return orders, web, visits, crm


def tables():
    orders, web, visits, crm = drawn(random.Random(SEED))
    return {
        "orders.csv": [ORDERS] + HAND_ORDERS + orders,
        "web.csv": [WEB] + HAND_WEB + web,
        "visits.csv": [VISITS] + HAND_VISITS + visits,
        "crm.csv": [CRM] + HAND_CRM + crm,
        "moves.csv": [MOVES] + HAND_MOVES,
        "vips.csv": [["anna"], ["日本"], ["c3"], ["nobody"], ["quiet"]],
    }


def main():
    for name, rows in tables().items():
        with open(HERE / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
