"""Separators, currencies, names and date orders of the locales that we know.

Taken from the Unicode CLDR (https://cldr.unicode.org, e.g. common/main/de.xml); default patterns as Google's guide
on formats describes them (https://developers.google.com/workspace/sheets/api/guides/formats).
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Locale:
    """How people of one locale write numbers and dates. ``date_order`` is ``mdy``, ``dmy`` or ``ymd``."""

    decimal: str
    group: str
    currency: str
    currency_pattern: str
    date_order: str
    date_separator: str
    date_pattern: str
    time_pattern: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    days: tuple[str, ...]
    short_days: tuple[str, ...]
    true: str = "TRUE"
    false: str = "FALSE"
    extra_currencies: tuple[str, ...] = field(default=("$", "€", "£", "¥"))

    @property
    def date_time_pattern(self) -> str:
        """Date and 24-hour time, as for a number format DATE_TIME without a pattern."""
        return f"{self.date_pattern} {'H' if self.date_order == 'mdy' else 'HH'}:mm:ss"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_EN_MONTHS = _names("January February March April May June July August September October November December")
_EN_SHORT_MONTHS = _names("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
_EN_DAYS = _names("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_EN_SHORT_DAYS = _names("Mon Tue Wed Thu Fri Sat Sun")
_DE_MONTHS = _names("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")
_DE_SHORT_MONTHS = _names("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.")
_DE_DAYS = _names("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag")
_FR_MONTHS = _names("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")
_FR_SHORT_MONTHS = _names("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.")
_FR_DAYS = _names("lundi mardi mercredi jeudi vendredi samedi dimanche")
_ES_MONTHS = _names("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre")
_ES_DAYS = _names("lunes martes miércoles jueves viernes sábado domingo")
_IT_MONTHS = _names("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre")
_IT_DAYS = _names("lunedì martedì mercoledì giovedì venerdì sabato domenica")
_NL_MONTHS = _names("januari februari maart april mei juni juli augustus september oktober november december")
_NL_DAYS = _names("maandag dinsdag woensdag donderdag vrijdag zaterdag zondag")
_PT_MONTHS = _names("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro")
_PT_DAYS = _names("segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo")

_NBSP, _NARROW = "\u00a0", "\u202f"

LOCALES = {
    "en_US": Locale(
        ".", ",", "$", '"$"#,##0.00', "mdy", "/", "M/d/yyyy", "h:mm:ss AM/PM",
        _EN_MONTHS, _EN_SHORT_MONTHS, _EN_DAYS, _EN_SHORT_DAYS,
    ),
    "en_GB": Locale(
        ".", ",", "£", '"£"#,##0.00', "dmy", "/", "dd/MM/yyyy", "HH:mm:ss",
        _EN_MONTHS, _EN_SHORT_MONTHS, _EN_DAYS, _EN_SHORT_DAYS,
    ),
    "de_DE": Locale(
        ",", ".", "€", '#,##0.00\u00a0"€"', "dmy", ".", "dd.MM.yyyy", "HH:mm:ss",
        _DE_MONTHS, _DE_SHORT_MONTHS, _DE_DAYS, _names("Mo. Di. Mi. Do. Fr. Sa. So."), "WAHR", "FALSCH",
    ),
    "fr_FR": Locale(
        ",", _NARROW, "€", '#,##0.00\u00a0"€"', "dmy", "/", "dd/MM/yyyy", "HH:mm:ss",
        _FR_MONTHS, _FR_SHORT_MONTHS, _FR_DAYS, _names("lun. mar. mer. jeu. ven. sam. dim."), "VRAI", "FAUX",
    ),
    "es_ES": Locale(
        ",", ".", "€", '#,##0.00\u00a0"€"', "dmy", "/", "d/M/yyyy", "H:mm:ss",
        _ES_MONTHS, _names("ene feb mar abr may jun jul ago sept oct nov dic"),
        _ES_DAYS, _names("lun mar mié jue vie sáb dom"), "VERDADERO", "FALSO",
    ),
    "it_IT": Locale(
        ",", ".", "€", '#,##0.00\u00a0"€"', "dmy", "/", "dd/MM/yyyy", "H.mm.ss",
        _IT_MONTHS, _names("gen feb mar apr mag giu lug ago set ott nov dic"),
        _IT_DAYS, _names("lun mar mer gio ven sab dom"), "VERO", "FALSO",
    ),
    "nl_NL": Locale(
        ",", ".", "€", '"€"\u00a0#,##0.00', "dmy", "-", "d-M-yyyy", "HH:mm:ss",
        _NL_MONTHS, _names("jan feb mrt apr mei jun jul aug sep okt nov dec"),
        _NL_DAYS, _names("ma di wo do vr za zo"), "WAAR", "ONWAAR",
    ),
    "pt_BR": Locale(
        ",", ".", "R$", '"R$"\u00a0#,##0.00', "dmy", "/", "dd/MM/yyyy", "HH:mm:ss",
        _PT_MONTHS, _names("jan fev mar abr mai jun jul ago set out nov dez"),
        _PT_DAYS, _names("seg ter qua qui sex sáb dom"), "VERDADEIRO", "FALSO",
    ),
}  # fmt: skip


def get_locale(code: str | None) -> Locale:
    """The locale of a spreadsheet (``de_DE``, ``de``); en_US where we know neither it nor its language."""
    if not code:
        return LOCALES["en_US"]
    code = code.replace("-", "_")
    if code in LOCALES:
        return LOCALES[code]
    language = code.split("_")[0] + "_"
    return next((known for name, known in LOCALES.items() if name.startswith(language)), LOCALES["en_US"])
