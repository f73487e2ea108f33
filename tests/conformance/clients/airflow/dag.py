"""An Airflow DAG of the tasks in CLIENT_REQUEST, one after the other, run whole by Airflow itself (`dag.test`).

Airflow imports this file a second time, from its DAG folder, to store the DAG before it runs it.
"""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.models.xcom import XComModel  # type: ignore[import-not-found]  # in the clients' environment only
from airflow.providers.amazon.aws.operators.glue import (  # type: ignore[import-not-found]  # as above
    GlueJobOperator,
)
from airflow.providers.amazon.aws.sensors.glue import GlueJobSensor  # type: ignore[import-not-found]  # as above
from airflow.sdk import DAG, chain  # type: ignore[import-not-found]  # as above
from airflow.utils.session import create_session  # type: ignore[import-not-found]  # as above

REQUEST = json.loads(os.environ["CLIENT_REQUEST"])
CLASSES = {"GlueJobOperator": GlueJobOperator, "GlueJobSensor": GlueJobSensor}


def to_task(task_id: str, members: dict[str, Any]) -> Any:
    """Make a task; its durations are seconds in JSON."""
    members = dict(members)
    task = CLASSES[members.pop("class")]
    for name in ("execution_timeout", "retry_delay"):
        if name in members:
            members[name] = timedelta(seconds=members[name])
    return task(task_id=task_id, **members)


with DAG(REQUEST["dag"], schedule=None) as dag:
    chain(*[to_task(task_id, members) for task_id, members in REQUEST["tasks"].items()])


def main() -> None:
    """Run the DAG, and tell how it ended."""
    run = dag.test()
    tasks = {task.task_id: [task.state, task.try_number] for task in run.get_task_instances()}
    with create_session() as session:
        pushed = session.scalars(XComModel.get_many(run_id=run.run_id, dag_ids=[dag.dag_id])).all()
        results = {one.task_id: XComModel.deserialize_value(one) for one in pushed if one.key == "return_value"}
    answer = {"dag": run.state, "tasks": tasks, "results": results}
    Path(os.environ["CLIENT_ANSWER"]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
