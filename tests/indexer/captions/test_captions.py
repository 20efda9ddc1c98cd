from __future__ import annotations

import csv
import io
import json
import os
import re
import tempfile
import unicodedata
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.captions import clean_caption, read_captions, read_sidecar
from indexer.errors import CaptionsError, PathNotFoundError, SightseekError
from indexer.records import CaptionRow

claim = settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Save(Protocol):
    def __call__(self, content: str | bytes, name: str = ...) -> Path: ...


# files as found in the wild: the first lines of each
FLICKR8K_TOKEN = """\
1000268201_693b08cb0e.jpg#0\tA child in a pink dress is climbing up a set of stairs .
1000268201_693b08cb0e.jpg#1\tA girl going into a wooden building .
"""
FLICKR8K_KAGGLE = """\
image,caption
1000268201_693b08cb0e.jpg,A child in a pink dress .
1012212859_01547e3f17.jpg,"A dog shakes its head near the shore , a red ball next to it ."
"""
FLICKR30K_KAGGLE = """\
image_name| comment_number| comment
1000092795.jpg| 0| Two young guys with shaggy hair look at their hands .
1000092795.jpg| 1| " Hello " , says one , and the other nods .
2199200615.jpg| 4   A dog runs across the grass .
"""
COCO = {
    "info": {"year": 2014},
    "images": [
        {"license": 5, "file_name": "COCO_val2014_000000391895.jpg", "id": 391895},
        {"license": 1, "file_name": "COCO_val2014_000000522418.jpg", "id": 522418},
    ],
    "licenses": [],
    "annotations": [
        {"image_id": 522418, "id": 681330, "caption": "A woman cuts a cake.\n"},
        {"image_id": 391895, "id": 770337, "caption": "A man on a motor bike."},
        {"image_id": 7, "id": 1, "caption": "A photo that is not in the list."},
    ],
}


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(content: str | bytes, name: str = "captions.csv") -> Path:
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        path.write_bytes(data)
        return path

    return save


def pairs(path: Path) -> list[tuple[str, str]]:
    return [(row.image, row.text) for row in read_captions(path)]


def refusal(path: Path) -> str:
    """The message of the error, without the path that begins it."""
    with pytest.raises(CaptionsError) as caught:
        list(read_captions(path))
    message = str(caught.value)
    assert message.startswith(f"{path} ")
    assert "\n" not in message
    return message.removeprefix(f"{path} ")


# formats


def test_a_flickr_token_file_gives_names_without_their_numbers(save: Save) -> None:
    assert list(read_captions(save(FLICKR8K_TOKEN, "Flickr8k.token.txt"))) == [
        CaptionRow(
            "1000268201_693b08cb0e.jpg",
            "A child in a pink dress is climbing up a set of stairs .",
            line=1,
        ),
        CaptionRow("1000268201_693b08cb0e.jpg", "A girl going into a wooden building .", line=2),
    ]


def test_only_the_last_number_leaves_a_name_in_a_token_file(save: Save) -> None:
    assert pairs(save("a#1.jpg#0\tx\n[b] c.jpg#12\ty\n", "x.token")) == [
        ("a#1.jpg", "x"),
        ("[b] c.jpg", "y"),
    ]
    assert pairs(save("[b].jpg#0\ty\n", "x.token")) == [("[b].jpg", "y")]  # no JSON array


def test_names_and_captions_divided_by_tabs_need_no_header(save: Save) -> None:
    assert pairs(save("a#1.jpg\tA cat\nb.PNG\tA dog\n", "captions.tsv")) == [
        ("a#1.jpg", "A cat"),
        ("b.PNG", "A dog"),
    ]


def test_the_flickr8k_captions_of_kaggle_are_csv_in_a_txt_file(save: Save) -> None:
    assert pairs(save(FLICKR8K_KAGGLE, "captions.txt")) == [
        ("1000268201_693b08cb0e.jpg", "A child in a pink dress ."),
        (
            "1012212859_01547e3f17.jpg",
            "A dog shakes its head near the shore , a red ball next to it .",
        ),
    ]


def test_the_flickr30k_results_of_kaggle_keep_their_bare_quotes(save: Save) -> None:
    # the third caption lacks its delimiter in the original file too: it counts as blank
    assert pairs(save(FLICKR30K_KAGGLE, "results.csv")) == [
        ("1000092795.jpg", "Two young guys with shaggy hair look at their hands ."),
        ("1000092795.jpg", '" Hello " , says one , and the other nods .'),
    ]


