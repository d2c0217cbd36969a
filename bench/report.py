"""From samples to figures: medians with least and most, ratios within a round, and the table that is printed."""
import statistics

from cases import CASES

TITLES = {"start": ("start and end of a run of `true`", "run"), "verify": ("1 GiB in 4,000 files that are vouched for", "GiB"),
          "writer": ("the record's writer alone", "record")}
# what, who, to whom, at most, of which figure; of throughput: the lesser of the two is who it is compared with
AIMS = [*((case, "sallyport", peer, most, "cpu_us") for peer, most in (("nginx", 1.0), ("squid", 0.4))
          for case in ("get-1k", "new-pair", "bulk-100m")),
        ("get-1k", "sallyport-10000-rules", "sallyport", 1.3, "cpu_us"),
        ("get-1k", "sallyport-2-workers", "sallyport", 2 / 1.7, "cpu_us"),
        ("durable", "sallyport", "sallyport-durable", 1 / 0.8, "per_second"),
        ("idle", "sallyport", None, 36.0, "kib_each"),
        ("start", "sallyport run", "bwrap", 3.0, "cpu_us")]


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratios(ours, theirs, key):
    """Of the same round, so that what else the machine did was alike."""
    both = [ours[number][key] / figure[key] for number, figure in theirs.items() if number in ours and figure.get(key)]
    return spread(both) if both else None


def summary(samples):
    out = {}
    for case, by_name in samples.items():
        first = "sallyport" if "sallyport" in by_name else "sallyport run"
        for name, by_round in by_name.items():
            rounds = list(by_round.values())
            numbers = [key for key, value in rounds[0].items() if isinstance(value, (int, float)) and not isinstance(value, bool)]
            one = {key: spread([each[key] for each in rounds]) for key in numbers}
            one |= {key: value for key, value in rounds[0].items() if key not in numbers}
            one["rounds"] = len(rounds)
            key = "kib_each" if "kib_each" in rounds[0] else "cpu_us"
            ratio = ratios(by_name.get(first, {}), by_round, key)
            if ratio and name != first:
                one[f"{first} / this"] = ratio
            if name.startswith(first) and name != first and "per_second" in rounds[0]:
                one[f"throughput of {first} / this"] = ratios(by_name.get(first, {}), by_round, "per_second")
            out.setdefault(case, {})[name] = one
    return {case: {"title": title(case), "unit": unit(case), "proxies": by_name} for case, by_name in out.items()}


def title(case):
    return CASES[case].title if case in CASES else TITLES[case][0]


def unit(case):
    return CASES[case].unit if case in CASES else TITLES[case][1]


def aims(told):
    """What is aimed at and what was measured: (text, value, most)."""
    out = []
    for case, who, whom, most, key in AIMS:
        found = told["cases"].get(case, {}).get("proxies", {})
        if who not in found or (whom is not None and whom not in found):
            continue
        value = found[who][key]["median"]
        if whom is None:
            out.append((f"{title(case)}: KiB each", value, most))
            continue
        if key == "per_second":
            ratio = found[whom].get(f"throughput of {who} / this")
            out += [(f"{title(case)}: throughput of {who} / {whom}", ratio["median"], most)] if ratio else []
            continue
        ratio, inverse = found[whom].get(f"{who} / this"), found[who].get(f"{whom} / this")  # within a round
        if ratio or inverse:
            out.append((f"{title(case)}: {who} / {whom}", ratio["median"] if ratio else 1 / inverse["median"], most))
    return out


def line(name, one):
    figures = one.get("cpu_us") or one["kib_each"]
    text = f"  {name:24} {figures['median']:10.1f} ({figures['min']:.1f} to {figures['max']:.1f})"
    if "per_second" in one:
        text += f"  {one['per_second']['median']:9.0f}/s"
    if "p50_us" in one:
        text += f"  p50 {one['p50_us']['median']:6.0f}  p99 {one['p99_us']['median']:6.0f}"
    if "p999_us" in one:
        text += f"  p99.9 {one['p999_us']['median']:6.0f} us"
    if "peak_kib" in one:
        text += f"  {one['peak_kib']['median'] / 1024:6.1f} MiB"
    if one.get("failed", {}).get("max"):
        text += f"  {one['failed']['max']:.0f} FAILED in a round"
    for key, value in one.items():
        if key.endswith(" / this"):
            what = "throughput " if key.startswith("throughput") else ""
            text += f"  {what}ours/this {value['median']:.2f} ({value['min']:.2f} to {value['max']:.2f})"
    return text


def show(told):
    for case in told["cases"].values():
        idle = any("kib_each" in one for one in case["proxies"].values())
        print(f"\n{case['title']}: {'KiB of memory' if idle else 'CPU us'} per {case['unit']}, median (least to most)")
        for name, one in case["proxies"].items():
            print(line(name, one))
    print(f"\n{told['rounds']} round(s); load average {told['load_average_before'][0]:.1f} before, "
          f"{told['load_average_after'][0]:.1f} after")
    for text, value, most in aims(told):
        print(f"  {'holds ' if value <= most else 'MISSED'} {text}: {value:.2f}, at most {most:.2f}")
    for why in sorted(set(told["left_out"].values())):
        print(f"  left out, {why}: {', '.join(name for name, said in told['left_out'].items() if said == why)}")
