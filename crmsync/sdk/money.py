"""Money is an integer of minor units beside its ISO 4217 currency; floats never touch it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from crmsync.sdk.errors import RecordError

# ISO 4217 (list one, 2024): the currencies whose minor unit is not a hundredth.
_EXPONENT = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),
        0,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


def exponent(currency: str) -> int:
    """Decimal places of the currency's minor unit: 2 for CNY, 0 for JPY, 3 for KWD."""
    return _EXPONENT.get(currency, 2)


def minor(amount: str | int | Decimal, currency: str) -> int:
    """Minor units of an amount given in major units: `minor("12.50", "CNY") == 1250`.

    Amounts with more places than the currency has are rounded half up. Floats are refused: a
    connector decodes JSON numbers as text or `Decimal`, or formats them itself.

    Raises RecordError when the amount is not a finite decimal number.
    """
    if type(amount) is str and amount[-3:-2] == "." and currency not in _EXPONENT:
        # The usual shape, "123.45", without the cost of Decimal.
        try:
            return int(amount[:-3] + amount[-2:])
        except ValueError:
            pass
    if isinstance(amount, float | bool):
        raise RecordError(f"{amount!r} is not an exact amount.", fix="Pass a string, an int or a Decimal.")
    try:
        value = Decimal(amount)
        if not value.is_finite() or abs(value.adjusted()) > 15:
            raise InvalidOperation
        return int((value.scaleb(exponent(currency))).to_integral_value(ROUND_HALF_UP))
    except (InvalidOperation, TypeError, ValueError):
        raise RecordError(f"{amount!r} is not an amount of money.") from None


def major(minor_units: int, currency: str) -> Decimal:
    """The amount in major units: `major(1250, "CNY") == Decimal("12.50")`."""
    return Decimal(minor_units).scaleb(-exponent(currency))


def display(minor_units: int, currency: str) -> str:
    """The amount as a person reads it: `display(125000, "CNY") == "CNY 1,250.00"`."""
    return f"{currency} {major(minor_units, currency):,.{exponent(currency)}f}"
