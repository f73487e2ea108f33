"""`orchestrator explain`: why a run is as it is."""

from collections.abc import Callable
from typing import Any

import click

from orchestrator.faces.cli.chains import print_chain
from orchestrator.faces.cli.completing import run_ids
from orchestrator.faces.cli.following import ENDED
from orchestrator.faces.cli.lookup import find_run, short_ids
from orchestrator.faces.cli.output import output_option_without_ids, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import print_history, print_paragraph, print_table
from orchestrator.faces.cli.text import brief_moment, moment

_MOST_HOLDERS = 20


@click.command("explain")
@click.argument("run", shell_complete=run_ids)
@endpoint_options
@output_option_without_ids
@click.pass_context
def command(context: click.Context, /, *, run: str, output: str) -> None:
    """Explain why a run runs, waits or ended.

    Who holds what it waits for, what its trigger saw, its chain as a tree, its attempts and its history.
    """
    client = context.ensure_object(Session).client()
    told = client.look_up("runs", find_run(client, run)["run"]["id"], "explain")
    if print_for_programs(output, told):
        return
    short = short_ids(_ids(told)).__getitem__
    print_paragraph(" ".join([_state(told), *_sentences(told, short)]))
    _print_holders(told, short)
    _print_sights(told, short)
    if told["chain"] is not None:
        click.echo()
        print_chain(told["chain"], now_ms=told["now_ms"], explained=told["run"]["id"])
    _print_attempts(told, short)
    click.echo()
    print_history(told["history"])


def _ids(told: dict[str, Any]) -> set[str]:
    """Return all ids that are told of, so that none is cut so short as to be another's."""
    lists = [told["attempts"], told["slots"]["held"]]
    if told["wait"] is not None:
        lists.append(told["wait"]["first_ahead_of_job"])
        lists.append([] if told["wait"]["head"] is None else [told["wait"]["head"]])
    ids = {run["id"] for runs in lists for run in runs} | {told["run"]["id"]}
    if told["trigger"] is not None:
        ids |= {before["run_id"] for before in told["trigger"]["predecessors"]}
    if told["chain"] is not None:
        ids |= {line["id"] for line in told["chain"]["lines"] if line["kind"] == "run"}
    return ids


def _state(told: dict[str, Any]) -> str:
    run, slots, wait = told["run"], told["slots"], told["wait"]
    name = f"{run['id']} of job {run['job_name']}"
    since = moment(told["history"][-1]["at_ms"])
    if run["state"] in ENDED:
        reason = f": {run['error_message']}" if run["error_message"] else ""
        return f"{name} ended as {run['state']} at {moment(run['completed_on_ms'])}{_closed(reason)}"
    if wait is not None:
        reason = f"{wait['reason'][:1].lower()}{wait['reason'][1:]} of {wait['queued']}"
        return f"{name} is {run['state']} since {moment(run['started_on_ms'])}: it is {reason}."
    holds = next((one["dpu"] for one in slots["held"] if one["id"] == run["id"]), None)
    if run["state"] == "STOPPING":
        return f"{name} is STOPPING since {since}: its processes are being ended."
    if holds is None:
        return f"{name} is {run['state']}: it was accepted and is about to be queued."
    doing = "is being launched, and holds" if run["state"] == "STARTING" else "holds"
    return f"{name} is {run['state']} since {since}: it {doing} {holds:g} of {slots['dpus']:g} DPU."


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _sentences(told: dict[str, Any], short: Callable[[str], str]) -> list[str]:
    sentences = []
    wait, retry, workflow_run = told["wait"], told["retry"], told["workflow_run"]
    if wait is not None and wait["head"] is not None:
        place, head_id, job, dpu = (wait["head"][key] for key in ("place", "id", "job_name", "dpu"))
        sentences.append(f"At place {place} is {short(head_id)} of job {job}, which waits for {dpu:g} DPU.")
    if wait is not None and wait["ahead_of_job"]:
        named = [short(run["id"]) for run in wait["first_ahead_of_job"]]
        more = wait["ahead_of_job"] - len(named)
        if more:
            named.append(f"and {more} more")
        sentences.append(f"Ahead of it in the queue, of the same job: {', '.join(named)}.")
    if retry is not None:
        of = "It" if retry["of"] == told["run"]["id"] else short(retry["of"])
        due = moment(retry["due_ms"])
        sentences.append(f"{of} will be retried at {due}: retry {retry['number']} of at most {retry['most']}.")
    sentences.append(_origin(told, short))
    if workflow_run is not None:
        name, run_id, status = (workflow_run[key] for key in ("workflow_name", "id", "status"))
        sentences.append(f"It belongs to {run_id} of workflow {name}, which is {status}.")
    return sentences


