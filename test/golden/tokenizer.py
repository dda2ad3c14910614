"""Make tokenizer.json: captions and their CLIP token ids, by an implementation independent of ours.

    python3 test/golden/tokenizer.py <bpe_simple_vocab_16e6.txt.gz> <fashion-test.csv> <other.csv>...

Of the first table some captions are kept with their ids; of every table a digest of all its ids
(SHA-256 of "1 2 3\n4 5\n...": a line for each caption).

The algorithm is OpenAI's SimpleTokenizer as its paper and documentation define it (byte-level byte-pair
encoding, lower case, HTML unescaped twice, white space collapsed), written from that definition with
Python's own html, regex and unicodedata. ftfy is left out, as in ours; its NFC step is kept, before
and after the escapes (ftfy undoes some of its own before it).
Needs the `regex` module (apt install python3-regex).
"""

import csv
import gzip
import hashlib
import html
import json
import pathlib
import sys
import unicodedata

import regex

CONTROL = 2
VOCABULARY = 49408
STRIDE = 6  # every 6th caption of the file: some hundreds

WORD = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+", regex.IGNORECASE
)

ODD = [
    "",
    " ",
    "a photo of a cat",
    "A PHOTO   OF\ta\n\nDog.",
    "it's we're they've I'm she'll he'd don't CAN'T o'clock 'tis rock'n'roll",
    "men\u2019s women\u2019s \u201cquoted\u201d \u2013 dash \u2014 dash\u2026",
    "Levi's 501&reg; Jeans &amp; Tee, 100% cotton &lt;new&gt;",
    "Marks &amp;amp; Spencer &amp;quot;Blue&amp;quot; &#39;tie&#39; &#x1F600;",
    "1234567890 3.14 2,500 24x36 16GB \u00bd \u00b2 \u2167 \u0663\u0664",
    "caf\u00e9 cafe\u0301 na\u00efve \u00c5ngstr\u00f6m stra\u00dfe \u0130stanbul \ufb01sh",
    "\u041a\u0440\u0430\u0441\u043d\u043e\u0435 \u043f\u043b\u0430\u0442\u044c\u0435",
    "\u8d64\u3044\u30c9\u30ec\u30b9 \u7ea2\u8272\u8fde\u8863\u88d9 \ube68\uac04 \ub4dc\ub808\uc2a4",
    "\u0641\u0633\u062a\u0627\u0646 \u0623\u062d\u0645\u0631 \u05e9\u05de\u05dc\u05d4 \u0932\u093e\u0932 \u0921\u094d\u0930\u0947\u0938",
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
    "\U0001f600\U0001f44d\U0001f3fd\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
    "no\u00a0break\u2003em\u3000wide\u200bzero\ufeffbom\u0085next\u001ffield",
    "#hashtag @user http://example.com/a?b=c&d=e user@mail.org C:\\path",
    "!!! ??? ... --- *** ((())) [x] {y} <z> $5.00 \u20ac9 \u00a310 5\u20ac",
    "snake_case CamelCase UPPER lower mIxEd e-mail T-shirt V-neck",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa hahahahahahahahaha",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "\x00\x07\x7f control",
    "&notit; &nosuch; &copy &copy; &#0; &",
    "\x1c\x1da\x1cb \x1dc\x1e d\x1e\x1ee \x1f f\x1f",
    "a&#1;b&#8;c&#11;d&#14;e&#x1f;f&#127;g&#xFFFE;h&#x1ffff i&#x10ffff;j&#xfdd0;k",
    "a&#0;b&#9;c&#10;d&#12;e&#13;f&#32;g&#x80;h&#x9f;i&#xd800;j&#x110000;k&#99999999999;l&#x;m&#;n",
    "&am&#1;p;lt; &am&#1;p;amp;lt; &ampamp;lt; &#38;amp;lt; &#x26lt; &notit;amp; &#038;#55;",
    "e&#769; cafe&#x301; &amp\u0301 &#1;\u0301 &not\u0338;",
    "it'\u017f rock'\u017fn '\u017f 'S '\u212a",
    "\u0345 a\u0345b !\u0345! \u03b1\u0345 \u1fbe \u0345\u0301",
    " ".join(["very long caption with many words"] * 30),
]


def byte_symbols():
    """Byte -> character, printable bytes first."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {byte: chr(byte) for byte in printable}
    table.update({byte: chr(0x100 + i) for i, byte in enumerate(others)})
    return table


def merge_word(symbols, ranks):
    """Apply the lowest-ranked pair everywhere until none applies."""
    while len(symbols) > 1:
        pairs = set(zip(symbols, symbols[1:]))
        best = min(pairs, key=lambda pair: ranks.get(pair, float("inf")))
        if best not in ranks:
            break
        merged, i = [], 0
        while i < len(symbols):
            if tuple(symbols[i : i + 2]) == best:
                merged.append(symbols[i] + symbols[i + 1])
                i += 2
            else:
                merged.append(symbols[i])
                i += 1
        symbols = merged
    return symbols


def read_captions(csv_file):
    """The captions of a table, in its order."""
    with open(csv_file, encoding="utf-8", newline="") as file:
        return [row["caption"] for row in csv.DictReader(file)]


def main(merges_file, *csv_files):
    table = byte_symbols()
    with gzip.open(merges_file, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")[1 : VOCABULARY - 512 - CONTROL + 1]
    merges = [tuple(line.split()) for line in lines]
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    symbols = list(table.values())
    symbols += [symbol + "</w>" for symbol in symbols]
    symbols += ["".join(pair) for pair in merges]
    ids = {symbol: i for i, symbol in enumerate(symbols)}

    def encode(caption):
        # str.strip takes the separators 1C to 1F for white space; the regex module's \s does not.
        text = html.unescape(html.unescape(unicodedata.normalize("NFC", caption))).strip()
        text = regex.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip().lower()
        out = [VOCABULARY - 2]
        for word in WORD.findall(text):
            characters = [table[byte] for byte in word.encode("utf-8")]
            characters[-1] += "</w>"
            out += [ids[symbol] for symbol in merge_word(characters, ranks)]
        return [*out, VOCABULARY - 1]

    some = ODD + read_captions(csv_files[0])[::STRIDE]
    tables = {}
    for csv_file in csv_files:
        captions = read_captions(csv_file)
        lines = "\n".join(" ".join(map(str, encode(caption))) for caption in captions)
        digest = hashlib.sha256(lines.encode()).hexdigest()
        tables[pathlib.Path(csv_file).name] = {"captions": len(captions), "sha256": digest}
    target = pathlib.Path(__file__).with_name("tokenizer.json")
    rows = ",\n".join(json.dumps({"caption": caption, "ids": encode(caption)}) for caption in some)
    text = f'{{"tables": {json.dumps(tables)},\n"cases": [\n{rows}\n]}}\n'
    target.write_text(text, encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
