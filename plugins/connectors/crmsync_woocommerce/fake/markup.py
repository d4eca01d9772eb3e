"""What becomes of the HTML of a note: WordPress's filter of tags, and its loss of backslashes."""

from __future__ import annotations

import re

_ALLOWED = frozenset({"a", "b", "br", "em", "i", "img", "li", "p", "strong", "ul"})
_TOKEN = re.compile(r"<!--.*?(?:-->|$)|<[^>]*(?:>|$)|>", re.DOTALL)
_TAG = re.compile(r"<\s*(/\s*)?([a-zA-Z0-9-]+)([^>]*)>?", re.DOTALL)
_BARE_AMPERSAND = re.compile(r"&(?!(?:[a-zA-Z][a-zA-Z0-9]{1,31}|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_HREF = re.compile(r"\b(?:href|src)=\"[^\"]*\"")


def unslashed(text: str) -> str:
    """Every backslash is taken for an escape of what follows it."""
    return re.sub(r"\\(.?)", r"\1", text, flags=re.DOTALL)


def filtered(html: str) -> str:
    """Tags that are not allowed go, with all that a `<` makes look like one."""
    return _TOKEN.sub(_token, _BARE_AMPERSAND.sub("&amp;", html))


def _token(found: re.Match[str]) -> str:
    token = found[0]
    if token == ">":
        return "&gt;"
    if token.startswith("<!--"):
        inner = filtered(token.replace("<!--", "").replace("-->", ""))
        return f"<!--{re.sub('-$', '', re.sub('--+', '-', inner))}-->" if inner else ""
    tag = _TAG.fullmatch(token)
    if tag is None or tag[2].lower() not in _ALLOWED:
        return ""
    if tag[1]:
        return f"</{tag[2]}>"
    kept = "".join(f" {attribute}" for attribute in _HREF.findall(tag[3]))
    return f"<{tag[2]}{kept}>"
