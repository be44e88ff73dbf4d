"""What the tests push, and what a service may say of it."""

from tests.client.service import BATCH_ID

ROWS = [{"isbn": str(n), "title": f"Book {n}", "loans": None} for n in range(10)]
CSV = "isbn;title;loans\n" + "".join(f"{row['isbn']};{row['title']};\n" for row in ROWS)
RECEIPT = {
    "status": "OK", "batch_id": BATCH_ID, "state": "applied", "records": 5, "created": 3, "updated": 1, "unchanged": 1,
    "deleted": 0, "rejected": 0, "skipped": 0, "ignored_fields": ["colour"],
}  # fmt: skip
