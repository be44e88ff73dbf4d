"""Exports: every record and nothing but, in each format, of any size; or a refusal and nothing left behind."""

import csv
import io
import json

import pytest

from chalicelib.domain.errors import InvalidQuery, TemporarilyUnavailable
from chalicelib.services.datasets import stacks
from chalicelib.services.reading.export import MAX_DIRECT, PART_BYTES
from chalicelib.services.reading.export_formats import CsvOptions
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.services.devices import Device, a_device
from tests.services.reading.readers import Reader, a_library

LARGE = "é" + "x" * 299_999


def of_large_texts(stores: Stores, texts: int, text: str = LARGE) -> Reader:
    device = a_device(stores, bootstrap=[{"n": 0, "text": "t"}], unique_key=["n"])
    for start in range(0, texts, 12):
        device.push([{"n": n, "text": text} for n in range(start, min(start + 12, texts))])
    return Reader(stores, device.target.dataset_id)


def left_over(stores: Stores) -> list[str]:
    """Objects and unfinished uploads of the exports bucket."""
    client, bucket = stores.exports._client, stores.names.exports_bucket
    objects = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return objects + [entry["Key"] for entry in client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def test_a_small_export_goes_straight_back_in_the_order_of_lists(stores: Stores) -> None:
    reader, _ = a_library(stores, [{"isbn": str(n), "title": "É\n"} for n in range(30)])
    file = reader.export("json")
    assert (file.url, file.filename, file.mimetype) == (None, f"{reader.dataset_id}.json", "application/json")
    assert json.loads(str(file.text)) == reader.page()[1]
    assert [json.loads(line) for line in str(reader.export("jsonl").text).splitlines()] == reader.page()[1]
    assert left_over(stores) == []


def test_an_empty_export_is_whole_too(stores: Stores) -> None:
    reader, _ = a_library(stores, [])
    assert json.loads(str(reader.export("json").text)) == []
    assert reader.export("jsonl").text == ""
    assert reader.export("csv").text == "\ufeffisbn;title;pages\r\n"


def test_an_export_takes_select_where_order_by_and_limit(stores: Stores) -> None:
    reader, _ = a_library(stores, [{"isbn": str(n), "pages": n} for n in range(20)])
    file = reader.export("json", select="pages as p", where="pages >= 10", order_by="-pages", limit=3)
    assert json.loads(str(file.text)) == [{"p": 19}, {"p": 18}, {"p": 17}]
    assert len(json.loads(str(reader.export("json", where="pages >= 10").text))) == 10
    assert json.loads(str(reader.export("json", limit=0).text)) == []


@pytest.mark.parametrize(("texts", "is_direct"), [(14, True), (16, False), (60, False)])
def test_an_export_of_any_size_is_whole_wherever_it_lies(stores: Stores, texts: int, is_direct: bool) -> None:
    reader = of_large_texts(stores, texts)
    file = reader.export("jsonl")
    assert (file.text is not None) is is_direct
    content = reader.content(file)
    assert (len(content) <= MAX_DIRECT) is is_direct
    records = [json.loads(line) for line in content.splitlines()]
    assert sorted(record["n"] for record in records) == list(range(texts))
    assert {record["text"] for record in records} == {LARGE}
    assert is_direct or f"filename%2A%3DUTF-8%27%27{reader.dataset_id}.jsonl" in str(file.url)


def test_what_would_swell_beyond_an_answer_lies_in_the_bucket(stores: Stores) -> None:
    """Lambda answers in JSON: a quote takes two bytes more there than in the file."""
    reader = of_large_texts(stores, 12, '"' * 150_000)
    file = reader.export("jsonl")
    assert len(reader.content(file)) < MAX_DIRECT
    assert file.url is not None


def test_a_failure_half_way_leaves_nothing_behind(stores: Stores) -> None:
    reader = of_large_texts(stores, 60)
    # Time is up once the first part has been sent.
    reader.deadline = Deadline(5, lambda: 9.0 if left_over(stores) else 0.0)
    with pytest.raises(TemporarilyUnavailable, match="in the time a request has"):
        reader.export("jsonl")
    assert left_over(stores) == []


def test_an_export_that_cannot_be_finished_in_time_says_what_to_do(stores: Stores) -> None:
    reader = of_large_texts(stores, 2 * PART_BYTES // len(LARGE))
    times = iter([0.0] * 12)
    reader.deadline = Deadline(1, lambda: next(times, 9.0))
    with pytest.raises(TemporarilyUnavailable, match="where"):
        reader.export("jsonl")
    assert left_over(stores) == []


def a_place(stores: Stores, **types: str) -> Device:
    bootstrap = [{"name": "n", "place": "48,2", "blob": "x", "note": "n"}]
    return a_device(stores, bootstrap=bootstrap, unique_key=["name"], types={"blob": "json_blob", **types})


def test_csv_shows_points_as_lat_lon_and_nested_values_as_json(stores: Stores) -> None:
    device = a_place(stores, place="geo_point_2d", note="file")
    device.push({"name": "=1+1", "place": [48.5, 2], "blob": {"a": [1, "é"]}})
    device.push({"name": "b", "blob": "text", "note": {"content": "aGk=", "content-type": "text/plain"}})
    file = Reader(stores, device.target.dataset_id).export("csv", order_by="name")
    rows = list(csv.reader(io.StringIO(str(file.text).removeprefix("\ufeff")), delimiter=";"))
    assert rows[:2] == [["name", "place", "blob", "note"], ["=1+1", "48.5,2.0", '{"a":[1,"é"]}', ""]]
    assert rows[2][:3] == ["b", "", '"text"']
    assert json.loads(rows[2][3]).keys() == {"filename", "mimetype", "size", "url"}


def test_csv_heads_its_columns_by_label_name_or_alias(stores: Stores) -> None:
    device = a_device(stores, bootstrap=[{"name": "n"}])
    rename = {"type": "rename", "from_name": "name", "to_name": "title", "field_label": "The title"}
    stacks.fields.add(device.dataset_uid, rename)
    device.publish()
    reader = Reader(stores, device.target.dataset_id)
    plain = CsvOptions(delimiter="\t", with_bom=False)
    labels = CsvOptions(delimiter="\t", with_bom=False, use_labels=True)
    assert reader.export("csv", options=plain).text == "title\r\n"
    assert reader.export("csv", options=labels).text == "The title\r\n"
    assert reader.export("csv", options=labels, select="title as t").text == "t\r\n"


def test_geojson_is_a_collection_over_the_first_place(stores: Stores) -> None:
    device = a_place(stores, place="geo_point_2d")
    device.push([{"name": "a", "place": [48.5, 2]}, {"name": "b"}])
    made = json.loads(str(Reader(stores, device.target.dataset_id).export("geojson", order_by="name").text))
    assert made["type"] == "FeatureCollection"
    assert [feature["geometry"] for feature in made["features"]] == [
        {"type": "Point", "coordinates": [2.0, 48.5]},
        None,
    ]
    assert made["features"][0]["properties"] == {"name": "a", "blob": None, "note": None}


def test_geojson_without_a_place_and_unknown_formats_are_refused(stores: Stores) -> None:
    reader, _ = a_library(stores, [])
    with pytest.raises(InvalidQuery, match="no geo_point_2d or geo_shape field"):
        reader.export("geojson")
    with pytest.raises(InvalidQuery, match="format 'parquet': use csv, geojson, json, jsonl"):
        reader.export("parquet")
