#!/usr/bin/env python3
"""The figures as a picture: chart.py latest.json latest.svg. Bars are medians, their lines go from least to most."""
import html
import json
import math
import pathlib
import sys

from others import FLOORS

WIDTH, COLUMN, MARGIN, NAME, BAR, ROW = 1240, 600, 20, 150, 230, 19
COLOURS = {"sallyport": "#1f5fa8", "nginx": "#8a8a8a", "haproxy": "#b0b0b0", "squid": "#6b6b6b", "mitmproxy": "#cfcfcf", "durable": "#1f5fa8", "buffered": "#7fb2e6",
           "the": "#3f8f4f"}
GROWTH = {"sallyport": "#1f5fa8", "sallyport-durable": "#7fb2e6", "nginx": "#3f8f4f", "haproxy": "#c98a1b", "squid": "#a33a3a"}


def text(x, y, words, anchor="start", size=12, weight="normal", colour="#222222"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
            f'fill="{colour}">{html.escape(str(words))}</text>')


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def colour_of(name):
    return COLOURS.get(name.split("-")[0].split(" ")[0], "#8a8a8a")


def bars(title, rows, note=""):
    """rows: (name, {median, min, max}, what stands behind). A bar 2.5 times as long as the second longest is cut."""
    def draw(x, y):
        out = [text(x, y + 14, title, weight="bold", size=13)]
        medians = sorted(figure["median"] for _, figure, _ in rows)
        most = max(f["max"] for _, f, _ in rows)
        if len(medians) > 1 and medians[-1] > 2.5 * medians[-2]:
            most = max(f["max"] for _, f, _ in rows if f["median"] != medians[-1])
        y += 22
        for name, figure, behind in rows:
            scale, cut = BAR / most, figure["median"] > most
            length = min(figure["median"], most) * scale
            out.append(text(x + NAME - 6, y + 13, name, "end"))
            out.append(f'<rect x="{x + NAME}" y="{y + 2}" width="{length:.1f}" height="14" fill="{colour_of(name)}"/>')
            if cut:
                out.append(f'<path d="M{x + NAME + BAR - 14} {y} l5 18 m3 -18 l5 18" stroke="white" stroke-width="2" fill="none"/>')
            elif figure["max"] > figure["min"]:
                low, high = (x + NAME + figure[key] * scale for key in ("min", "max"))
                out.append(f'<path d="M{low:.1f} {y + 9} H{high:.1f} M{low:.1f} {y + 5} v8 M{high:.1f} {y + 5} v8" stroke="#111111" fill="none"/>')
            end = max(length, 0 if cut else min(figure["max"], most) * scale)
            out.append(text(x + NAME + end + 6, y + 13, f"{number(figure['median'])}{behind}", size=11))
            y += ROW
        if note:
            out.append(text(x, y + 12, note, size=10, colour="#666666"))
        return "".join(out)
    return 22 + ROW * len(rows) + (18 if note else 4), draw


def lines(title, xs, series, note=""):
    """Growth: both axes by powers; series: (name, [{median, min, max} or None])."""
    def draw(x, y):
        height, width, left = 150, 330, 60
        values = [f[key] for _, figures in series for f in figures if f for key in ("min", "max")]
        low, high = min(min(values) * 0.9, max(values) / 10), max(values) * 1.1  # what is flat looks flat
        at_x = [x + left + 10 + (width - 20) * math.log(v / xs[0]) / math.log(xs[-1] / xs[0]) for v in xs]

        def at_y(value):
            return y + 26 + height - height * math.log(value / low) / math.log(high / low)
        out = [text(x, y + 14, title, weight="bold", size=13)]
        for step in range(5):
            value = low * (high / low) ** (step / 4)
            out.append(f'<path d="M{x + left} {at_y(value):.1f} h{width}" stroke="#dddddd"/>' + text(x + left - 6, at_y(value) + 4, number(value), "end", 10))
        for value, where in zip(xs, at_x):
            out.append(text(where, y + 26 + height + 14, f"{value:,}", "middle", 10))
        ends = []
        for name, figures in series:
            points = [(where, f) for where, f in zip(at_x, figures) if f]
            path = " ".join(f"{'L' if i else 'M'}{where:.1f} {at_y(f['median']):.1f}" for i, (where, f) in enumerate(points))
            spreads = " ".join(f"M{where:.1f} {at_y(f['min']):.1f} V{at_y(f['max']):.1f}" for where, f in points)
            out.append(f'<path d="{path} {spreads}" stroke="{GROWTH.get(name, "#777777")}" stroke-width="2" fill="none"/>')
            ends.append([at_y(points[-1][1]["median"]), name, points[-1]])
        last = -100
        for label in sorted(ends):  # names beside the ends of the lines, none on another
            last = max(label[0], last + 13)
            out.append(text(x + left + width + 6, last + 4, f"{label[1]} {number(label[2][1]['median'])}", size=11, colour=GROWTH.get(label[1], "#777777")))
        out.append(text(x, y + height + 56, note, size=10, colour="#666666"))
        return "".join(out)
    return 26 + 150 + 36, draw


def behind(one):
    ratio = next((value for key, value in one.items() if key.endswith(" / this")), None)
    return f" (ours: {ratio['median']:.2f} of it)" if ratio else ""


def cost(told, case, title=None, key="cpu_us", names=None, divide=1.0, unit="us of CPU"):
    found = told["cases"].get(case, {}).get("proxies", {})
    rows = [(name, {k: v / divide for k, v in one[key].items()}, behind(one) if key in ("cpu_us", "kib_each") else "")
            for name, one in found.items() if key in one and (names is None or name in names)]
    if not rows:
        return None
    case_title = told["cases"][case]["title"]
    return bars(f"{title or case_title[0].upper() + case_title[1:]}: {unit} per {told['cases'][case]['unit']}" if key != "peak_kib" else title, rows)


