from django.apps import AppConfig


class EventlogConfig(AppConfig):
    name = "cxm.record.eventlog"
    label = "eventlog"
