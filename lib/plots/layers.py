"""Which layer of an encoder is used, and which knows."""

from matplotlib.ticker import MaxNLocator

from lib.plots import PALETTE, page


def weights_and_probes(layers, title):
    """Learned weight and probe's dev EER of each layer, side by side.

    `layers` is a table from `lib.judgement.layers.probed` with the column `weight`, shares
    that add up to 1.
    """
    figure, (left, right) = page(9, 3, 1, 2)
    left.bar(layers.index, 100 * layers["weight"], color=PALETTE[0])
    left.axhline(100 / len(layers), color="grey", linewidth=1, linestyle=":", label="all alike")
    left.set(ylabel="learned weight, %", ylim=(0, None))
    left.legend(frameon=False)
    middle, low, high = (100 * layers[name] for name in ("eer", "eer_ci_low", "eer_ci_high"))
    right.errorbar(layers.index, middle, [middle - low, high - middle], color=PALETTE[0], marker="o", capsize=3)
    right.axhline(50, color="grey", linewidth=1, linestyle=":", label="chance")
    right.set(ylabel="dev EER of a linear probe, %", ylim=(0, max(55, 1.05 * high.max())))
    right.legend(frameon=False)
    for axes in (left, right):
        axes.set_xlabel("layer (0: what the convolutions hand on)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title, fontsize=10)
    return figure
