from django.apps import AppConfig


class TextConfig(AppConfig):
    name = "cxm.understand.text"
    label = "text"