def growth(told, title, xs, cells, note):
    """cells: name -> [(case, proxy) for each of xs]"""
    series = []
    for name, where in cells.items():
        figures = [told["cases"].get(case, {}).get("proxies", {}).get(proxy, {}).get("cpu_us") for case, proxy in where]
        if sum(f is not None for f in figures) > 1:
            series.append((name, figures))
    return lines(title, xs, series, note) if series else None


def latency(told):
    found = told["cases"].get("open-1k", {}).get("proxies", {})
    if not found:
        return None

    def draw(x, y):
        out = [text(x, y + 14, "Latency at a constant 2,000 requests a second, us from when each was due", weight="bold", size=13)]
        for i, head in enumerate(("p50", "p99", "p99.9", "CPU us each")):
            out.append(text(x + 250 + 90 * i, y + 34, head, "end", 11, colour="#666666"))
        for row, (name, one) in enumerate(found.items()):
            out.append(text(x + NAME - 6, y + 54 + ROW * row, name + (" (200 a second)" if "rate=200 " in one["asked"] else ""), "end"))
            for i, key in enumerate(("p50_us", "p99_us", "p999_us", "cpu_us")):
                out.append(text(x + 250 + 90 * i, y + 54 + ROW * row, number(one[key]["median"]), "end"))
        return "".join(out)
    return 44 + ROW * len(found), draw


def panels(told):
    peers = ("sallyport", "sallyport-durable", "nginx", "haproxy", "squid")
    connections = {name: [(case, name) for case in ("get-1k-1", "get-1k", "get-1k-256", "get-1k-1024")] for name in peers}
    rules = {"sallyport": [("get-1k", "sallyport" if n == 10 else f"sallyport-{n}-rules") for n in (10, 100, 1000, 10000)]}
    plain = ("sallyport", "sallyport-durable", "nginx", "haproxy", "squid", "mitmproxy")
    workers = [f"{name}{extra}" for name in ("sallyport", "nginx", "haproxy") for extra in ("", "-2-workers")]
    all_of_it = [
        cost(told, "get-1k", names=(*plain, *FLOORS)), cost(told, "new-client", "New TLS connection, upstream kept"), cost(told, "new-pair", "New pair of TLS connections"),
        cost(told, "new-pair-resumed", "New pair, resumed"),
        cost(told, "get-64k"), cost(told, "bulk-100m"), cost(told, "upload-1m"), latency(told),
        growth(told, "Kept-alive GET of 1 KiB, connections in flight: us of CPU", (1, 32, 256, 1024), connections,
               "across: connections; up, by powers: CPU of the proxy per request"),
        growth(told, "Kept-alive GET of 1 KiB, rules: us of CPU", (10, 100, 1000, 10000), rules,
               "across: rules; up, by powers: CPU of the proxy per request"),
        cost(told, "get-1k", "Kept-alive GET of 1 KiB, one worker and two", names=workers),
        cost(told, "get-1k", "Peak memory, kept-alive GET of 1 KiB, MiB", "peak_kib", plain, 1024),
        cost(told, "stream-2g", "Peak memory while 2 GiB pass, MiB", "peak_kib", None, 1024),
        cost(told, "idle", "Idle connections", "kib_each", unit="KiB"),
        cost(told, "start", "Start and end of a run of `true`", divide=1000, unit="ms of CPU"),
        cost(told, "verify", "1 GiB vouched for, in 4,000 files", divide=1e6, unit="s of CPU"),
        cost(told, "writer", "The record's writer alone, by records in flight"),
    ]
    return [panel for panel in all_of_it if panel]


def head(told):
    m, rounds = told["machine"], told["rounds"]
    load = f"load average {told['load_average_before'][0]:.1f} before, {told['load_average_after'][0]:.1f} after"
    versions = ", ".join(str(m["versions"][k]).replace("nginx version: ", "") for k in ("sallyport", "nginx", "haproxy", "squid") if k in m["versions"])
    return [("What a unit of work costs the proxy", 18, "bold"),
            (f"Medians of {rounds} round(s); the thin lines go from the least to the most. \"ours: 0.50 of it\": the gateway's cost divided by this one's in the "
             "same round, median. A bar with a gap is cut.", 12, "normal"),
            (f"{told['began']}; {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, Linux {m['kernel']}; {load}{'; quick' if told['quick'] else ''}", 12, "normal"),
            (versions[:190], 11, "normal"),
            ("The gateway, Squid and mitmproxy intercept; the gateway reads rules and writes a record too. nginx and haproxy are reverse proxies with one "
             "certificate and neither.", 11, "normal")]


def write(told, where):
    out, y = [], 14
    for words, size, weight in head(told):
        y += size + 6
        out.append(text(MARGIN, y, words, size=size, weight=weight))
    tops = [y + 22, y + 22]
    for height, draw in panels(told):
        column = 0 if tops[0] <= tops[1] else 1
        out.append(draw(MARGIN + column * (COLUMN + MARGIN), tops[column]))
        tops[column] += height + 22
    pathlib.Path(where).write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{max(tops) + 6:.0f}" font-family="sans-serif">'
                                   f'<rect width="100%" height="100%" fill="white"/>{"".join(out)}</svg>\n')


if __name__ == "__main__":
    write(json.loads(pathlib.Path(sys.argv[1]).read_text()), sys.argv[2])
