import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0003_segment"),
        ("surveys", "0002_waves_and_confirmed_addresses"),
    ]

    operations = [
        migrations.AlterField(
            model_name="response",
            name="customer",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="customers.customer"
            ),
        ),
    ]
