"""Bodies of the management API that nearly fit."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.bodies import field_names, junk_records
from tests.fuzz.values import json_values, texts
from tests.fuzz.world import TYPES

_titles = st.builds(lambda text: {"metadata": {"default": {"title": {"value": text}}}}, texts)
_configurations = st.fixed_dictionaries(
    {"type": st.sampled_from(["rename", "type", "annotate", "description", "order", "delete", "", "x"])},
    optional={
        name: field_names | json_values
        for name in (
            "field",
            "from_name",
            "to_name",
            "type_param",
            "annotation",
            "description",
            "args",
            "label",
            "field_label",
        )
    },
)
_present = st.sampled_from(["a", "b"])  # the fields of the managed dataset
_good_configurations = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("type"), "field": _present | texts, "type_param": st.sampled_from(list(TYPES.values()))}
    ),
    st.fixed_dictionaries({"type": st.just("annotate"), "annotation": st.just("id"), "field": _present}),
    st.fixed_dictionaries({"type": st.just("rename"), "from_name": _present, "to_name": texts}),
    st.fixed_dictionaries({"type": st.just("order"), "args": st.lists(_present | texts, max_size=3)}),
)
_good_resources = st.fixed_dictionaries(
    {
        "type": st.just("realtime"),
        "params": st.fixed_dictionaries({"bootstrap": st.lists(junk_records, max_size=2)}),
    },
    optional={"title": texts},
)
_resources = st.fixed_dictionaries(
    {"type": st.sampled_from(["realtime", "csvfile", "jsonl", ""]) | json_values},
    optional={
        "title": texts | json_values,
        "resource_id": texts | json_values,
        "params": st.dictionaries(
            st.sampled_from(
                ["bootstrap", "push_enabled", "null_values", "unknown_fields", "separator", "push_url", "x"]
            ),
            json_values | st.lists(junk_records, max_size=2),
            max_size=3,
        )
        | json_values,
        "datasource": json_values | st.just({"type": "uploaded_file", "file": {"uid": "fl_000000"}}),
    },
)
forms = st.builds(
    lambda name, content: (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode(errors="replace")
        + b'"\r\n\r\n'
        + content
        + b"\r\n--x--\r\n"
    ),
    texts,
    st.binary(max_size=50),
)


def _encoded(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return values.map(lambda value: json.dumps(value).encode())


_junk = st.dictionaries(field_names, json_values, max_size=3)
titles = _encoded(_titles | _titles.flatmap(lambda body: _junk.map(lambda junk: {**body, **junk})))
configurations = _encoded(_configurations | _good_configurations)
resources = _encoded(_resources | _good_resources)
overlaps = _encoded(st.integers(-1, 20_000).map(lambda minutes: {"overlap_minutes": minutes}) | _junk)
