"""How Hugging Face `tokenizers` 0.22 treats every code point. Usage: make_character_classes.py > characters.json

Each list holds inclusive ranges of code points: `removed` by clean_text, `blank` (made a space by it), `spaced` as
Chinese, `stripped` with the accents, `punctuation` (a word of its own). Planes where nothing is assigned are left out."""
import json
from tokenizers import normalizers, pre_tokenizers

def bert(**rules):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **rules}).normalize_str

clean, chinese, accents = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
punctuation = pre_tokenizers.BertPreTokenizer()
TESTS = {
    "removed": lambda text: clean(text) == "ab",
    "blank": lambda text: clean(text) == "a b",
    "spaced": lambda text: len(chinese(text)) == 5,
    "stripped": lambda text: accents(text) == "ab",
    "punctuation": lambda text: len(punctuation.pre_tokenize_str(text)) == 3,
}
classes = {name: [] for name in TESTS}
for code in [*range(0x34000), *range(0xE0000, 0xE0200)]:
    if 0xD800 <= code < 0xE000:
        continue
    for name, test in TESTS.items():
        if test(f"a{chr(code)}b"):
            ranges = classes[name]
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
print("{")
print(",\n".join(f'"{name}": {json.dumps(ranges, separators=(",", ":"))}' for name, ranges in classes.items()))
print("}")
