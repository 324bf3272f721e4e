"""Tests of packages/local-sheets/local_sheets/cell_values/locales.py, and of what typed text means in a locale."""

from dataclasses import asdict

import pytest
from babel.localedata import locale_identifiers

from local_sheets.cell_values.locales import EN_US, get_locale, is_known, read_locale
from local_sheets.cell_values.number_format import render
from local_sheets.cell_values.user_entered import parse

#: A value of each type, not round in any part.
EXAMPLES = {
    "DATE": 45355,
    "TIME": 0.630752314815,
    "DATE_TIME": 45355.630752314815,
    "NUMBER": 1234567.5,
    "CURRENCY": -1234567,
    "PERCENT": 0.5,
}
#: Every fourth, for the time that it takes to read them all.
LANGUAGES = sorted(name for name in locale_identifiers() if is_known(name) and "_" not in name)[::4]
WITH_COUNTRY = """
ar_EG bg_BG cs_CZ da_DK de_AT de_CH de_DE el_GR en_AU en_CA en_GB en_IE en_IN en_US en_ZA es_AR es_ES es_MX et_EE
fa_IR fi_FI fil_PH fr_BE fr_CA fr_CH fr_FR he_IL hi_IN hr_HR hu_HU id_ID in_ID it_IT iw_IL ja_JP ko_KR lt_LT lv_LV
ms_MY nb_NO nl_BE nl_NL no_NO pl_PL pt_BR pt_PT ro_RO ru_RU sk_SK sl_SI sr_RS sv_SE th_TH tr_TR uk_UA vi_VN zh_CN
zh_HK zh_TW
""".split()  # noqa: SIM905 -- a list of words


def test_the_locale_that_is_not_read_is_as_cldr_has_it():
    assert asdict(EN_US) == asdict(read_locale("en_US"))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_a_locale_shows_it_reads_back(kind):
    value, wrong = EXAMPLES[kind], {}
    for name in [*LANGUAGES, *WITH_COUNTRY]:
        shown = render(value, {"type": kind}, name)
        found = parse(shown, name).value
        if not (isinstance(found, int | float) and found == pytest.approx(value, abs=1e-5)):
            wrong[name] = shown, found
    assert wrong == {}


@pytest.mark.parametrize(
    "name", ["sr", "zh_TW", "iw", "iw_IL", "he_IL", "in_ID", "no_NO", "tl_PH", "sr_Latn_RS", "es_419"]
)
def test_google_names_of_locales_are_known(name):
    assert is_known(name)


@pytest.mark.parametrize("name", ["xx_XX", "en_XX", "de_JP", "klingon", "EN", "en_us", "de_DE_x", "de-", "../en"])
def test_other_names_are_not(name):
    assert not is_known(name)


def test_an_unknown_name_from_before_names_were_checked_reads_as_english():
    assert get_locale("xx_XX") is get_locale("en_US") is get_locale(None)


@pytest.mark.parametrize(
    ("locale", "text", "value", "pattern"),
    [
        ("en_IN", "3/4/2024", 45385, "d/m/yyyy"),
        ("en_IN", "1,00,000", 100000, "#,##0"),
        ("en_IN", "₹1,00,000.50", 100000.5, '"₹"#,##0.00'),
        ("ru_RU", "1,5", 1.5, None),
        ("ru_RU", "1 234,5", 1234.5, "#,##0.00"),
        ("ru_RU", "5 ₽", 5, '#,##0\u00a0"₽"'),
        ("ru_RU", "-5\u00a0₽", -5, '#,##0\u00a0"₽"'),
        ("ru_RU", "4 марта 2024", 45355, "d mmmm yyyy"),
        ("ru_RU", "март 2024", 45352, "mmmm yyyy"),
        ("ru_RU", "ИСТИНА", True, None),
        ("sv_SE", "2024-03-04", 45355, "yyyy-mm-dd"),
        ("sv_SE", "5 kr", 5, '#,##0\u00a0"kr"'),
        ("hu_HU", "2024. 03. 04.", 45355, "yyyy. mm. dd."),
        ("ko_KR", "2024. 3. 4", 45355, "yyyy. m. d"),
        ("ko_KR", "오후 3:00", 0.625, "h:mm am/pm"),
        ("ja_JP", "2024年3月4日", 45355, 'yyyy"年"m"月"d"日"'),
        ("ja_JP", "24/3/4", 45355, "yy/m/d"),
        ("ja_JP", "¥500", 500, '"¥"#,##0'),
        ("ja_JP", "￥500", 500, "[$￥]#,##0"),
        ("ja_JP", "¥500.5", 500.5, '"¥"#,##0.00'),
        ("zh_TW", "下午3:00", 0.625, "h:mm am/pm"),
        ("fi_FI", "4.3.2024 15.00", 45355.625, "d.m.yyyy h.mm"),
        ("fi_FI", "15.00", 0.625, "h.mm"),
        ("hr_HR", "04. 03. 2024.", 45355, "dd. mm. yyyy."),
        ("pt_BR", "4 de março de 2024", 45355, 'd" de "mmmm" de "yyyy'),
        ("de_CH", "1’234.50", 1234.5, "#,##0.00"),
        ("de_CH", "1'234", 1234, "#,##0"),
        ("hi_IN", "4 मार्च 2024", 45355, "d mmm yyyy"),
        ("en_US", "15.08", 15.08, None),
        ("en_US", "€5", 5, "[$€]#,##0"),
        ("en_US", "15.00.00", "15.00.00", None),
        ("en_US", "4. 3. 2024.", "4. 3. 2024.", None),
        ("de_DE", "3/4/5", "3/4/5", None),
    ],
)
def test_typed_text_is_read_as_people_of_the_locale_mean_it(locale, text, value, pattern):
    entry = parse(text, locale)
    assert (entry.value, entry.number_format and entry.number_format["pattern"]) == (value, pattern)


@pytest.mark.parametrize(
    ("locale", "kind", "value", "text"),
    [
        ("en_IN", "CURRENCY", 12345678.5, "₹1,23,45,678.50"),
        ("de_CH", "NUMBER", 1234567, "1'234'567.00"),
        ("ja_JP", "CURRENCY", 1234, "¥1,234"),
        ("ko_KR", "DATE", 45355, "2024. 3. 4."),
        ("ko_KR", "TIME", 0.625, "오후 3:00:00"),
        ("bg_BG", "DATE", 45355, "4.03.2024 г."),
        ("it_IT", "TIME", 0.625, "15.00.00"),
        ("nl_NL", "DATE", 45355, "4-3-2024"),
        ("pt_BR", "CURRENCY", 1234.5, "R$\u00a01.234,50"),
        ("zh_HK", "DATE", 45355, "4/3/2024"),
        ("fr_CA", "TIME", 0.625, "15:00:00"),
    ],
)
def test_default_patterns_are_the_locales_own(locale, kind, value, text):
    assert render(value, {"type": kind}, locale) == text
