"""The language of expressions: how it reads, what it refuses and where, and how it prints."""

import random
import textwrap

import pytest

from tfmtl.config.expressions import (
    FUNCTIONS,
    OPERATORS,
    Call,
    ExpressionError,
    Name,
    Number,
    Range,
    Scope,
    Signature,
    Type,
    Variable,
    explain,
    is_name,
    parse,
    printed,
    range_of,
    resolve,
)

SCOPE = Scope(
    {
        "task": {
            "ctr": Variable(),
            "cvr": Variable(),
            "level": Variable(Type.CLASSES, parts=5),
            "price": Variable(),
            "click": Variable(),
        },
        "column": {
            "price": Variable(),
            "age": Variable(),
            "is_new": Variable(Type.BOOLEAN),
            "city": Variable(refused="be a column of numbers; `city` is STRING"),
            "odd name": Variable(),
            "click": Variable(refused="be no label"),
        },
    },
    {**FUNCTIONS, "expected": Signature((Type.CLASSES,))},
)


def read(text):
    return resolve(parse(text, SCOPE.kinds), SCOPE)


def complaint(text):
    """What a user is shown."""
    with pytest.raises(ExpressionError) as caught:
        read(text)
    return explain(text, caught.value.mistakes)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a + b + c", "(a + b) + c"),
        ("a - b - c", "(a - b) - c"),
        ("a / b / c", "(a / b) / c"),
        ("a / b * c", "(a / b) * c"),
        ("a + b * c", "a + (b * c)"),
        ("a * b + c", "(a * b) + c"),
        ("a * b ^ c", "a * (b ^ c)"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("-a ^ b", "-(a ^ b)"),
        ("a ^ -b", "a ^ (-b)"),
        ("a ^ -b ^ c", "a ^ (-(b ^ c))"),
        ("a ^ -b * c", "(a ^ (-b)) * c"),
        ("-a * b", "(-a) * b"),
        ("-a + b", "(-a) + b"),
        ("a - -b", "a - (-b)"),
        ("--a", "-(-a)"),
        ("a + b < c * d", "(a + b) < (c * d)"),
        ("a < b and c > d", "(a < b) and (c > d)"),
        ("a < b and c > d or e == f", "((a < b) and (c > d)) or (e == f)"),
        ("a < b or c > d and e == f", "(a < b) or ((c > d) and (e == f))"),
        ("not a < b", "not (a < b)"),
        ("not a and b", "(not a) and b"),
        ("not not a", "not (not a)"),
        ("a & b | c", "(a and b) or c"),
        ("f(a, b + c) * d", "(f(a, (b + c))) * d"),
    ],
)
def test_operators_bind_as_the_table_says(text, meaning):
    assert parse(text) == parse(meaning)


def test_a_tree_is_what_the_text_says():
    assert parse("ctr * log(price + 1) ^ .5e0") == Call(
        "*",
        (
            Name("ctr"),
            Call(
                "^",
                (Call("log", (Call("+", (Name("price"), Number(1.0))),)), Number(0.5)),
            ),
        ),
    )


def test_places_are_those_of_the_text():
    tree = parse("ctr  + min(a, b)")
    assert (tree.place, tree.arguments[0].place, tree.arguments[1].arguments[1].place) == (5, 0, 14)


@pytest.mark.parametrize(
    ("text", "value"), [("7", 7.0), ("2.", 2.0), (".25", 0.25), ("1e-3", 0.001), ("2.5E+2", 250.0)]
)
def test_numbers_are_decimal(text, value):
    assert parse(text) == Number(value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("task(ctr)", Name("ctr", "task")),
        ("column('odd name')", Name("odd name", "column")),
        ('column("say ""hi""")', Name('say "hi"', "column")),
        ("task(level)[2]", Name("level", "task", 2)),
        ("level[0]", Name("level", "", 0)),
        ("preço", Name("preço")),
    ],
)
def test_names_may_be_quoted_and_say_their_kind(text, tree):
    assert parse(text, SCOPE.kinds) == tree


def test_every_name_gets_its_kind():
    tree = read("ctr * column(price) + expected(level) + where(is_new, age, level[4])")
    assert printed(tree) == (
        "task(ctr) * column(price) + expected(task(level)) + "
        "where(column(is_new), column(age), task(level)[4])"
    )


def test_a_name_of_which_only_one_can_be_used_means_that_one():
    assert printed(read("click * 2")) == "task(click) * 2"


