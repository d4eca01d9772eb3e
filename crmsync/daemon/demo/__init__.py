"""The demo: the built-in shop on loopback, and the real path against it for some weeks."""

from crmsync.daemon.demo.folder import new_folder
from crmsync.daemon.demo.result import Comparison, DemoResult, Example
from crmsync.daemon.demo.tour import run_demo

__all__ = ["Comparison", "DemoResult", "Example", "new_folder", "run_demo"]
