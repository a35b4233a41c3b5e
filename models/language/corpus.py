"""Sentences in many languages, taken from the translations that five PyPI packages carry.

Every source is under a permissive licence (see README.md). A sentence of a translation is kept when it differs from
its English original, stands in the script of its language and belongs to one language only.
"""

import collections
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import unicodedata
import zipfile

import polib

PACKAGES = {
    "homeassistant": ("2024.3.3", "Apache-2.0"),
    "home-assistant-frontend": ("20250109.2", "Apache-2.0"),
    "kolibri": ("0.19.5", "MIT"),
    "wagtail": ("8.0.1", "BSD-3-Clause"),
    "Django": ("5.2.19", "BSD-3-Clause"),
}

# code → (English name, script as the first word of its letters' Unicode names)
LANGUAGES = {
    "af": ("Afrikaans", "LATIN"), "ar": ("Arabic", "ARABIC"), "be": ("Belarusian", "CYRILLIC"),
    "bg": ("Bulgarian", "CYRILLIC"), "bn": ("Bengali", "BENGALI"), "ca": ("Catalan", "LATIN"),
    "cs": ("Czech", "LATIN"), "cy": ("Welsh", "LATIN"), "da": ("Danish", "LATIN"), "de": ("German", "LATIN"),
    "el": ("Greek", "GREEK"), "en": ("English", "LATIN"), "es": ("Spanish", "LATIN"), "et": ("Estonian", "LATIN"),
    "eu": ("Basque", "LATIN"), "fa": ("Persian", "ARABIC"), "fi": ("Finnish", "LATIN"), "fr": ("French", "LATIN"),
    "gl": ("Galician", "LATIN"), "gu": ("Gujarati", "GUJARATI"), "ha": ("Hausa", "LATIN"), "he": ("Hebrew", "HEBREW"),
    "hi": ("Hindi", "DEVANAGARI"), "hr": ("Croatian", "LATIN"), "hu": ("Hungarian", "LATIN"),
    "hy": ("Armenian", "ARMENIAN"), "id": ("Indonesian", "LATIN"), "is": ("Icelandic", "LATIN"),
    "it": ("Italian", "LATIN"), "ja": ("Japanese", "HIRAGANA KATAKANA CJK"), "ka": ("Georgian", "GEORGIAN"),
    "km": ("Khmer", "KHMER"), "ko": ("Korean", "HANGUL"), "lt": ("Lithuanian", "LATIN"), "lv": ("Latvian", "LATIN"),
    "mn": ("Mongolian", "CYRILLIC"), "mr": ("Marathi", "DEVANAGARI"), "my": ("Burmese", "MYANMAR"),
    "nl": ("Dutch", "LATIN"), "no": ("Norwegian", "LATIN"), "pa": ("Punjabi", "GURMUKHI"), "pl": ("Polish", "LATIN"),
    "pt": ("Portuguese", "LATIN"), "ro": ("Romanian", "LATIN"), "ru": ("Russian", "CYRILLIC"),
    "sk": ("Slovak", "LATIN"), "sl": ("Slovenian", "LATIN"), "sr": ("Serbian", "CYRILLIC"), "sv": ("Swedish", "LATIN"),
    "sw": ("Swahili", "LATIN"), "ta": ("Tamil", "TAMIL"), "te": ("Telugu", "TELUGU"), "th": ("Thai", "THAI"),
    "tr": ("Turkish", "LATIN"), "uk": ("Ukrainian", "CYRILLIC"), "ur": ("Urdu", "ARABIC"),
    "vi": ("Vietnamese", "LATIN"), "yo": ("Yoruba", "LATIN"), "zh": ("Chinese", "CJK"),
}
DENSE_SCRIPTS = {"ja", "ko", "zh"}  # a sentence says as much in a third of the characters

ALIASES = {"nb": "no", "nn": "", "sr-latn": "", "zh-hans": "zh", "zh-hant": "zh", "zh-cn": "zh", "zh-tw": "zh", "tr-tr": "tr"}


def language_of(tag: str) -> str:
    """`pt_BR` → `pt`; an empty string for what is not in LANGUAGES."""
    tag = tag.lower().replace("_", "-")
    code = ALIASES.get(tag, tag.split("-")[0])
    return code if code in LANGUAGES else ""


