"""Tables of text."""

from tfmtl.config.table import table_lines


def test_the_first_column_is_to_the_left_and_all_others_are_to_the_right():
    rows = [("name", "n", "share"), ("b", "1,200", "0.5"), ("longest", "", "none")]
    lines = [
        "name         n  share",
        "b        1,200    0.5",
        "longest          none",
    ]
    assert list(table_lines(rows, indent="")) == lines
    assert list(table_lines(rows)) == [f"  {line}" for line in lines]
