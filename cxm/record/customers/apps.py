from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "cxm.record.customers"
    label = "customers"

    def ready(self) -> None:
        from cxm.record.eventlog import scope

        from .segments import find_segment

        scope.find_segment = find_segment
