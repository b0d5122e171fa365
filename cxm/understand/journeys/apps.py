from django.apps import AppConfig


class JourneysConfig(AppConfig):
    name = "cxm.understand.journeys"
    label = "journeys"
