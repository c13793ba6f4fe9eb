"""A figure of what single choices change."""

from lib.plots import PALETTE, page


def changes(table, title):
    """Change of the EER with its interval, dev and eval, a row of `lib.comparison.choices` each."""
    figure, axes = page(8.6, 1.4 + 0.5 * max(len(table), 1))
    for offset, colour, split in ((0.13, PALETTE[0], "dev"), (-0.13, PALETTE[1], "eval")):
        for place, row in enumerate(table.to_dict("records")):
            y, name = len(table) - 1 - place + offset, f"{split}_change"
            ends = [100 * row[f"{name}_ci_low"], 100 * row[f"{name}_ci_high"]]
            axes.plot(ends, [y, y], color=colour, linewidth=2)
            axes.plot(100 * row[name], y, "o", color=colour, label=split if not place else None)
    axes.axvline(0, color="grey", linewidth=1, linestyle=":")
    names = [f"{row['choice']}\nagainst {row['against']}" for row in table.to_dict("records")]
    axes.set_yticks(range(len(table))[::-1], names, fontsize=8)
    axes.set_ylim(-0.6, max(len(table), 1) - 0.4)
    axes.set(xlabel="change of the EER, percentage points (left of 0: the choice is better)", title=title)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return figure
