from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "cxm.act.automations"
    label = "automations"
