from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "cxm.record.customers"
    label = "customers"