def test_coco_captions_are_of_the_images_with_their_ids(save: Save) -> None:
    expected = [
        ("COCO_val2014_000000522418.jpg", "A woman cuts a cake."),
        ("COCO_val2014_000000391895.jpg", "A man on a motor bike."),
        ("image_id 7", "A photo that is not in the list."),  # to be reported as unmatched
    ]
    assert pairs(save(json.dumps(COCO), "captions_val2014.json")) == expected
    assert pairs(save(json.dumps(COCO, indent=1), "captions.json")) == expected


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_in_every_dialect_and_encoding(
    save: Save, delimiter: str, newline: str, encoding: str
) -> None:
    rows = [["image", "caption", "lang"], ["a.jpg", "Ein Hund; rot, naß | müde\tx", "de"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    path = save(text.getvalue().encode(encoding))
    assert list(read_captions(path)) == [
        CaptionRow("a.jpg", "Ein Hund; rot, naß | müde x", "de", 2)
    ]


@pytest.mark.parametrize("image", ["image", "FILE", "filename", "file_name", "Path", "filepath"])
@pytest.mark.parametrize("caption", ["Caption", "text", "DESCRIPTION", "comment"])
def test_columns_go_by_their_common_names_in_any_order(
    save: Save, image: str, caption: str
) -> None:
    rows = f'id,"{caption}", {image} ,Language,extra\n1,A cat,a.jpg,en,x\n'
    assert list(read_captions(save(rows))) == [CaptionRow("a.jpg", "A cat", "en", 2)]


def test_the_likelier_of_two_columns_is_taken(save: Save) -> None:
    path = save("path,text,file name,image,caption\np,t,f,a.jpg,A cat\n")
    assert pairs(path) == [("a.jpg", "A cat")]


def test_quoted_newlines_are_spaces_and_lines_are_those_of_the_file(save: Save) -> None:
    path = save('\nimage,caption\n"a.jpg","A\nlong\r\ncaption"\n\nb.jpg,B\n')
    assert [(row.text, row.line) for row in read_captions(path)] == [
        ("A long caption", 3),
        ("B", 7),
    ]


def test_spaces_after_delimiters_do_not_hide_the_quotes(save: Save) -> None:
    path = save('image, caption, lang\na.jpg, "A cat, a dog", en\n')
    assert list(read_captions(path)) == [CaptionRow("a.jpg", "A cat, a dog", "en", 2)]


def test_a_caption_in_the_last_column_may_lack_quotes_around_commas(save: Save) -> None:
    path = save("image,caption\na.jpg,One, two,three\nb.jpg,Four,,\n")
    assert pairs(path) == [("a.jpg", "One, two,three"), ("b.jpg", "Four")]


def test_blank_captions_and_blank_lines_give_nothing(save: Save) -> None:
    assert pairs(save("image,caption\na.jpg,\nb.jpg\n , \n\n,\nc.jpg, \x00\t \nd.jpg,D")) == [
        ("d.jpg", "D")
    ]
    assert pairs(save("a.jpg#0\t\n\nb.jpg#0\tB\n", "x.token")) == [("b.jpg", "B")]
    jsonl = '{"image": "a", "caption": null}\n\n{"image": "a", "captions": ["", null, " ", "A"]}\n'
    assert pairs(save(jsonl, "x.jsonl")) == [("a", "A")]


@pytest.mark.parametrize("content", ["image,caption\n", "image,caption", "[]", "\ufeffimage;text"])
def test_a_file_without_captions_gives_nothing(save: Save, content: str | bytes) -> None:
    assert pairs(save(content)) == []


@pytest.mark.parametrize(
    "captions",
    [
        {"caption": "A cat"},
        {"Text": " A \n cat"},
        {"captions": ["A cat"]},
        {"captions": "A cat"},
        {"caption": ["A cat", None]},
        {"captions": [{"caption": "A cat"}]},
        {"captions": [{"text": "A cat", "id": 3}]},
    ],
)
def test_json_states_captions_as_a_string_a_list_or_objects(
    save: Save, captions: dict[str, object]
) -> None:
    record = {"id": 1, "file_name": "a.jpg", **captions}
    assert pairs(save(json.dumps(record), "a.jsonl")) == [("a.jpg", "A cat")]
    assert pairs(save(json.dumps(record), "a.json")) == [("a.jpg", "A cat")]
    assert pairs(save(json.dumps(record, indent=2), "a.json")) == [("a.jpg", "A cat")]
    assert pairs(save(json.dumps([record]), "a.json")) == [("a.jpg", "A cat")]
    # by its content, whatever its name
    twice = f"{json.dumps(record)}\n{json.dumps(record)}\n"
    assert pairs(save(twice, "a.csv")) == [("a.jpg", "A cat")] * 2


def test_json_gives_languages_to_records_and_to_captions(save: Save) -> None:
    record = {
        "image": "a.jpg",
        "lang": "en",
        "captions": ["A cat", {"caption": "Un chat", "language": "fr"}],
    }
    assert list(read_captions(save(json.dumps(record) + "\n", "a.jsonl"))) == [
        CaptionRow("a.jpg", "A cat", "en", 1),
        CaptionRow("a.jpg", "Un chat", "fr", 1),
    ]


def test_a_long_first_record_does_not_hide_that_lines_are_json(save: Save) -> None:
    record = json.dumps({"image": "a.jpg", "embedding": [0.5] * 40_000, "caption": "A"})
    assert pairs(save(f"{record}\n{record}\n", "a.jsonl")) == [("a.jpg", "A")] * 2


# text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  A \t cat\n on\r\na mat ", "A cat on a mat"),
        ("A\x00 c\x07at\x1b", "A cat"),
        ("A\u2028cat\u00a0on\u3000mat\x85", "A cat on mat"),
        ("cafe\u0301", "café"),
        ("cafe\x00\u0301", "café"),
        ("half \ud83d a pair", "half a pair"),
        ("👩\u200d🚀 astronaut", "👩\u200d🚀 astronaut"),
    ],
)
def test_a_caption_is_one_clean_line(raw: str, clean: str) -> None:
    assert clean_caption(raw) == clean


