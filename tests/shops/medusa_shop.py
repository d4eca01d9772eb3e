"""A Medusa server that really runs, driven by its own admin API."""

from __future__ import annotations

from typing import Any

import psycopg
import requests


class MedusaShop:
    """The server, and its database for what no API can do: setting a time."""

    def __init__(self, port: int, database: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._database = f"postgresql://postgres@127.0.0.1:{database}/medusa"
        self._http = requests.Session()
        login = {"email": "admin@example.com", "password": "supersecret"}
        self._http.headers["Authorization"] = f"Bearer {self.post('/auth/user/emailpass', login)['token']}"
        self.key = self.post("/admin/api-keys", {"title": "crmsync", "type": "secret"})["api_key"]["token"]

    @property
    def settings(self) -> dict[str, Any]:
        return {"base_url": self.url, "api_key": self.key, "reviews": True}

    def get(self, path: str, **params: Any) -> Any:
        answer = self._http.get(self.url + path, params=params, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = self._http.post(self.url + path, json=body, timeout=120)
        assert answer.ok, answer.text
        return answer.json()

    def count(self, path: str, **params: Any) -> int:
        return int(self.get(f"/admin/{path}", limit=1, fields="id", **params)["count"])

    def customers(self, *skip: str) -> list[str]:
        """Customers by their ids, without some."""
        rows = self.get("/admin/customers", limit=80, fields="id")["customers"]
        return [row["id"] for row in rows if row["id"] not in skip]

    def customer(self, id: str) -> Any:
        return self.get(f"/admin/customers/{id}", fields="*groups,metadata,updated_at,first_name")["customer"]

    def order(self, id: str) -> Any:
        return self.get(f"/admin/orders/{id}", fields="id,status,updated_at,total")["order"]

    def orders(self, **params: Any) -> list[str]:
        return [row["id"] for row in self.get("/admin/orders", fields="id", limit=20, **params)["orders"]]

    def same_moment(self, customers: list[str]) -> None:
        """These customers changed in one moment: the latest of all."""
        with psycopg.connect(self._database) as connection:
            connection.execute(
                "UPDATE customer SET updated_at = now() + interval '1 second' WHERE id = ANY(%s)",
                (customers,),
            )
