"""Asks cronsim for the runs of random ordinary expressions around changes of the clock.

python3 make.py CRONSIM_FOLDER > cronsim.txt

Each line: zone, tab, start (UTC), tab, expression, tab, the next five runs
(minutes since the start of each, by UTC). The seed is fixed.
"""
import random, sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

sys.path.insert(0, sys.argv[1])
from cronsim import CronSim, CronSimError

ZONES = {
    "America/New_York": [(2026, 3, 8), (2026, 11, 1)], "Europe/Berlin": [(2026, 3, 29), (2026, 10, 25)],
    "Europe/London": [(2025, 3, 30), (2025, 10, 26)], "Australia/Lord_Howe": [(2026, 4, 5), (2025, 10, 5)],
    "Antarctica/Troll": [(2026, 3, 29), (2026, 10, 25)], "America/Santiago": [(2026, 4, 5), (2026, 9, 6)],
    "Africa/Cairo": [(2024, 4, 26), (2024, 10, 31)], "America/Havana": [(2026, 3, 8), (2026, 11, 1)],
    "Pacific/Chatham": [(2026, 4, 5), (2026, 9, 27)], "Asia/Kathmandu": [(2026, 6, 1)], "UTC": [(2026, 2, 27)],
}
LIMITS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
STAR = [.25, .35, .5, .75, .5]


def item(r, i):
    lo, hi = LIMITS[i]
    if r.random() < STAR[i]:
        return "*" if r.random() < .65 else "*/%d" % r.randint(2, (hi - lo) // 2 or 2)
    a = r.randint(lo, hi)
    if r.random() < .3 and a < hi:
        b = r.randint(a + 1, hi)
        return "%d-%d" % (a, b) + ("/%d" % r.randint(2, b - a) if b - a > 2 and r.random() < .4 else "")
    return str(a)


def expression(r):
    fields = []
    for i in range(5):
        text = item(r, i)
        for _ in range(max(0, r.randint(0, 4) - 2)):
            if not text.startswith("*"):
                more = item(r, i)
                if not more.startswith("*"):
                    text += "," + more
        fields.append(text)
    return " ".join(fields)


r = random.Random(20261122)
zones = [(z, d) for z, days in sorted(ZONES.items()) for d in days]
made = 0
while made < 10000:
    zone, day = zones[made % len(zones)]
    tz = ZoneInfo(zone)
    start = datetime(*day, tzinfo=timezone.utc) + timedelta(minutes=r.randint(-36 * 60, 30 * 60))
    text = expression(r)
    runs, at = [], start
    try:
        for _ in range(5):
            # Asked anew each time, and from a whole minute on, as a scheduler does.
            at = next(CronSim(text, at.astimezone(tz))).astimezone(timezone.utc)
            runs.append(int((at - start).total_seconds() // 60))
    except (StopIteration, CronSimError):
        continue  # 30 February
    print(zone, start.strftime("%Y-%m-%dT%H:%MZ"), text, " ".join(map(str, runs)), sep="\t")
    made += 1
