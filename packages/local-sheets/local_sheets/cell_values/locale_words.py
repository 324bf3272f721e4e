"""What the Unicode CLDR does not tell of a locale: words for truth, Google's own names and patterns, signs of money."""

#: Names of languages that Google spells in an older way, and those that CLDR keeps under another name.
ALIASES = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "no": "nb", "tl": "fil", "mo": "ro"}

#: Default patterns that differ from CLDR's short date and medium time.
PATTERNS = {
    "en_US": {"time": "h:mm:ss AM/PM"},
    "it_IT": {"time": "H.mm.ss"},
    "nl_NL": {"date": "d-M-yyyy"},
}

#: By language, as spreadsheets show and read them; English elsewhere.
TRUTH = {
    "ca": ("CERT", "FALS"),
    "cs": ("PRAVDA", "NEPRAVDA"),
    "da": ("SAND", "FALSK"),
    "de": ("WAHR", "FALSCH"),
    "es": ("VERDADERO", "FALSO"),
    "fi": ("TOSI", "EPÄTOSI"),
    "fr": ("VRAI", "FAUX"),
    "hu": ("IGAZ", "HAMIS"),
    "it": ("VERO", "FALSO"),
    "nb": ("SANN", "USANN"),
    "nl": ("WAAR", "ONWAAR"),
    "nn": ("SANN", "USANN"),
    "pl": ("PRAWDA", "FAŁSZ"),
    "pt": ("VERDADEIRO", "FALSO"),
    "ru": ("ИСТИНА", "ЛОЖЬ"),
    "sk": ("PRAVDA", "NEPRAVDA"),
    "sv": ("SANT", "FALSKT"),
    "tr": ("DOĞRU", "YANLIŞ"),
    "uk": ("ІСТИНА", "ХИБНІСТЬ"),
}

#: Signs of money that are read in any locale; the second is another way to write the first.
SYMBOLS = {sign: sign for sign in "$€£¥₹₽₩₪₺₴₫฿₱₦₡₲₵₸₼₾"} | {"¥": "￥", "₺": "TL"}
