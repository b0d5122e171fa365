from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "cxm.understand.metrics"
    label = "metrics"
