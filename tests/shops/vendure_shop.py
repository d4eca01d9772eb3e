"""A Vendure server that really runs, driven by its own Admin API."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import requests


class VendureShop:
    """The server, and its database for what no API can do: setting a time."""

    def __init__(self, port: int, database: Path) -> None:
        self.url = f"http://127.0.0.1:{port}/admin-api"
        self._database = database
        self._http = requests.Session()
        answer = self._post(
            'mutation { login(username: "superadmin", password: "superadmin") { __typename } }'
        )
        self._http.headers["Authorization"] = f"Bearer {answer.headers['vendure-auth-token']}"
        made = {"roleIds": ["1"], "translations": [{"languageCode": "en", "name": "crmsync"}]}
        create = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey } }"
        self.key = self.ask(create, input=made)["createApiKey"]["apiKey"]

    @property
    def settings(self) -> dict[str, Any]:
        # The seeded orders grow old; their refunds are to be seen all the same.
        return {"url": self.url, "api_key": self.key, "tag_field": "tags", "refunds_within": "9000d"}

    def ask(self, query: str, **variables: Any) -> Any:
        body = self._post(query, **variables).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def _post(self, query: str, **variables: Any) -> requests.Response:
        return self._http.post(self.url, json={"query": query, "variables": variables}, timeout=120)

    def count(self, path: str, condition: str = "{}") -> int:
        query = f"{{ {path}(options: {{filter: {condition}}}) {{ totalItems }} }}"
        return int(self.ask(query)[path]["totalItems"])

    def customers(self) -> list[str]:
        return [row["id"] for row in self.ask("{ customers { items { id } } }")["customers"]["items"]]

    def customer(self, id: str) -> Any:
        fields = "firstName updatedAt customFields { tags } history { items { type isPublic data } }"
        return self.ask(f"query($id: ID!) {{ customer(id: $id) {{ {fields} }} }}", id=id)["customer"]

    def order(self, id: str) -> Any:
        fields = (
            "state updatedAt totalWithTax customer { id } payments { id } lines { id } "
            "history { items { id type isPublic data } }"
        )
        return self.ask(f"query($id: ID!) {{ order(id: $id) {{ {fields} }} }}", id=id)["order"]

    def orders(self, state: str) -> list[str]:
        query = "query($state: String!) { orders(options: {filter: {state: {eq: $state}}}) { items { id } } }"
        return [row["id"] for row in self.ask(query, state=state)["orders"]["items"]]

    def rename(self, id: str, name: str) -> None:
        update = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { __typename } }"
        self.ask(update, input={"id": id, "firstName": name})

    def same_moment(self, customers: list[str]) -> None:
        """These customers changed in one moment: the latest of all."""
        with closing(sqlite3.connect(self._database, timeout=30)) as database, database:
            marks = ",".join("?" * len(customers))
            database.execute(
                "UPDATE customer SET updatedAt = strftime('%Y-%m-%d %H:%M:%S.000', 'now', '+1 second') "
                f"WHERE id IN ({marks})",
                customers,
            )
