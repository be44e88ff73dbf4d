"""From pushed objects to prepared records: cast, identified, hashed, ready to be stored.

A Preparer is compiled once per published configuration and used for every payload: the loop in `_cast` runs for
each field of each record and is the product's hottest code.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from chalicelib.domain.casting import CASTERS, CastError, shown
from chalicelib.domain.collector import collector_at_rest
from chalicelib.domain.details import MAX_MESSAGE, MAX_NAME, MAX_NAMES, cut
from chalicelib.domain.errors import MAX_DETAILS, ProcessingTooSlow, RecordRefusal
from chalicelib.domain.file_content import FileContent, cast_file
from chalicelib.domain.nesting import MAX_DEPTH
from chalicelib.domain.payload import Payload
from chalicelib.domain.prepared_record import (
    MAX_RECORD_BYTES,
    NO_FILES,
    RECORD_ID_LENGTH,
    PreparedPayload,
    PreparedRecord,
    content_hash,
    size_of_keys,
)
from chalicelib.domain.processors import Processor, ProcessorFailed
from chalicelib.domain.rounding import long_numbers
from chalicelib.domain.schema import Schema

MAX_IGNORED, MAX_SHOWN_NAME = 100, 100  # names of unknown fields that a receipt lists, and characters of each

IsLate = Callable[[], bool]  # whether the time that processors may take is over

_dumps, _SORTED = orjson.dumps, orjson.OPT_SORT_KEYS  # called by position: by name takes twice as long


class _Unfit(Exception):  # noqa: N818 - internal signal, becomes a RecordRefusal
    def __init__(self, code: str, field_name: str | None, message: str) -> None:
        super().__init__(message)
        self.code, self.field, self.message = code, field_name, message


class Preparer:
    """Prepares records under one published schema and one resource's settings.

    `null_values` are texts that mean null in any field; `refuse_unknown` refuses records with unknown fields
    instead of reporting them.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        processors: Sequence[Processor] = (),
        null_values: Sequence[str] = (),
        refuse_unknown: bool = False,
    ) -> None:
        self._unique_key = schema.unique_key
        self._files = [f.name for f in schema.fields if f.type == "file"]
        self._blobs = [(f.source, f.name) for f in schema.fields if f.type == "json_blob"]
        self._refuse_unknown = refuse_unknown
        self._processors = processors
        self._known = {f.source for f in schema.fields} | schema.removed
        self._known.update(name for processor in processors for name in processor.inputs)
        self._hint = f"the known fields are: {cut(', '.join(f.source for f in schema.fields), MAX_NAMES)}"
        tokens = self._null_values = frozenset(null_values)
        self._plan: list[tuple[str, str, Callable[[Any], Any], frozenset[str]]] = [
            (f.source, f.name, CASTERS.get(f.type, cast_file), tokens if f.type == "text" else tokens | {""})
            for f in schema.fields
        ]
        self._key_plan = [step for step in self._plan if step[1] in self._unique_key] or self._plan

    def identify_unfit(self, objects: Sequence[Any], is_late: IsLate = lambda: False) -> list[str]:
        """The ids of those objects that have one though they are refused: when nothing else fits, by the fields of the
        unique key alone, as of one that is to be deleted. Raises ProcessingTooSlow as `prepare` does."""
        whole = self.identify(Payload(objects=list(objects)), is_late)
        keys = [source for source, name, _, _ in self._plan if name in self._unique_key]
        others = [pushed for refusal in whole.refusals if (pushed := objects[refusal.index]).__class__ is dict]
        alone = [{name: pushed[name] for name in keys if name in pushed} for pushed in others if keys]
        return [*whole.ids, *self.identify(Payload(objects=alone), is_late).ids]

    @property
    def has_unique_key(self) -> bool:
        """Whether a record is known by some of its fields; else it is by all of them."""
        return bool(self._unique_key)

    def prepare(self, payload: Payload, is_late: IsLate = lambda: False) -> PreparedPayload:
        """Prepare a payload to be stored: every object becomes a record or a refusal with its index.

        Raises ProcessingTooSlow when `is_late` once a processor is done; casting needs no such bound.
        """
        return self._each(payload, partial(self._prepare, payload, is_late))

    def identify(self, payload: Payload, is_late: IsLate = lambda: False) -> PreparedPayload:
        """Compute the ids of records to delete: with a unique key, its fields suffice. Fills `ids` and `refusals`.
        Raises ProcessingTooSlow as `prepare` does."""
        return self._each(payload, partial(self._identify, is_late))

    def id_of(self, values: Mapping[str, Any]) -> str | None:
        """The id of a record that is stored with these values; None when they lack a field of the unique key."""
        try:
            return self._id(values)
        except _Unfit:
            return None

    def _each(self, payload: Payload, step: Callable[[dict[str, Any], PreparedPayload], None]) -> PreparedPayload:
        prepared = PreparedPayload()
        with collector_at_rest():
            self._take_all(payload, step, prepared)
        return prepared

    def _take_all(
        self, payload: Payload, step: Callable[[dict[str, Any], PreparedPayload], None], prepared: PreparedPayload
    ) -> None:
        too_deep = payload.too_deep
        for index, pushed in enumerate(payload.objects):
            try:
                if pushed.__class__ is not dict:
                    raise _Unfit("not_an_object", None, f"expected a JSON object, got {shown(pushed)}")
                if index in too_deep:
                    raise _Unfit("nested_too_deep", None, f"nested more than {MAX_DEPTH} levels deep: flatten it")
                step(pushed, prepared)
            except _Unfit as unfit:
                prepared.refusals.append(_refusal(index, unfit, is_told=len(prepared.refusals) < MAX_DETAILS))

    def _prepare(self, payload: Payload, is_late: IsLate, pushed: dict[str, Any], prepared: PreparedPayload) -> None:
        if not self._known.issuperset(pushed):
            self._note_unknown(pushed, prepared)
        processed = self._processed(pushed, self._processors, is_late) if self._processors else pushed
        if processed is None:
            prepared.skipped += 1
            return
        values = self._cast(processed, self._plan)
        if self._blobs:
            self._refuse_rounded(values, payload)
        record = self._record(values)
        # A later record of the same id takes the place of the earlier one: the last one wins.
        prepared.records[record.id] = record
        prepared.ids.append(record.id)

    def _identify(self, is_late: IsLate, pushed: dict[str, Any], prepared: PreparedPayload) -> None:
        # A processor that skips records sees whole ones: of one to delete there may be only the key.
        processors = [p for p in self._processors if not p.skips] if self._processors else ()
        processed = self._processed(pushed, processors, is_late) if processors else pushed
        values = self._cast(processed or {}, self._key_plan)
        self._take_files(values)
        prepared.ids.append(self._id(values))

    def _processed(
        self, pushed: dict[str, Any], processors: Sequence[Processor], is_late: IsLate
    ) -> dict[str, Any] | None:
        """The record after the processors, None when one of them skips it. They see null for the null tokens."""
        tokens = self._null_values
        record = pushed
        if tokens:
            record = {k: None if v.__class__ is str and v in tokens else v for k, v in pushed.items()}
        try:
            for processor in processors:
                processed = processor.apply(record)
                if is_late():
                    raise ProcessingTooSlow
                if processed is None:
                    return None
                record = processed
        except ProcessorFailed as failed:
            raise _Unfit("processor_failed", failed.field, failed.message) from None
        return record

    def _cast(
        self, pushed: Mapping[str, Any], plan: Sequence[tuple[str, str, Callable[[Any], Any], frozenset[str]]]
    ) -> dict[str, Any]:
        """The record's non-null values by stored name; absent and null are the same and take no place."""
        values: dict[str, Any] = {}
        get = pushed.get
        source = ""
        try:
            for source, name, cast, null_tokens in plan:
                value = get(source)
                if value is None or (value.__class__ is str and value in null_tokens):
                    continue
                values[name] = cast(value)
        except CastError as error:
            raise _Unfit("invalid_value", source, f"field '{source}': {error}") from None
        return values

    def _refuse_rounded(self, values: Mapping[str, Any], payload: Payload) -> None:
        """Other types see by themselves what does not fit them; a blob takes any number that is as it was sent."""
        for source, name in self._blobs:
            for number in long_numbers(values.get(name)):
                if number in payload.rounded:
                    problem = f"the number {shown(number)} is beyond 64 bits and has lost digits: send it as a string"
                    raise _Unfit("invalid_value", source, f"field '{source}': {problem}")

    def _record(self, values: dict[str, Any]) -> PreparedRecord:
        files = self._take_files(values) if self._files else NO_FILES
        record_id = self._id(values)
        text = self._written(values)
        size = len(text) + size_of_keys(files) if files else len(text)
        if size > MAX_RECORD_BYTES:
            raise _Unfit(
                "record_too_large",
                None,
                f"the record takes {size} bytes as stored, the limit is {MAX_RECORD_BYTES}: "
                "shorten its texts or send large contents in a file field",
            )
        return PreparedRecord(record_id, text.decode(), content_hash(text), files)

    def _take_files(self, values: dict[str, Any]) -> dict[str, FileContent]:
        files = {name: values[name] for name in self._files if name in values}
        for name, content in files.items():
            values[name] = content.as_stored()
        return files

    def _id(self, values: Mapping[str, Any]) -> str:
        """First 40 hex of SHA-256 over the JSON of the sorted [name, value] pairs of the unique-key fields, or of
        all non-null fields when no key is marked, so that a new field does not change old ids."""
        pairs: list[list[Any]]
        if self._unique_key:
            try:
                pairs = [[name, values[name]] for name in self._unique_key]
            except KeyError as missing:
                name = missing.args[0]
                source = next(s for s, n, _, _ in self._plan if n == name)
                raise _Unfit(
                    "missing_unique_key", source, f"the unique-key field '{source}' is missing or null: send a value"
                ) from None
        else:
            pairs = [[name, values[name]] for name in sorted(values)]
            if not pairs:
                raise _Unfit("empty_record", None, f"no known field has a value; {self._hint}")
        for name in self._files:
            for pair in pairs:
                if pair[0] == name:
                    pair[1] = pair[1]["sha256"]
        return hashlib.sha256(self._written(pairs)).hexdigest()[:RECORD_ID_LENGTH]

    def _written(self, values: Mapping[str, Any] | list[list[Any]]) -> bytes:
        """The JSON of values by name. Files and processors may make what has none, such as half of a character."""
        try:
            return _dumps(values, None, _SORTED)
        except orjson.JSONEncodeError as error:
            by_name = dict(values)
            source = next((s for s, name, _, _ in self._plan if not _has_json(by_name.get(name))), None)
            raise _Unfit("invalid_value", source, f"a value cannot be kept as JSON ({error}): mend it") from None

    def _note_unknown(self, pushed: Mapping[str, Any], prepared: PreparedPayload) -> None:
        unknown = sorted(name[:MAX_SHOWN_NAME] for name in pushed.keys() - self._known)
        if self._refuse_unknown:
            names = cut(", ".join(unknown[:10]), MAX_NAME)
            raise _Unfit("unknown_field", unknown[0], f"unknown field {names}; {self._hint}")
        if len(prepared.ignored_fields) < MAX_IGNORED:
            prepared.ignored_fields.update(unknown[:MAX_IGNORED])


def _has_json(value: Any) -> bool:
    try:
        _dumps(value, None, _SORTED)
    except orjson.JSONEncodeError:
        return False
    return True


def _refusal(index: int, unfit: _Unfit, *, is_told: bool) -> RecordRefusal:
    """A body of 5 MB has a million records to refuse: the sentences that nobody is told would fill the memory."""
    message = cut(unfit.message, MAX_MESSAGE) if is_told else ""
    name = None if unfit.field is None else cut(unfit.field, MAX_NAME)
    return RecordRefusal(index=index, field=name, code=unfit.code, message=message)