any_text = st.text(st.characters(codec=None), max_size=30)


@claim
@given(any_text)
def test_clean_captions_are_storable_normal_and_stay_as_they_are(text: str) -> None:
    caption = clean_caption(text)
    assert clean_caption(caption) == caption
    assert unicodedata.is_normalized("NFC", caption)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]|^\s|\s$|\s\s", caption)
    caption.encode("utf-8")


# round trips

words = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)
names = names.map(str.strip).filter(bool)
captioned = st.lists(st.tuples(names, words, st.sampled_from(["", "en", "de-CH"])), max_size=8)


def in_a_file(content: str, suffix: str, encoding: str = "utf-8") -> list[CaptionRow]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"captions{suffix}")
        path.write_bytes(content.encode(encoding))
        return list(read_captions(path))


def expected(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str | None]]:
    clean = [(image, clean_caption(caption), lang or None) for image, caption, lang in rows]
    return [row for row in clean if row[1]]


@claim
@given(captioned, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_csv_writer_writes_is_read_back(
    rows: list[tuple[str, str, str]], delimiter: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([("image", "caption", "lang"), *rows])
    read = in_a_file(text.getvalue(), ".csv", encoding)
    assert [(row.image, row.text, row.language) for row in read] == expected(rows)


@claim
@given(captioned, st.booleans(), st.sampled_from(["lines", "array", "indented"]))
def test_what_json_dumps_writes_is_read_back(
    rows: list[tuple[str, str, str]], ensure_ascii: bool, form: str
) -> None:
    records = [dict(zip(("image", "caption", "lang"), row, strict=True)) for row in rows]
    if form == "lines":
        text = "".join(json.dumps(r, ensure_ascii=ensure_ascii) + "\n" for r in records) or "[]"
    else:
        text = json.dumps(
            records, ensure_ascii=ensure_ascii, indent=2 if form == "indented" else None
        )
    read = in_a_file(text, ".json")
    assert [(row.image, row.text, row.language) for row in read] == expected(rows)


@claim
@given(captioned)
def test_what_coco_holds_is_read_back(rows: list[tuple[str, str, str]]) -> None:
    images = [{"id": number, "file_name": row[0]} for number, row in enumerate(rows)]
    annotations = [{"image_id": number, "caption": row[1]} for number, row in enumerate(rows)]
    text = json.dumps({"images": images, "annotations": annotations})
    read = in_a_file(text, ".json")
    assert [(row.image, row.text) for row in read] == [row[:2] for row in expected(rows)]


@claim
@given(captioned)
def test_what_a_token_file_holds_is_read_back(rows: list[tuple[str, str, str]]) -> None:
    rows = [(image, clean_caption(caption), "") for image, caption, _ in rows]
    text = "first.jpg#0\tfirst\n" + "".join(f"{row[0]}#3\t{row[1]}\n" for row in rows)
    read = in_a_file(text, ".token")
    assert [(row.image, row.text, row.language) for row in read[1:]] == expected(rows)


def told(path: Path) -> str:
    """What the user is told of a file: any other error than ours fails the test."""
    said = []
    for read in (read_captions, read_sidecar):
        try:
            list(read(path))
        except SightseekError as error:
            said.append(str(error))
    return " ".join(said)


@claim
@given(st.binary(max_size=200), st.sampled_from([".csv", ".json", ".jsonl", ".token", ".txt"]))
def test_any_bytes_give_rows_or_one_clear_line(data: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"captions{suffix}")
        path.write_bytes(data)
        assert "\n" not in told(path)


damage = st.sampled_from(
    ["{", "}", "[", "]", '"', ",", "\n", "\t", "#0\t", "null", "1", "[" * 9000]
)


@claim
@given(
    st.sampled_from([FLICKR8K_TOKEN, FLICKR8K_KAGGLE, FLICKR30K_KAGGLE, json.dumps(COCO)]),
    st.lists(st.tuples(st.integers(0, 400), damage), max_size=4),
    st.integers(0, 600),
)
def test_a_damaged_file_gives_rows_or_one_clear_line(
    content: str, insertions: list[tuple[int, str]], length: int
) -> None:
    for position, text in insertions:
        content = content[:position] + text + content[position:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "captions.json")
        path.write_bytes(content[:length].encode())
        assert "\n" not in told(path)


# refusals

COLUMNS = "it needs a first line that names the columns image,caption"
LINES = "it needs one JSON object a line, with the keys image and caption"
KEYS = "each needs the keys image and caption"
QUOTE = "close the quote, and double any quote inside a caption"
IMAGE = "fill in the image's name, or remove the caption"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "a.csv", f"is empty: {COLUMNS}"),
        ("\ufeff \n\n", "a.csv", f"is empty: {COLUMNS}"),
        ("foo,bar\n1,2\n", "a.csv", f"has the columns 'foo', 'bar': {COLUMNS}"),
        ("foo;bar\n1;2\n", "a.csv", f"has the columns 'foo', 'bar': {COLUMNS}"),
        ("image,label\n1,2\n", "a.csv", f"has the columns 'image', 'label': {COLUMNS}"),
        ("a.jpg,A cat\n", "a.csv", f"has the columns 'a.jpg', 'A cat': {COLUMNS}"),
        (
            "a\x1b" + ",b" * 99,
            "a.csv",
            f"has the columns 'a\\x1b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', ...: {COLUMNS}",
        ),
        ("image,caption\na.jpg,A\n,B\n", "a.csv", f"names no image in line 3: {IMAGE}"),
        (
            "caption,image\nA cat, a dog,a.jpg\n",
            "a.csv",
            "has 3 fields in line 2 and 2 columns: "
            "put quotes (\") around each field that contains ','",
        ),
        (
            'image,caption\na.jpg,A\nb.jpg,"B\nc.jpg,C\n',
            "a.csv",
            f"has a quote left open from line 3: {QUOTE}",
        ),
        (
            'image,caption\na.jpg,"A\n' + "b.jpg,B\n" * 200 + 'c.jpg,C"\n',
            "a.csv",
            f"has a quote left open from line 2: {QUOTE}",
        ),
        (
            f"image,caption\na.jpg,{'A' * 200_000}\n",
            "a.csv",
            f"has a field of over 131,072 characters from line 2: {QUOTE}",
        ),
        ("a.jpg#0\tA\nb.jpg#0 B\n", "a.token", None),
        ("a.jpg#0\tA\n\tB\n", "a.token", None),
        (
            '{"image": "a", "caption": "A"}\n{"image"\n',
            "a.jsonl",
            f"is not JSON in line 2: {LINES}",
        ),
        ('{"image": "a", "caption": "A"}\n{"image"\n', "a.json", f"is not JSON in line 2: {LINES}"),
        ('[\n{"image": "a",\n"caption": A}]\n', "a.json", f"is not JSON in line 3: {LINES}"),
        ("[" * 100_000, "a.json", f"is not JSON in line 1: {LINES}"),
        ("[" + "1" * 5_000 + "]", "a.json", f"is not JSON in line 1: {LINES}"),
        ("[1]", "a.json", f"has no object in item 1: {LINES}"),
        ("[]\n", "a.jsonl", f"has no object in line 1: {LINES}"),
        ('{"foo": 1, "bar": 2}', "a.json", f"has the keys 'foo', 'bar' in line 1: {KEYS}"),
        ('{\n"foo": 1}', "a.json", f"has the keys 'foo' in its object: {KEYS}"),
        ("{}", "a.json", f"has the keys (none) in line 1: {KEYS}"),
        ('[{"image": 3, "caption": "A"}]', "a.json", f"names no image in item 1: {IMAGE}"),
        (
            '{"image": "a", "caption": 3}',
            "a.jsonl",
            "has a caption that is not text in line 1: put it in quotes",
        ),
        (
            '{"image": "a", "captions": [{"foo": "A"}]}',
            "a.jsonl",
            "has a caption that is not text in line 1: put it in quotes",
        ),
        (
            '{"images": [{"id": 1}], "annotations": []}',
            "a.json",
            "has no id and file_name in image 1: each image needs both",
        ),
        (
            '{"images": [], "annotations": [{"image_id": 1, "bbox": []}]}',
            "instances.json",
            "has no image_id and caption in annotation 1: "
            "name COCO's captions file, not its instances or keypoints",
        ),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a.jpg", "is not UTF-8 text: save it as UTF-8"),
        ("image,caption\na.jpg,müde\n".encode("cp1252"), "a.csv", None),
        (b"image,caption\n" + b"a.jpg,A\n" * 99_999 + b"b.jpg,\xff\n", "a.csv", None),
        ("image,caption\na.jpg,A\n".encode("utf-16-le"), "a.csv", None),
        ("image,caption\na.jpg,A\n".encode("utf-16")[:-1], "a.csv", None),
    ],
)
def test_a_file_of_another_shape_is_refused_in_one_line(
    save: Save, content: str | bytes, name: str, message: str | None
) -> None:
    said = refusal(save(content, name))
    if message is not None:
        assert said == message
    elif name.endswith(".token"):
        fact = "has no image and caption in line 2"
        assert said == f"{fact}: each line needs an image's name, a tab and a caption"
    else:
        assert said.endswith(": save it as UTF-8")


