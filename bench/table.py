"""Prints what was measured."""

import zms
from measure import Samples
from row import DURABLE_APPEND

HEAD = ["tool", "encrypted", "wall ms", "(min..max)", "over true", "x zms", "cpu ms", "peak MiB", "runs", "audit", "syncs",
        "note"]
LEFT = {0, 1, 9, 11}


def columns(lines: list[list[str]], left: set[int] = LEFT) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def cell(index: int, text: str) -> str:
        return text.ljust(widths[index]) if index in left else text.rjust(widths[index])

    return "\n".join("  ".join(cell(i, text) for i, text in enumerate(line)).rstrip() for line in lines)


def find(samples: list[Samples], name: str) -> Samples | None:
    return next((sample for sample in samples if sample.row.name == name), None)


def table(samples: list[Samples], syncs: dict[str, str], missing: dict[str, str]) -> str:
    true, main = samples[0], find(samples, zms.MAIN)
    lines = [HEAD]
    for s in samples:
        lines.append([
            s.row.name, s.row.encrypted, f"{s.wall:.2f}", f"({min(s.wall_ms):.2f}..{max(s.wall_ms):.2f})",
            f"{s.wall - true.wall:+.2f}", f"{s.wall / main.wall:.2f}" if main else "-", f"{s.cpu:.2f}", f"{s.peak:.1f}",
            str(len(s.wall_ms)), s.row.audit, syncs[s.row.name], s.row.note])
    return columns(lines) + "".join(f"\nmissing: {line}" for line in by_reason(missing))


def by_reason(missing: dict[str, str]) -> list[str]:
    """What is missing, with tools that share a reason on one line."""
    names: dict[str, list[str]] = {}
    for name, reason in missing.items():
        names.setdefault(reason, []).append(name)
    return [f"{', '.join(those)}: {reason}" for reason, those in names.items()]


def summary(samples: list[Samples]) -> str:
    """The numbers the budgets are about."""
    return "\n".join(cost(samples) + against_peers(samples))


def cost(samples: list[Samples]) -> list[str]:
    """Where the time of the main row goes, as differences between rows of this run."""
    true, main = samples[0].wall, find(samples, zms.MAIN)
    parts = [
        ("start of its process", find(samples, zms.START), true),
        ("disk against memory file system", main, getattr(find(samples, zms.IN_MEMORY), "wall", None)),
        ("one durable 4 KiB append on this disk, by dd", find(samples, DURABLE_APPEND), true),
    ]
    lines = [f"{label}: {sample.wall - base:+.2f} ms" for label, sample, base in parts if sample and base is not None]
    if main is None:
        return lines
    return [f"zms over true: {main.wall - true:+.2f} ms, peak {main.peak:.1f} MiB "
            "(budget at 100 secrets: 3 ms, 12 MiB; the audit commit is in it, and in its column)", *lines]


def against_peers(samples: list[Samples]) -> list[str]:
    """For each measure the best peer that seals its values and injects them, and how ZMS stands to it."""
    main = find(samples, zms.MAIN)
    peers = [s for s in samples if s.row.encrypted == "yes" and s.row.injects and not s.row.name.startswith("zms")]
    lines = []
    for measure, unit in [("wall", "ms"), ("cpu", "ms"), ("peak", "MiB")]:
        best = min(peers, key=lambda s, measure=measure: getattr(s, measure), default=None)
        if best is None:
            return ["no encrypted peer here"]
        value = getattr(best, measure)
        stand = f"zms at {getattr(main, measure) / value:.0%} of it" if main else "zms not measured"
        lines.append(f"best encrypted peer in {measure}: {best.row.name}, {value:.2f} {unit}; {stand} (budget 50%)")
    return lines
