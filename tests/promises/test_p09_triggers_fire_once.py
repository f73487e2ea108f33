"""P9: a trigger fires exactly once per finished set of predecessors."""

from pathlib import Path

import pytest

from tests.support.crashing import Lives
from tests.support.waiting import until


def define(lives: Lives) -> None:
    for name in ("one", "two", "last"):
        lives.client.job(name, lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 9})
    actions = [{"JobName": "one"}, {"JobName": "two"}]
    assert "Name" in lives.client.call("CreateTrigger", Name="begin", Type="ON_DEMAND", Actions=actions)
    conditions = [{"LogicalOperator": "EQUALS", "JobName": name, "State": "SUCCEEDED"} for name in ("one", "two")]
    made = lives.client.call(
        "CreateTrigger",
        Name="both",
        Type="CONDITIONAL",
        StartOnCreation=True,
        Predicate={"Logical": "AND", "Conditions": conditions},
        Actions=[{"JobName": "last"}],
    )
    assert made == {"Name": "both"}


@pytest.mark.parametrize(
    "point", [None, "settle_ended.uncommitted", "settle_ended.committed:2", "start_trigger.committed"]
)
def test_each_chain_has_one_last_run(tmp_path: Path, point: str | None) -> None:
    with Lives(tmp_path, [point]) as lives:
        define(lives)
        for _ in range(3):
            assert lives.client.call("StartTrigger", Name="begin") == {"Name": "begin"}
        lives.markers.wait_for("start", count=1)

        def are_over() -> bool:
            lives.revive()
            runs = lives.client.call("GetJobRuns", JobName="last")["JobRuns"]
            return len(runs) >= 3 and all("CompletedOn" in run for run in runs)

        until(are_over, within_s=30, what="the last run of each chain")
        lives.renew()
        last = lives.client.call("GetJobRuns", JobName="last")["JobRuns"]
        assert len(last) == 3
        before = [one["RunId"] for run in last for one in run["PredecessorRuns"]]
        assert len(before) == len(set(before)) == 6
        assert {run["TriggerName"] for run in last} == {"both"}
