from django.apps import AppConfig


class CaptureConfig(AppConfig):
    name = "cxm.record.capture"
    label = "capture"
