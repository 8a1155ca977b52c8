import pytest

from tfmtl.config.text_fields import ScanError, blank, line_and_column, place_of, scan, token_at


def names(fields):
    """The names of fields, with those inside them."""
    return [
        (field.name, *(names(body) for body in field.bodies)) if field.bodies else field.name
        for field in fields
    ]


def test_fields_and_those_inside_them_are_found():
    found = scan("a: 1 b { c: 'x' d { e: true } } f: { } g < h: -2.5e-3 >")
    assert names(found.fields) == ["a", ("b", ["c", ("d", ["e"])]), ("f", []), ("g", ["h"])]


def test_list_of_messages_is_one_field_with_a_body_for_each():
    (field,) = scan("a: [ { b: 1 }, { c: 2 c: 3 } ]").fields
    assert names(field.bodies[0]) == ["b"]
    assert names(field.bodies[1]) == ["c", "c"]


def test_value_is_kept_as_it_is_written():
    fields = scan("a: 'x' \"y\" , b: [1, 2]; c: -3 # comment: 4").fields
    assert [field.value for field in fields] == ["'x' \"y\"", "[1, 2]", "-3"]


def test_field_reaches_to_the_comma_after_it():
    text = "a: 1, b: 2; c: 3"
    assert [text[each.start : each.end] for each in scan(text).fields] == ["a: 1,", "b: 2;", "c: 3"]


def test_brackets_in_strings_and_comments_do_not_count():
    assert names(scan('a: \'}\' # {\n b { c: "{\\"" }').fields) == ["a", ("b", ["c"])]


def test_open_bracket_is_told_with_its_place():
    found = scan("a { b { c: 1 }")
    assert found.unclosed == [2]
    assert names(found.fields) == [("a", [("b", ["c"])])]


@pytest.mark.parametrize(
    "text", ["a", "a 1", "a: ", "1: }", "a: [1", "a: [1,]", "a: 'x", "a } b: 1"]
)
def test_text_of_another_shape_is_refused(text):
    with pytest.raises(ScanError):
        scan(text)


def test_blank_field_leaves_all_else_in_its_place():
    text = "a: 1\nb {\n  c: 2\n}\nd: 3"
    assert blank(text, scan(text).fields[1]) == "a: 1\n   \n      \n \nd: 3"


def test_place_is_line_and_column_and_back():
    text = "a: 1\n  b: 2\n"
    assert line_and_column(text, text.index("b")) == (2, 3)
    assert place_of(text, 2, 3) == text.index("b")


def test_token_has_the_sign_of_a_number():
    assert token_at("a: [1, -25]", 7) == "-25"