def test_a_file_of_another_shape_is_refused_before_its_rows_are_asked_for(save: Save) -> None:
    with pytest.raises(CaptionsError):
        read_captions(save("foo,bar\n"))


def test_rows_before_a_bad_line_are_given(save: Save) -> None:
    rows = read_captions(save('{"image": "a", "caption": "A"}\n{\n', "a.jsonl"))
    assert next(rows).text == "A"
    with pytest.raises(CaptionsError, match="line 2"):
        next(rows)


@pytest.mark.parametrize("name", ["missing.csv", "file.txt/missing.csv"])
def test_a_missing_file_is_told(tmp_path: Path, save: Save, name: str) -> None:
    save("text", "file.txt")
    for read in (read_captions, read_sidecar):
        with pytest.raises(PathNotFoundError, match=r"no captions file at .* Check its path"):
            read(tmp_path / name)


def test_a_folder_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "is a folder: name the captions file in it"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "is a pipe or device: save its captions in a file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_an_unreadable_file_is_told(save: Save) -> None:
    path = save("image,caption\n")
    path.chmod(0)
    assert refusal(path) == "cannot be read (Permission denied): check its permissions"


def test_the_limit_on_csv_fields_stays_as_it_was(save: Save) -> None:
    before = csv.field_size_limit()
    refusal(save(f"image,caption\na.jpg,{'A' * 200_000}\n"))
    assert csv.field_size_limit() == before


