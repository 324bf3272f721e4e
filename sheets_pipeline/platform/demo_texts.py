"""Texts of the demo platform: what real people type, in many scripts, and all that spreadsheets like to misread."""

import random

#: Common given and family names by script.
NAMES: list[tuple[list[str], list[str]]] = [
    (
        ["Emma", "Liam", "Sofía", "Noël", "Zoë", "Jörg", "Anaïs"],
        ["Smith", "O'Brien", "García-López", "Müller", "Åberg"],
    ),
    (["Łukasz", "Žofie", "Gergő", "Ștefan", "Şule", "Þóra"], ["Nowak", "Dvořák", "Szabó", "Ionescu", "Yılmaz"]),
    (["Анна", "Дмитрий", "Олена", "Ђорђе"], ["Иванова", "Кузнецов", "Шевченко", "Петровић"]),
    (["Ελένη", "Γιώργος"], ["Παπαδόπουλος", "Νικολάου"]),
    (["محمد", "فاطمة", "نور"], ["الحسن", "عبد الله", "منصور"]),
    (["שרה", "יוסף"], ["כהן", "לוי"]),
    (["प्रिया", "अर्जुन"], ["शर्मा", "पटेल"]),
    (["சரண்யா", "ಕಾವ್ಯ", "স্বপ্না"], ["குமார்", "ರಾವ್", "দাস"]),
    (["สมชาย", "มาลี"], ["ใจดี", "ศรีสุข"]),
    (["伟", "秀英", "さくら", "健太", "민준", "서연"], ["王", "李", "佐藤", "鈴木", "김", "이"]),
    (["Nguyễn Thị", "Trần Văn"], ["Hương", "Đức"]),
    (["ሰላም", "გიორგი", "Անի"], ["ተስፋዬ", "ბერიძე", "Գրիգորյան"]),
]

TIME_ZONES = [
    "UTC", "America/New_York", "America/Sao_Paulo", "Europe/Berlin", "Africa/Lagos", "Asia/Kolkata", "Asia/Kathmandu",
    "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Chatham",
]  # fmt: skip

COURSE_TITLES = [
    "Introduction to Statistics", "Écriture créative", "SQL für Einsteiger", "Основы химии", "微积分入门", "基礎日本語",
    "أساسيات البرمجة", "היסטוריה של המדע", "हिन्दी साहित्य", "한국사 개론", "Música & ritmo 🎵", "=SUM(1,1): Spreadsheets",
    "007 – Film studies", "C++ / C# & friends", "+1 Networking", "-40 °C: Polar biology", "@home cooking 🍜",
    "\"Quoted\" & 'apostrophes'", "Ὅμηρος: the Iliad", "50% more algebra", "TRUE or FALSE: logic", "1E5 ways to count",
    "Geography: 3/4 water", "Ecología 🌱🌍",
]  # fmt: skip

#: Short answers, each of which some spreadsheet has once turned into something else.
ANSWERS = [
    "42", "007", "00000", "+1-555-0100", "=1+1", "=HYPERLINK(\"https://example.org\",\"x\")", "-5", "- a list item",
    "@teacher I do not know", "+", "=", "'quoted", "TRUE", "false", "1E5", "1/2", "3-4", "12:30", "2026-02-29",
    "2026-03-29 02:30", "31.12.2025", "1,000.50", "1.000,50", "€ 12", "50%", "#REF!", "#N/A", "NULL", "None", "NaN",
    "9007199254740993", "3.141592653589793238462643", "١٢٣", "½", "Ⅳ", "a\tb", "line one\nline two", "line\r\nend",
    "  spaces around  ", "é vs e\u0301", "👩‍👩‍👧‍👦", "🇺🇳 🏳️‍🌈 👍🏽", "zero\u200bwidth", "שלום עולם", "مرحبا بالعالم",
    "left \u202eright\u202c left", "Ünïcödé", "ﷺ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "日本語の答え", "答案是四十二", "정답은 42", "ответ: 42",
    "Το 42", "<b>bold</b>", "<script>alert(1)</script>", "'; DROP TABLE users; --", "C:\\temp\\new", "\\N", "a,b;c|d",
]  # fmt: skip

_WORDS = [
    "because",
    "the",
    "sample",
    "mean",
    "is",
    "close",
    "to",
    "expected",
    "value",
    "und",
    "deshalb",
    "также",
    "así",
    "que",
    "donc",
    "因此",
    "لذلك",
    "इसलिए",
    "그래서",
    "each",
    "student",
    "answer",
    "grows",
    "with",
    "time",
    "🙂",
    "x²",
    "+",
    "y²",
    "=",
    "z²",
    "therefore",
]


def full_name(rng: random.Random) -> str:
    """A given and a family name of one script."""
    given, family = rng.choice(NAMES)
    return f"{rng.choice(given)} {rng.choice(family)}"


def phone(rng: random.Random) -> str | None:
    """With leading zeros, plus signs, or none at all."""
    digits = "".join(rng.choices("0123456789", k=7))
    return rng.choice([f"+1-555-{digits[:4]}", f"00{digits}", f"0{digits}", f"({digits[:3]}) {digits[3:]}", None])


def answers(rng: random.Random, count: int) -> list[str | None]:
    """A pool to draw answers from: odd ones, ordinary sentences, a few of thousands of characters, some missing."""
    pool: list[str | None] = [*ANSWERS, None, ""]
    while len(pool) < count:
        pool.append(" ".join(rng.choices(_WORDS, k=rng.randint(3, 30))))
    return pool


def long_answers(rng: random.Random) -> list[str]:
    """Very long answers, up to what one cell holds (50,000 UTF-16 code units)."""
    return [(" ".join(rng.choices(_WORDS, k=length // 3)))[:length] for length in (5_000, 20_000, 45_000)]
