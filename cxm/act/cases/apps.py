from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "cxm.act.cases"
    label = "cases"
