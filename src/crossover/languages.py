"""Names of languages, as columns of translation files are called by them."""

from __future__ import annotations

__all__ = ["language"]

_LANGUAGES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
_NAMES = {name.casefold(): name for name in _LANGUAGES.values()}


def language(column: str) -> str | None:
    """Return the English name of the language that a column is named by, or None.

    >>> language("de"), language("de_DE"), language("Deutsch"), language("german")
    ('German', 'German', None, 'German')
    """
    folded = column.strip().casefold().replace("_", "-")
    return _LANGUAGES.get(folded.partition("-")[0]) or _NAMES.get(folded)
