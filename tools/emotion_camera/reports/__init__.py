"""What the camera reports: the schema, parsing, and putting lines together."""

from emotion_camera.reports.parse import EventReport, Face, FacesReport, Report, ReportError, parse

__all__ = ["EventReport", "Face", "FacesReport", "Report", "ReportError", "parse"]