COMPLAINTS = """
    ctr * cvrr
          ^ should be a task or a column. Did you mean `cvr`? Known: ctr, cvr, level, price, click, age, is_new, odd name.

    price * 2
    ^ should be `task(price)` or `column(price)`: there is each of them.

    task(pricee)
    ^ should name a task. Did you mean `price`? Known: ctr, cvr, level, price, click.

    ctr * city
          ^ should be a column of numbers; `city` is STRING.

    column(click)
    ^ should be no label.

    level * 2
    ^ should be a number. Received: the probabilities of several classes. Name one of them: `level[1]`.

    level[5]
    ^ should be one of `level[0]` to `level[4]`.

    ctr[0]
    ^ should be without [0]: `ctr` has no parts.

    level[x]
          ^ should be a whole number. Received: `x`.

    level[1.5]
          ^ should be a whole number. Received: `1.5`.

    level[1
         ^ should be closed by `]`.

    level[1)
           ^ should be `]`. Received: `)`.

    logg(ctr)
    ^ should be a function. Did you mean `log`? Known: log, log1p, exp, sqrt, sigmoid, abs, min, max, clip, where, expected, task, column.

    log(ctr, 2)
    ^ should have 1 argument. Received: 2.

    log()
    ^ should have 1 argument. Received: 0.

    min(ctr)
    ^ should have 2 or more arguments. Received: 1.

    clip(ctr, 0)
    ^ should have 3 arguments. Received: 2.

    where(ctr, 1, 2)
          ^ should be a truth value, such as `price > 10`. Received: a number.

    where(ctr > 1, ctr < 1, 2)
                       ^ should be a number. Received: a truth value, such as `price > 10`.

    ctr > 0.5
        ^ should be a number. Received: a truth value, such as `price > 10`.

    is_new * 2
    ^ should be a number. Received: a truth value, such as `price > 10`.

    0 < ctr < 1
            ^ should not follow another comparison. Join the two with `and`.

    2 * not is_new
        ^ should be in parentheses: (not ...).

    expected(ctr)
             ^ should be the probabilities of several classes. Received: a number.

    (ctr + 1
    ^ should be closed by `)`.

    ctr + 1)
           ^ should be an operator or the end. Received: `)`.

    log(ctr cvr)
            ^ should be an operator, `,` or `)`. Received: `cvr`.

    (ctr, cvr)
        ^ should be an operator or `)`. Received: `,`.

    ctr cvr
        ^ should be an operator or the end. Received: `cvr`.

    2ctr
     ^ should be an operator or the end. Received: `ctr`.

    ctr +
         ^ should be a number, a name, a function or `(`. Received: the end.

    * ctr
    ^ should be a number, a name, a function or `(`. Received: `*`.

    +ctr
    ^ should be a number, a name, a function or `(`. Received: `+`.

    min(ctr,)
            ^ should be a number, a name, a function or `(`. Received: `)`.

    "ctr"
    ^ should be a number, a name, a function or `(`. Received: `ctr`.

    task(1)
         ^ should be a name, in quotes if it is no plain word. Received: `1`.

    task(ctr cvr)
             ^ should be `)`. Received: `cvr`.

    task("ctr)
         ^ should be a quote that is closed. Received: `"`.

    ctr ** 2
        ^ should be `^`, the sign of a power. Received: `**`.

    where(ctr = 1, 1, 2)
              ^ should be `==`, which compares. Received: `=`.

    where(!is_new, 1, 2)
          ^ should be `not`. Received: `!`.

    where(is_new && is_new, 1, 2)
                 ^ should be `and`. Received: `&&`.

    where(is_new || is_new, 1, 2)
                 ^ should be `or`. Received: `||`.

    where(ctr <> 1, 1, 2)
              ^ should be `!=`. Received: `<>`.

    ctr % 2
        ^ should be a part of an expression. Received: `%`.

    __import__(ctr)
    ^ should be a function. Known: log, log1p, exp, sqrt, sigmoid, abs, min, max, clip, where, expected, task, column.

    ctr.__class__
       ^ should be a part of an expression. Received: `.`.

    lambda: 1
          ^ should be a part of an expression. Received: `:`.

    1e999 * ctr
    ^ should be at most 3.4e+38. Received: 1e999.

    ctrr * cvrr + citty
    ^ should be a task or a column. Did you mean `ctr`? Known: ctr, cvr, level, price, click, age, is_new, odd name.
           ^ should be a task or a column. Did you mean `cvr`? Known: ctr, cvr, level, price, click, age, is_new, odd name.
                  ^ should be a task or a column. Known: ctr, cvr, level, price, click, age, is_new, odd name.
"""  # noqa: E501
CASES = [textwrap.dedent(block).strip("\n") for block in COMPLAINTS.split("\n\n")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.partition("\n")[0])
def test_what_is_wrong_is_told_under_its_character(case):
    text = case.partition("\n")[0]
    assert textwrap.dedent(complaint(text)) == case


def test_a_long_expression_is_shown_around_the_place():
    text = " + ".join(["ctr"] * 20) + " + nope + " + " + ".join(["cvr"] * 20)
    line, caret = complaint(text).splitlines()
    assert line.startswith("  ...") and line.endswith("...") and len(line) < 100
    assert line[caret.index("^") :].startswith("nope + cvr")


def test_of_several_lines_that_of_the_place_is_shown():
    assert complaint("ctr +\n\tnope * 2").splitlines()[0] == "   nope * 2"


