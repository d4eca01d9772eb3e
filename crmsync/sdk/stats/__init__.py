"""Statistics rules are made of. numpy and scipy are imported when a function is called, not before."""

from crmsync.sdk.stats.adjustment import Adjustment, chances, fit_adjustment, log_odds
from crmsync.sdk.stats.beta_binomial import RatePrior, fit_prior
from crmsync.sdk.stats.lifetime import Prospect, customer_equity
from crmsync.sdk.stats.logistic import Logistic, fit_logistic
from crmsync.sdk.stats.purchase import PurchaseModel, fit_purchases
from crmsync.sdk.stats.ratio import ratio
from crmsync.sdk.stats.spend import SpendModel, fit_spend
from crmsync.sdk.stats.wilson import wilson

__all__ = [
    "Adjustment",
    "Logistic",
    "Prospect",
    "PurchaseModel",
    "RatePrior",
    "SpendModel",
    "chances",
    "customer_equity",
    "fit_adjustment",
    "fit_logistic",
    "fit_prior",
    "fit_purchases",
    "fit_spend",
    "log_odds",
    "ratio",
    "wilson",
]
