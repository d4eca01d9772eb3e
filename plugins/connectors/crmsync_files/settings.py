"""What an ops person writes to describe the files."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from crmsync.sdk import (
    Attendance,
    Consent,
    Conversation,
    Customer,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
    Settings,
)
from crmsync.sdk.convert import DecimalSign
from crmsync.sdk.fields import Source, Times, field_settings
from crmsync.sdk.records import Currency


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError("no such encoding; common ones are utf-8, cp1252, gb18030, utf-16") from None
    return name


Character = Annotated[str, Field(min_length=1, max_length=1)]
Names = Annotated[list[str], Field(min_length=1)]


class Column(Source):
    """Where a field's value stands in a row."""

    short: ClassVar[str] = "column"

    column: str | Names | None = Field(
        None, description="A column; of several, the first that is not empty counts."
    )
    template: str | None = Field(None, description="Text made of columns: '{city}, {country}'.")

    def place(self) -> str:
        if self.template is not None:
            return f"template {self.template!r}"
        if self.column is None:
            return ""
        return f"column {self.column!r}" if isinstance(self.column, str) else f"columns {self.column!r}"


class FileFormat(Settings):
    """How a file is written."""

    format: Literal["csv", "tsv", "jsonl"] | None = Field(
        None, description="By default told from the name: .csv, .tsv, .jsonl, .ndjson, each also .gz or .xz."
    )
    delimiter: Character | None = Field(None, description="Between cells; by default , or a tab.")
    quote: Character | None = Field(None, description='Around cells that hold a delimiter; by default ".')
    encoding: Annotated[str, AfterValidator(_encoding)] | None = Field(
        None, description="By default utf-8, with or without a byte order mark."
    )
    header: Names | None = Field(
        None, description="The columns' names, for files without a first row of them."
    )


class JoinedFile(FileFormat):
    """Rows of another file that belong to a row of the main file."""

    on: str | Names | dict[str, str] = Field(
        description="The column both files share, or a list of them, or {column here: column there}."
    )
    sum: dict[str, str] = Field({}, description="New columns, each the sum of a column of the rows found.")

    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of columns (here, there) that must be equal."""
        if isinstance(self.on, dict):
            return list(self.on.items())
        return [(name, name) for name in ([self.on] if isinstance(self.on, str) else self.on or [])]


class Join(JoinedFile):
    """Columns or sums from another file."""

    file: Path = Field(description="A file, or a pattern such as exports/payments-*.csv.")
    columns: Names | dict[str, str] | None = Field(
        None, description="The columns to add, or {new name: column there}; by default all."
    )
    take: Literal["one", "first", "last"] = Field(
        "one", description="Which row counts when several match; `one` rejects the record then."
    )


class Lines(JoinedFile):
    """The lines of an order: rows of another file, a list inside the row, or the rows themselves."""

    file: Path | None = Field(None, description="A file with one row per line.")
    on: str | Names | dict[str, str] | None = Field(None, description="As in a join; needed with `file`.")  # type: ignore[assignment]
    column: str | None = Field(None, description="The column that holds the list, in JSON Lines.")
    repeated: bool = Field(
        False, description="The main file has a row per line; an order's rows are together."
    )
    fields: field_settings(OrderLine, Column, optional=("line_id", "price", "total"))  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum((self.file is not None, self.column is not None, self.repeated)) != 1:
            raise ValueError("say where the lines are: one of file, column, repeated")
        if self.file is not None and not self.on:
            raise ValueError("say by which column the file belongs to the order: on")
        if self.fields.price is None and self.fields.total is None:
            raise ValueError("map the price of one unit, or the total of the line, or both")
        return self


class ConsentColumns(Settings):
    """One consent of a customer."""

    fields: field_settings(Consent, Column)  # type: ignore[valid-type]


class StreamFiles(FileFormat):
    """One stream: its main file, what is joined to it, and where each field comes from."""

    file: Path = Field(description="A file, or a pattern such as exports/orders-*.csv.gz.")
    identity: str | Names = Field(description="The column that identifies a record, or several together.")
    separator: str = Field(":", description="Between the parts of an identity made of several columns.")
    distinct: bool = Field(False, description="Of several rows with one identity only the first counts.")
    join: list[Join] = Field(
        [], description="Other files with more columns, in the order in which they join."
    )

    def identity_columns(self) -> list[str]:
        return [self.identity] if isinstance(self.identity, str) else self.identity


class ProductFiles(StreamFiles):
    fields: field_settings(Product, Column)  # type: ignore[valid-type]


class CustomerFiles(StreamFiles):
    fields: field_settings(Customer, Column)  # type: ignore[valid-type]
    consents: list[ConsentColumns] = Field([], description="What each customer agreed to or refused.")


class OrderFiles(StreamFiles):
    fields: field_settings(Order, Column)  # type: ignore[valid-type]
    lines: Lines | None = Field(None, description="What was ordered.")


class RefundFiles(StreamFiles):
    fields: field_settings(Refund, Column)  # type: ignore[valid-type]


class ReviewFiles(StreamFiles):
    fields: field_settings(Review, Column)  # type: ignore[valid-type]


class ConversationFiles(StreamFiles):
    fields: field_settings(Conversation, Column)  # type: ignore[valid-type]


class AttendanceFiles(StreamFiles):
    fields: field_settings(Attendance, Column)  # type: ignore[valid-type]


class Exports(Settings):
    """The streams there are files of; the others are not pulled."""

    products: ProductFiles | None = Field(None, description="The things the shop sells.")
    customers: CustomerFiles | None = Field(None, description="The customers' accounts.")
    orders: OrderFiles | None = Field(None, description="Orders with their lines.")
    refunds: RefundFiles | None = Field(None, description="Refunds, returns and exchanges.")
    reviews: ReviewFiles | None = Field(None, description="What buyers said.")
    conversations: ConversationFiles | None = Field(None, description="Talks with the shop's agents.")
    attendance: AttendanceFiles | None = Field(None, description="The agents' roster, day by day.")

    def configured(self) -> dict[str, StreamFiles]:
        return {
            name: stream for name in type(self).model_fields if (stream := getattr(self, name)) is not None
        }


class FilesSettings(FileFormat):
    """A shop's exports. What stands here holds for every stream that does not say otherwise."""

    title: str | None = Field(None, description="The shop's name; by default the connection's id.")
    currency: Currency | None = Field(None, description="The currency of records that map none: CNY.")
    times: Times = Field(Times(), description="How times are written.")
    decimal: DecimalSign = Field("point", description="The decimal sign of amounts: point or comma.")
    page_size: int = Field(500, ge=1, le=10_000, description="Records stored in one transaction.")
    exports: Exports = Field(description="The files of each stream.")

    @model_validator(mode="after")
    def _has_currency(self) -> Self:
        for name in ("orders", "refunds"):
            stream = getattr(self.exports, name)
            if stream is not None and stream.fields.currency is None and self.currency is None:
                raise ValueError(
                    f"exports.{name} has no currency: map it, or set `currency` for the connection"
                )
        return self