def test_a_caret_stands_under_its_character_whatever_the_width_of_the_others():
    line, first, second = complaint("价格 * nope").splitlines()
    assert line == "  价格 * nope"
    # Each of the two letters is as wide as two.
    assert (first.index("^"), second.index("^")) == (2, 2 + 2 * 2 + len(" * "))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("(" * 100_000, "be the end: an expression has at most 10,000 characters."),
        ("(" * 9_999, "not be more than 100 operations deep."),
        ("-" * 9_999 + "1", "not be more than 100 operations deep."),
        ("ctr^" * 2_000 + "ctr", "not be more than 100 operations deep."),
        ("ctr+" * 2_000 + "ctr", "not be more than 100 operations deep."),
        ("log(" * 2_000, "not be more than 100 operations deep."),
        ("where(not " * 900, "not be more than 100 operations deep."),
    ],
)
def test_no_expression_is_too_much(text, rule):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.mistakes[0].rule == rule


def test_what_is_deep_enough_to_be_read_can_be_worked_with():
    for text in ("log(" * 98 + "ctr" + ")" * 98, "+".join(["ctr"] * 100), "^".join(["ctr"] * 100)):
        tree = read(text)
        assert tree.height in (99, 100)
        assert parse(printed(tree), SCOPE.kinds) == tree
        range_of(tree, lambda name: Range(0.0, 1.0))
        hash(tree)


def test_any_text_is_read_or_refused():
    generator = random.Random(3)
    words = [
        "ctr",
        "level",
        "(",
        ")",
        "[",
        "]",
        ",",
        "not",
        "and",
        "-",
        "^",
        "<",
        "2",
        ".",
        "'",
        "é",
    ]
    for _ in range(3000):
        text = " ".join(generator.choices(words, k=generator.randint(0, 12)))
        try:
            tree = parse(text, SCOPE.kinds)
            assert parse(printed(tree), SCOPE.kinds) == tree
        except ExpressionError as error:
            assert 0 <= error.mistakes[0].place <= len(text)


def random_tree(generator, depth):
    """A tree of any operators, with no regard to types."""
    if depth == 0 or generator.random() < 0.15:
        names = [Name("a"), Name("odd \" 'name'", "column"), Name("not", "task"), Name("b", "", 3)]
        return generator.choice([*names, Number(0.0), Number(1e-7), Number(12.5), Number(3e38)])
    kind = generator.choice([*OPERATORS, *FUNCTIONS])
    count = len({**OPERATORS, **FUNCTIONS}[kind].arguments)
    return Call(kind, tuple(random_tree(generator, depth - 1) for _ in range(count)))


def test_a_printed_tree_parses_to_itself():
    generator = random.Random(7)
    for _ in range(2000):
        tree = random_tree(generator, depth=5)
        assert parse(printed(tree), ("task", "column")) == tree, printed(tree)


@pytest.mark.parametrize(
    "text",
    ["a * (b + c) ^ -2", "-(a + b) ^ 2", "(-a) ^ 2", "(a ^ b) ^ c", "a - (b - c)", "(a < b) == c"],
)
def test_printing_keeps_the_parentheses_that_are_needed(text):
    assert printed(parse(text)) == text


@pytest.mark.parametrize(("text", "plain"), [("price", True), ("not", False), ("a b", False)])
def test_plain_words_need_no_quotes(text, plain):
    assert is_name(text) == plain


P, ANY = Range(0.0, 1.0), Range()


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("p * p", 0, 1),
        ("1 - p", 0, 1),
        ("p - p", -1, 1),
        ("p + p", 0, 2),
        ("0.1 * p + 0.2 * p + 0.7 * p", 0, 1),
        ("-p * 3", -3, 0),
        ("p ^ 0.5", 0, 1),
        ("p ^ -1", -float("inf"), float("inf")),
        ("x ^ 2", -float("inf"), float("inf")),
        ("(1 + p) ^ (1 + p)", 1, 4),
        ("p / 2", 0, 0.5),
        ("p / (1 + p)", 0, 1),
        ("1 / p", -float("inf"), float("inf")),
        ("p * x", -float("inf"), float("inf")),
        ("0 * x", 0, 0),
        ("exp(x)", 0, float("inf")),
        ("exp(-exp(x))", 0, 1),
        ("sigmoid(x)", 0, 1),
        ("clip(x, 0, 1)", 0, 1),
        ("min(x, 1)", -float("inf"), 1),
        ("max(0, min(x, 1))", 0, 1),
        ("abs(x)", 0, float("inf")),
        ("abs(p - 3)", 2, 3),
        ("sqrt(p)", 0, 1),
        ("log1p(exp(0) - 1 + p) / log(2)", 0, 1),
        ("where(x > 1, p, 2)", 0, 2),
        ("unheard_of(p)", -float("inf"), float("inf")),
    ],
)
def test_ranges_are_those_of_interval_arithmetic(text, low, high):
    found = range_of(parse(text), lambda name: P if name.name == "p" else ANY)
    assert found == pytest.approx((low, high))


def test_a_range_has_a_little_room_for_rounding():
    assert Range(-1e-12, 1 + 1e-12).is_within(0, 1)
    assert not Range(0, 1.001).is_within(0, 1)
