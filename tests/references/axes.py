"""What can be read from the axes of a plot."""


def texts(ax):
    """The texts of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(ax, label):
    """The points of the line with that label."""
    (found,) = [each for each in ax.lines if each.get_label() == label]
    return [*zip(*found.get_data(), strict=True)]