def _origin(told: dict[str, Any], short: Callable[[str], str]) -> str:
    run, trigger = told["run"], told["trigger"]
    if run["previous_run_id"] is None:
        return "It was started by a call, not by a trigger." if trigger is None else _trigger(trigger, "it")
    how = f"automatic retry {run['retry_number']}" if run["retry_number"] else "a retry by hand"
    retry = f"It is {how}, after {short(run['previous_run_id'])}."
    return retry if trigger is None else f"{retry} {_trigger(trigger, 'the first attempt')}"


def _trigger(trigger: dict[str, Any], what: str) -> str:
    """Return how the trigger started it or the first attempt."""
    kind = f" ({trigger['type']})" if trigger["type"] else ", which is deleted since,"
    if trigger["is_changed"]:
        kind = ", which was changed since,"
    firing = trigger["firing"]
    if firing is None:
        return f"Trigger {trigger['name']}{kind} had started {what} in the workflow run that this one resumes."
    at = moment(firing["at_ms"])
    if firing["tick_ms"] is not None:
        schedule = f" of {trigger['schedule']}" if trigger["schedule"] else ""
        instant = moment(firing["tick_ms"])
        return f"Trigger {trigger['name']}{kind} started {what} at {at}, for the instant {instant}{schedule}."
    return f"Trigger {trigger['name']}{kind} started {what} at {at}."


def _print_holders(told: dict[str, Any], short: Callable[[str], str]) -> None:
    """Print who holds what a waiting run waits for: the job's own runs, or all that take slots."""
    wait, slots = told["wait"], told["slots"]
    if wait is None:
        return
    job = told["run"]["job_name"]
    held = [one for one in slots["held"] if one["job_name"] == job or not wait["is_behind_its_job"]]
    if not held:
        return
    click.echo()
    print_table(
        ("HELD BY", "JOB", "STATE", "DPU", "SINCE"),
        (
            (short(one["id"]), one["job_name"], one["state"], f"{one['dpu']:g}", moment(one["since_ms"]))
            for one in held[:_MOST_HOLDERS]
        ),
    )
    if len(held) > _MOST_HOLDERS:
        click.echo(f"and {len(held) - _MOST_HOLDERS} more")


def _print_sights(told: dict[str, Any], short: Callable[[str], str]) -> None:
    """Print what the trigger that started the run saw."""
    trigger = told["trigger"]
    if trigger is None or not (trigger["conditions"] or trigger["predecessors"]):
        return
    watched = {one["job_name"] for one in trigger["conditions"]}
    rows = [(one["job_name"], one["wanted"], one["state"], one["run_id"]) for one in trigger["conditions"]]
    rows += [
        (one["job_name"], None, one["state"], one["run_id"])  # the trigger was changed or deleted since
        for one in trigger["predecessors"]
        if one["job_name"] not in watched
    ]
    click.echo()
    wanted = "WANTED (ANY)" if trigger["logical"] == "ANY" else "WANTED"
    print_table(
        ("TRIGGER SAW", wanted, "STATE", "RUN"),
        ((job, want or "-", state or "-", short(run_id) if run_id else "-") for job, want, state, run_id in rows),
    )


def _print_attempts(told: dict[str, Any], short: Callable[[str], str]) -> None:
    if len(told["attempts"]) < 2:
        return
    click.echo()
    print_table(
        ("ATTEMPT", "STATE", "STARTED", "ENDED", "HOW", "DETAIL"),
        (
            (
                short(run["id"]),
                run["state"],
                brief_moment(run["started_on_ms"], told["now_ms"], to_the_second=True),
                brief_moment(run["completed_on_ms"], told["now_ms"], to_the_second=True),
                _how(run),
                run["error_message"] or run["state_detail"] or "",
            )
            for run in told["attempts"]
        ),
    )


def _how(run: dict[str, Any]) -> str:
    if run["previous_run_id"] is None:
        return "first"
    return f"retry {run['retry_number']}" if run["retry_number"] else "by hand"
