"""What moves an outcome: the airport survey through the public import, and figures checked against R's relaimpo.

The coefficients and R² were computed with plain pandas, apart from this project. The shares are those of
`calc.relimp(type = "lmg")` of R's package relaimpo 2.2-7 on the same file; where Rscript and the package are installed,
they are computed anew.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.test import Client

from cxm.record.capture import actions as capture
from cxm.record.capture import running
from cxm.record.capture.examples import example
from cxm.testing.cast import make_workspace
from cxm.understand.journeys.drivers import actions, computing
from cxm.understand.journeys.drivers.definition import Driver, DriverDefinition, Outcome

DATA = Path(__file__).parents[2] / "shared" / "data" / "sfo_airport_survey"
FILE = DATA / "2017_SFO_Customer_Survey.csv.gz"
RATINGS = ("food", "shops", "signs", "walkways", "screens", "wifi")
COLUMNS = ("Q7FOOD", "Q7STORE", "Q7SIGN", "Q7WALKWAYS", "Q7SCREENS", "Q7WIFI")


def to(digits: int, number: float) -> Any:
    return pytest.approx(number, abs=0.5001 * 10**-digits, rel=0)


@pytest.mark.django_db
@pytest.mark.once
@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the real data sets are not part of the repository")
def test_drivers_of_the_airport_survey(client: Client, tmp_path: Path) -> None:
    workspace = make_workspace()
    draft = capture.add_file(workspace=workspace, path=FILE, name=FILE.name, by=None, move=False)
    started = capture.start_import(one=draft, yaml=example("sfo_2017").yaml, by=None)
    done = running.run(started.pk)
    assert done is not None and done.rows_read == 2831

    definition = DriverDefinition(
        outcome=Outcome(metric="csat", question="airport as a whole"),
        drivers=tuple(Driver("rating", one, metric="rating") for one in RATINGS),
    )
    model = actions.create_model(workspace=workspace, name="The airport", definition=definition, by=None)
    computing.run(model.pk)
    model.refresh_from_db()
    found = computing.findings_of(model)
    assert found is not None and not model.is_under_way

    # As listed beside the data.
    assert (found.rows, found.n) == (2688, 1689)
    assert found.r2.value == to(6, 0.550386)
    standardised = [one.standardised for one in found.found]
    assert standardised == [to(6, one) for one in (0.250657, 0.127602, 0.172075, 0.150979, 0.105857, 0.173418)]

    shares = [one.share.value for one in found.found]
    assert sum(shares) == pytest.approx(found.r2.value, abs=1e-12)
    assert shares == pytest.approx(relaimpo(tmp_path), abs=1e-6)  # promised: 1e-3
    assert all(one.matters and one.share.low and one.share.high for one in found.found)
    # Food may be the first and WiFi the last; it is not open that WiFi is before food.
    food, wifi = found.found[0], found.found[5]
    assert (food.first, wifi.last) == (1, 6) and food.last < 6 and wifi.first > 1


def relaimpo(tmp_path: Path) -> list[float]:
    """The shares as R's relaimpo gives them, from R itself where it is installed."""
    published = [0.1126044987, 0.0957339157, 0.0960760979, 0.0926790821, 0.0826662450, 0.0706264913]
    if shutil.which("Rscript") is None:
        return published
    table = pd.read_csv(FILE, low_memory=False).rename(columns=lambda name: name.strip().lstrip("*"))
    rows = table[["Q7ALL", *COLUMNS]].apply(pd.to_numeric, errors="coerce")
    rows[rows.isin([1, 2, 3, 4, 5])].dropna().to_csv(tmp_path / "rows.csv", index=False)
    program = f'suppressMessages(library(relaimpo)); x <- read.csv("{tmp_path}/rows.csv");'
    program += 'cat(format(calc.relimp(x, type = "lmg")@lmg, digits = 12))'
    ran = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, timeout=120, check=False)
    if ran.returncode != 0:
        return published  # R without the package
    found = [float(one) for one in ran.stdout.split()]
    assert found == pytest.approx(published, abs=1e-9)
    return found