# sidecars


def test_each_line_of_a_sidecar_is_a_caption(save: Save) -> None:
    path = save("\ufeffA cat \r\n\r\n  on a\tmat\n\ncafe\u0301", "a.jpg.txt")
    assert read_sidecar(path) == ("A cat", "on a mat", "café")


def test_an_empty_sidecar_has_no_captions(save: Save) -> None:
    assert read_sidecar(save("", "a.txt")) == ()
    assert read_sidecar(save("\n \n", "a.txt")) == ()


def test_a_sidecar_holds_100_captions_and_64_kib_at_most(save: Save) -> None:
    assert len(read_sidecar(save("A cat\n\n" * 100, "a.txt"))) == 100
    assert len(read_sidecar(save("A" * 65_536, "a.txt"))[0]) == 65_536
    with pytest.raises(CaptionsError, match="has 101 captions: keep at most 100, or rename it"):
        read_sidecar(save("A cat\n" * 101, "a.txt"))
    with pytest.raises(CaptionsError, match="is over 64 KiB: keep one caption a line"):
        read_sidecar(save("A" * 65_537, "a.txt"))


def test_a_sidecar_that_is_not_text_is_told(save: Save) -> None:
    with pytest.raises(CaptionsError, match="is not UTF-8 text: save it as UTF-8"):
        read_sidecar(save(b"caf\xe9", "a.txt"))
