import pytest
from cxm.record.eventlog.scope import Filter, Scope
from cxm.testing.cast import make_user, make_workspace
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.steps.actions import create_process
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.journeys.steps.queries import *
from cxm.understand.journeys.discovery.behind import Among, Between
from .shop import four_visits


@pytest.mark.django_db
def test_it():
    owner = make_user()
    w = make_workspace(owner=owner)
    four_visits(w)
    p = create_process(workspace=w, name="Shop", definition=ProcessDefinition(events=("look", "buy")), by=owner)
    build_steps(p)
    s = Scope(w.pk)
    import traceback

    for b in (
        Behind("look", "buy"),
        Behind(),
        Between(first="look", then="buy"),
        Between(first="look", then="buy", reached=False),
    ):
        for sc in (s, s.where(Filter("channel", "is", ("web",))), s.where(Filter("trait.x", "is", ("web",)))):
            for f in (count_of, journeys_of):
                try:
                    r = f(p, sc, b)
                    print("OK", type(b).__name__, f.__name__, r.journeys if f is count_of else len(r.rows))
                except Exception as e:
                    print("FAIL", type(b).__name__, f.__name__, str(e)[:600])
    js = [j.journey for j in journeys_of(p, s, Behind()).rows] if True else []
    print(len(labels_of(p, s, js)))
    assert 0
