"""Show a number through a numeric section of a pattern: digits, groups, percent, scientific, fractions."""

from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from local_sheets.cell_values.locales import Locale
from local_sheets.cell_values.pattern import Section, Token

Tokens = tuple[Token, ...]

#: Wide enough for every digit of the largest float under any pattern.
_WIDE = Context(prec=2_000)


def render_digits(number: float, section: Section, locale: Locale) -> str:
    """The text of a number; a section without digit placeholders is shown as it stands."""
    tokens = section.tokens
    kinds = [token.kind for token in tokens]
    sign = "-" if number < 0 else ""
    exact = abs(Decimal(repr(number)) if isinstance(number, float) else Decimal(number))
    if "digit" not in kinds:
        return sign + "".join(token.text for token in tokens)
    if "exponent" in kinds:
        text = _scientific(exact, tokens, kinds.index("exponent"), locale)
    elif "slash" in kinds and "digit" in kinds[kinds.index("slash") :]:
        text = _fraction(exact, tokens, kinds.index("slash"))
    else:
        text = _decimal(exact.scaleb(2 * kinds.count("percent")), tokens, locale)
    return text if not any(char in "123456789" for char in text) else sign + text


def _decimal(exact: Decimal, tokens: Tokens, locale: Locale) -> str:
    whole, after = _at_point(tokens)
    whole, grouped, thousands = _commas(whole)
    exact = exact.scaleb(-3 * (thousands + sum(token.kind == "comma" for token in after)))
    places = sum(token.kind == "digit" for token in after)
    rounded = _rounded(exact, places)
    digits, _, decimals = f"{rounded:f}".partition(".")
    text = _whole_digits(digits.lstrip("0"), whole, locale if grouped else None)
    return text + _decimals(decimals, after, locale)


def _rounded(exact: Decimal, places: int) -> Decimal:
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE)


def _at_point(tokens: Tokens) -> tuple[Tokens, Tokens]:
    """The tokens before the decimal point, and those from it on."""
    point = next((index for index, token in enumerate(tokens) if token.kind == "point"), None)
    if point is None:
        last = max((i for i, token in enumerate(tokens) if token.kind in ("digit", "comma")), default=-1)
        return tokens[: last + 1], tokens[last + 1 :]
    return tokens[:point], tokens[point:]


def _commas(whole: Tokens) -> tuple[Tokens, bool, int]:
    """The tokens without their commas, whether digits are grouped, and by how many thousands to divide."""
    last = max((index for index, token in enumerate(whole) if token.kind == "digit"), default=-1)
    first = next((index for index, token in enumerate(whole) if token.kind == "digit"), len(whole))
    grouped = any(token.kind == "comma" for token in whole[first:last])
    thousands = 0
    for token in whole[last + 1 :]:
        if token.kind != "comma":
            break
        thousands += 1
    kept = tuple(
        token if token.kind != "comma" or index < first else None  # a comma before all digits is text
        for index, token in enumerate(whole)
    )
    return tuple(token for token in kept if token is not None), grouped, thousands


def _whole_digits(digits: str, whole: Tokens, groups: Locale | None) -> str:
    """Fill the placeholders from the right; the leftmost takes all digits that are left."""
    text, used = "", 0
    first = next((index for index, token in enumerate(whole) if token.kind == "digit"), None)
    if first is None:
        return "".join(token.text for token in whole) + digits

    def put(digit: str) -> None:
        nonlocal text, used
        if groups is not None and _starts_group(used, groups.grouping):
            text = groups.group + text
        text, used = digit + text, used + 1

    for index in range(len(whole) - 1, -1, -1):
        token = whole[index]
        if token.kind != "digit":
            text = token.text + text
            continue
        if digits:
            put(digits[-1])
            digits = digits[:-1]
        elif token.text == "0":
            put("0")
        elif token.text == "?":
            text = " " + text
        if index == first:
            while digits:
                put(digits[-1])
                digits = digits[:-1]
    return text


def _starts_group(used: int, grouping: tuple[int, int]) -> bool:
    """Whether a separator stands to the left of this many digits: after three, and on from there by the locale's steps."""
    first, step = grouping
    return used >= first and (used - first) % step == 0


def _decimals(decimals: str, after: Tokens, locale: Locale) -> str:
    """The point and what follows; a ``#`` shows no trailing zero."""
    placeholders = [token.text for token in after if token.kind == "digit"]
    needed = max([len(decimals.rstrip("0")), *(place for place, text in enumerate(placeholders, 1) if text == "0")])
    place = 0
    text = ""
    for token in after:
        if token.kind == "point":
            text += locale.decimal
        elif token.kind == "comma":
            continue
        elif token.kind != "digit":
            text += token.text
        else:
            if place < needed:
                text += decimals[place]
            elif token.text == "?":
                text += " "
            place += 1
    return text


def _scientific(exact: Decimal, tokens: Tokens, at: int, locale: Locale) -> str:
    mantissa_tokens, exponent_token, rest = tokens[:at], tokens[at], tokens[at + 1 :]
    whole, after = _at_point(mantissa_tokens)
    width = max(sum(token.kind == "digit" for token in whole), 1)
    places = sum(token.kind == "digit" for token in after)
    exponent = 0 if exact == 0 else exact.adjusted() - (width - 1)
    if width > 1 and any(token.text == "#" for token in whole):
        exponent = (exact.adjusted() // width) * width  # engineering form: the exponent goes in steps
    mantissa = _rounded(exact.scaleb(-exponent), places)
    if mantissa >= 10**width:
        exponent += width if width > 1 else 1
        mantissa = _rounded(exact.scaleb(-exponent), places)
    sign = "-" if exponent < 0 else ("+" if "+" in exponent_token.text else "")
    exponent_text = _whole_digits(str(abs(exponent)).lstrip("0"), tuple(t for t in rest if t.kind == "digit"), None)
    tail = "".join(token.text for token in rest if token.kind != "digit")
    return f"{_decimal(mantissa, mantissa_tokens, locale)}{exponent_token.text[0]}{sign}{exponent_text}{tail}"


def _fraction(exact: Decimal, tokens: Tokens, slash: int) -> str:
    """``# ?/?``: whole part and the nearest fraction with as many digits as the denominator has placeholders."""
    start = slash
    while start > 0 and tokens[start - 1].kind == "digit":
        start -= 1
    end = slash + 1
    while end < len(tokens) and (tokens[end].kind == "digit" or tokens[end].text.isdigit()):
        end += 1
    before, after = tokens[:start], tokens[end:]
    fixed = "".join(token.text for token in tokens[slash + 1 : end])
    mixed = any(token.kind == "digit" for token in before)
    whole, part = divmod(Fraction(exact), 1) if mixed else (0, Fraction(exact))
    nearest = _nearest(part, fixed)
    if mixed and nearest[0] == nearest[1]:
        whole, nearest = whole + 1, (0, nearest[1])
    lead = _whole_digits(str(whole) if whole else "", before, None) if mixed else "".join(t.text for t in before)
    shown = f"{nearest[0]}/{nearest[1]}" if nearest[0] or not mixed else ""
    tail = "".join(token.text for token in after)
    if not shown:
        return (lead.rstrip() or "0") + tail
    return f"{lead.lstrip() if not whole else lead}{shown}{tail}"


def _nearest(part: Fraction, denominator: str) -> tuple[int, int]:
    if denominator.strip("0#?"):
        fixed = int("".join(char for char in denominator if char.isdigit()))
        return round(part * fixed), fixed
    near = part.limit_denominator(10 ** max(len(denominator), 1) - 1)
    return near.numerator, near.denominator
