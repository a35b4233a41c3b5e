"""Writes austen.txt.gz beside this file: Jane Austen's six novels, one paragraph a line. The n-grams are counted from it in `setup`.

    pip install -r requirements.txt
    apt-get download r-cran-janeaustenr=1.0.0-1 && dpkg-deb -x r-cran-janeaustenr_1.0.0-1_all.deb unpacked
    python train.py unpacked/usr/lib/R/site-library/janeaustenr/data
"""

import gzip
import pathlib
import re
import sys
import warnings
import zlib

import rdata

HERE = pathlib.Path(__file__).parent
NOVELS = ["sensesensibility", "prideprejudice", "mansfieldpark", "emma", "northangerabbey", "persuasion"]
HEADING = re.compile(r"(chapter|volume)\b.{0,12}$|(the end|finis|end of volume.*)\.?$", re.IGNORECASE)


def read_novels(folder: pathlib.Path) -> dict[str, list[str]]:
    """The lines of each novel, from R's lazy-load database: an index, and chunks of [length][zlib data]."""
    warnings.simplefilter("ignore")
    index = rdata.conversion.convert(rdata.parser.parse_data((folder / "Rdata.rdx").read_bytes()))
    database = (folder / "Rdata.rdb").read_bytes()
    novels = {}
    for name, (offset, length) in index["variables"].items():
        chunk = zlib.decompress(database[int(offset) + 4 : int(offset) + int(length)])
        novels[str(name)] = [str(line) for line in rdata.conversion.convert(rdata.parser.parse_data(chunk))]
    return novels


def paragraphs(lines: list[str]) -> list[str]:
    """Whole paragraphs from the first chapter to the last, without title pages, headings and notes of an editor."""
    first = next(at for at, line in enumerate(lines) if re.match(r"chapter (1|i)\.?$", line.strip(), re.IGNORECASE))
    joined = "\n".join(line.strip() for line in lines[first:])
    found = []
    for block in re.split(r"\n{2,}", joined):
        text = re.sub(r"\s+", " ", block.replace("_", "")).strip()
        if text.startswith("*") or "Signet Classic" in text or HEADING.match(text):
            continue
        if len(text) > 1:
            found.append(text)
    return found


def main() -> None:
    novels = read_novels(pathlib.Path(sys.argv[1]))
    text = "\n".join(line for name in NOVELS for line in paragraphs(novels[name])) + "\n"
    (HERE / "austen.txt.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(text.splitlines())} paragraphs, {len(text.split())} words")


if __name__ == "__main__":
    main()
