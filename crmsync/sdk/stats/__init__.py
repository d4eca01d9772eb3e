"""Statistics rules are made of. numpy and scipy are imported when a function is called, not before."""

from crmsync.sdk.stats.beta_binomial import BetaPrior, fit_prior
from crmsync.sdk.stats.purchase import PurchaseModel, fit_purchases
from crmsync.sdk.stats.wilson import wilson

__all__ = ["BetaPrior", "PurchaseModel", "fit_prior", "fit_purchases", "wilson"]
