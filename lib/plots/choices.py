"""A figure of what single choices change."""

from lib.plots import PALETTE, forest, page


def changes(table, title):
    """Change of the EER with its interval, dev and eval, a row of `lib.comparison.choices` each."""
    figure, axes = page(8.6, 1.4 + 0.5 * len(table))
    names = [f"{row['choice']} against {row['against']}" for row in table.to_dict("records")]
    for shift, colour, split in ((-0.13, PALETTE[0], "dev"), (0.13, PALETTE[1], "eval")) if names else ():
        ends = (100 * table[f"{split}_{end}"] for end in ("difference", "low", "high"))
        forest(axes, names, *ends, shift=shift, colour=colour, label=split)
    axes.axvline(0, color="grey", linewidth=1, linestyle=":")
    axes.tick_params(axis="y", labelsize=8)
    axes.set(xlabel="change of the EER, percentage points (left of 0: the choice is better)", title=title)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return figure
