"""From facts and flags to segments: who belongs to each named selection of customers, since when."""

from crmsync.segments.listing import KnownSegment, list_segments
from crmsync.segments.preview import Member, SegmentPreview, preview_segment
from crmsync.segments.refresh import SegmentResult, refresh_segments

__all__ = [
    "KnownSegment",
    "Member",
    "SegmentPreview",
    "SegmentResult",
    "list_segments",
    "preview_segment",
    "refresh_segments",
]