def fetch(folder: pathlib.Path) -> dict[str, zipfile.ZipFile]:
    """The wheels of PACKAGES, downloaded once into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    wheels = {}
    for name, (version, _licence) in PACKAGES.items():
        pattern = f"{name.replace('-', '_').lower()}-{version}-*.whl"
        if not any(folder.glob(pattern)):
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, f"{name}=={version}"],
                check=True,
            )
        wheels[name] = zipfile.ZipFile(next(folder.glob(pattern)))
    return wheels


def flatten(tree: object, path: str = "") -> dict[str, str]:
    if isinstance(tree, dict):
        return {key: text for name, child in tree.items() for key, text in flatten(child, f"{path}/{name}").items()}
    return {path: tree} if isinstance(tree, str) else {}


def translations(wheels: dict[str, zipfile.ZipFile]):
    """Yields (language, translated text, English text or '')."""
    json_file = re.compile(
        r"(?P<group>homeassistant/components/[^/]+/translations)/(?P<tag>[A-Za-z-]+)\.json$"
        r"|(?P<group2>hass_frontend/static/translations(?:/[a-z-]+)?)/(?P<tag2>[A-Za-z]+(?:-[A-Za-z0-9]{2,4})?)-[0-9a-f]{32}\.json$"
        r"|(?P<group3>kolibri/locale)/(?P<tag3>[^/]+)/LC_MESSAGES/(?P<file3>[^/]+)\.json$"
    )
    po_file = re.compile(r"^(?:wagtail|django)/.*locale/(?P<tag>[^/]+)/LC_MESSAGES/[^/]+\.po$")
    for wheel in wheels.values():
        groups = collections.defaultdict(list)
        for name in sorted(wheel.namelist()):
            if match := json_file.search(name):
                part = match.groupdict()
                group = f"{part['group'] or part['group2'] or part['group3']} {part['file3'] or ''}"
                groups[group].append((part["tag"] or part["tag2"] or part["tag3"], name))
            elif match := po_file.search(name):
                language = language_of(match["tag"])
                if language and language != "en":
                    for entry in polib.pofile(wheel.read(name).decode()).translated_entries():
                        yield language, entry.msgstr or entry.msgstr_plural.get(0, ""), entry.msgid
                        yield "en", entry.msgid, ""
        for files in groups.values():
            texts = {tag: flatten(json.loads(wheel.read(name))) for tag, name in files}
            english = texts.get("en", {})
            for tag, entries in texts.items():
                if language := language_of(tag):
                    for key, text in entries.items():
                        yield language, text, "" if language == "en" else english.get(key, "")


NOISE = re.compile(
    r"\[%key:[^%]*%\]|<[^<>]*>|!?\[(?=[^\]]*\]\()|\]\([^)]*\)|https?://\S+|\S+@\S+|`[^`]*`|%\([^)]*\)[a-z]|%[sd]"
    r"|\{\{.*?\}\}|\{[^{}]*\}|&[a-z]+;|[*_#`|\\]+"
)
SENTENCE_END = re.compile(r"(?<=[.!?…؟।۔։])\s+|(?<=[。!?])|\s*\n+\s*")


def sentences(text: str) -> list[str]:
    """Plain sentences of a translated string: no markup, no placeholders, no plural switches."""
    if re.search(r"\{[^{}]*,\s*(plural|select)", text):
        return []
    plain = NOISE.sub(" ", unicodedata.normalize("NFC", text))
    parts = (re.sub(r"\s+", " ", part).strip(" -•:;,/()[]\"'") for part in SENTENCE_END.split(plain))
    return [part for part in parts if part]


def in_script(sentence: str, language: str) -> bool:
    """True when at least three quarters of the letters stand in the script of the language."""
    scripts = LANGUAGES[language][1].split()
    letters = [unicodedata.name(c, "").split(" ")[0].split("-")[0] for c in sentence if c.isalpha()]
    return len(letters) >= 3 and sum(name in scripts for name in letters) >= 0.75 * len(letters)


def skeleton(sentence: str) -> str:
    """What two sentences share that differ in case, digits, spacing and marks only."""
    return "".join(c for c in sentence.lower() if c.isalpha())


def collect(folder: pathlib.Path) -> dict[str, dict[str, str]]:
    """language → { skeleton: sentence }, each skeleton in one language only, in a fixed order."""
    found: dict[str, dict[str, str]] = {code: {} for code in LANGUAGES}
    for language, text, original in translations(fetch(folder)):
        if text == original:
            continue
        for sentence in sentences(text):
            if in_script(sentence, language):
                found[language].setdefault(skeleton(sentence), sentence)
    owners = collections.Counter(key for texts in found.values() for key in texts)
    english = found["en"]
    return {
        code: {
            key: sentence
            for key, sentence in sorted(texts.items())
            if owners[key] == 1 or (code == "en" and key in english)
        }
        for code, texts in found.items()
    }


def held_out(key: str) -> bool:
    """One sentence in eight, by the hash of its skeleton, is never trained on."""
    return hashlib.sha256(key.encode()).digest()[0] < 32
