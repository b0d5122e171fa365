from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    name = "cxm.steer.dashboards"
    label = "dashboards"
