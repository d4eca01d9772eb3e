"""Whatever stands in the file, loading ends with a configuration or with remedies, and tells no secret."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.config import Config, InvalidConfig

WHOLE = """\
database: postgresql://u:${env:SECRET}@h/db
connections:
  - id: a
    connector: shop
    schedule: cron 0 3 * * * Asia/Shanghai
    streams: [orders]
    app_key: k
    app_secret: ${env:SECRET}
    auth: {type: bearer, token: "${env:SECRET}"}
    files: [a.csv, "${env:SECRET}"]
rules:
  churn_risk: {threshold: 8%}
channels:
  - {id: mail, channel: email, host: mail}
care:
  - name: win-back
    when: churn_risk
    template: winback.j2
"""
BITS = st.sampled_from(
    [
        "",
        "- ",
        "{",
        "}",
        "[",
        ": ",
        "null",
        "-1",
        "1e400",
        "&a ",
        "*a",
        "<<: ",
        "!x ",
        "\n",
        "  ",
        "'",
        "${",
        "? ",
        "~",
    ]
)
EDITS = st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 20), BITS), min_size=1, max_size=4)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(EDITS)
def test_any_edit(load: Callable[..., Config], edits: list[tuple[int, int, str]]) -> None:
    text = WHOLE
    for at, length, bit in edits:
        text = text[:at] + bit + text[at + length :]
    refusal = None
    try:
        load(text, SECRET="Sup3rSecret")
    except InvalidConfig as error:
        refusal = error
    assert "Sup3rSecret" not in str(refusal)
    for problem in refusal.problems if refusal else ():
        assert problem.fix
        assert 1 <= problem.line <= text.count("\n") + 1
        assert problem.column >= 1
