"""Drives the unmodified PyPI py_eureka_client by commands: one per line on stdin, answered by one line of JSON.

usage: python drive.py EUREKA_URL APP ID

  start               registers, starts heartbeats and fetches
  instances APP       what the client's own cache holds for an application
  status VALUE        asks for a status override of this instance
  status              takes the override back
  read all|delta      the client's own reading of the lists
  read vip|svip|app|id NAME
  read one APP ID     the same for a part, by every path that the client knows
  stop                sets the instance down, leaves, and ends the program

The client's own log goes to stderr and is no JSON. The end of stdin ends the program.
"""

import asyncio
import json
import os
import sys

import py_eureka_client.eureka_basic as basic
import py_eureka_client.eureka_client as eureka

URL, APP, ID = sys.argv[1:4]
LOOP = asyncio.new_event_loop()
eureka.set_event_loop(LOOP)


def run(coroutine):
    return LOOP.run_until_complete(coroutine)


def start():
    eureka.init(
        eureka_server=URL,
        app_name=APP,
        instance_id=ID,
        instance_host="127.0.0.1",
        instance_ip="127.0.0.1",
        instance_port=8091,
        renewal_interval_in_secs=1,
        duration_in_secs=30,
        metadata={"colour": "blue & <green>"},
    )
    return {"ok": True}


def instances(app):
    known = eureka.get_client().applications.get_application(app)
    found = known.instances if known else []
    return {
        "instances": [
            {"id": i.instanceId, "status": i.status, "port": i.port.port, "address": i.ipAddr}
            for i in sorted(found, key=lambda i: i.instanceId)
        ]
    }


def status(value=None):
    client = eureka.get_client()
    run(client.status_update(value) if value else client.delete_status_override())
    return {"ok": True}


def fields(thing):
    """Everything that the client read, as plain values."""
    if isinstance(thing, (basic.Application, basic.Applications)):
        listed = thing.instances if isinstance(thing, basic.Application) else thing.applications
        return {"of": getattr(thing, "name", ""), "listed": [fields(item) for item in listed]}
    if isinstance(thing, basic.Instance):
        own = {name.split("__")[-1]: fields(value) for name, value in vars(thing).items()}
        return {**own, "instanceId": thing.instanceId}
    if hasattr(thing, "__dict__"):
        return {name: fields(value) for name, value in vars(thing).items()}
    return thing


def read(what, *names):
    reads = {
        "all": basic.get_applications,
        "delta": basic.get_delta,
        "vip": basic.get_vip,
        "svip": basic.get_secure_vip,
        "app": basic.get_application,
        "one": basic.get_app_instance,
        "id": basic.get_instance,
    }
    found = run(reads[what](URL, *names))
    if asyncio.iscoroutine(found):  # The client forgets to await one of its reads.
        found = run(found)
    answer = {"read": fields(found)}
    if isinstance(found, basic.Applications):
        answer["hash"] = found.appsHashcode
    return answer


def stop():
    eureka.stop()
    # The client's heartbeats go on after this, and the first refused one would register the instance again.
    print(json.dumps({"ok": True}), flush=True)
    os._exit(0)


COMMANDS = {"start": start, "instances": instances, "status": status, "read": read, "stop": stop}

for line in sys.stdin:
    command, *arguments = line.split()
    try:
        answer = COMMANDS[command](*arguments)
    except Exception as error:  # The test decides what a failed command means.
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
