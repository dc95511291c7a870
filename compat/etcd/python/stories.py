"""Tells stories to one server through two Python clients and prints a verdict for each: `PASS name` or `FAIL name: why`.

`pyetcd` (package etcd-sdk-python, the maintained successor of etcd3) speaks gRPC, `etcd3gw` speaks to the JSON gateway.
Arguments: host and port.
"""

import io
import queue
import sys
import threading
import time

import etcd3gw
import pyetcd
from etcd3gw.utils import _encode

# Nothing here waits longer.
SECONDS = 30
HOST, PORT = sys.argv[1], int(sys.argv[2])


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def until(what, probe):
    """Asks until the answer is true; each question is a round trip, so nothing spins."""
    deadline = time.monotonic() + SECONDS
    while not probe():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited for {what}")


# pyetcd


def put_and_get(client, prefix):
    same("nothing yet", client.get(prefix + "a"), (None, None))
    client.put(prefix + "a", "1")
    same("value before", client.put(prefix + "a", "2", prev_kv=True).prev_kv.value, b"1")
    value, meta = client.get(prefix + "a")
    same("value", value, b"2")
    same("version", meta.version, 2)
    same("key", meta.key, (prefix + "a").encode())


def ranges(client, prefix):
    for index in range(10):
        client.put(f"{prefix}{index}", str(9 - index))
    values = [value for value, _ in client.get_prefix(prefix)]
    same("in order of keys", values, [str(9 - index).encode() for index in range(10)])
    values = [value for value, _ in client.get_prefix(prefix, sort_order="descend", sort_target="key")]
    same("backwards", values[0], b"0")
    values = [value for value, _ in client.get_prefix(prefix, sort_order="ascend", sort_target="value")]
    same("by value", values[0], b"0")
    values = [value for value, _ in client.get_range(prefix + "3", prefix + "6")]
    same("a range", values, [b"6", b"5", b"4"])
    same("only keys", client.get_prefix_response(prefix, keys_only=True).kvs[0].value, b"")


def delete(client, prefix):
    for key in "abc":
        client.put(prefix + key, key)
    same("there", client.delete(prefix + "a"), True)
    same("not there", client.delete(prefix + "a"), False)
    same("value before", client.delete(prefix + "b", prev_kv=True, return_response=True).prev_kvs[0].value, b"b")
    same("the rest", client.delete_prefix(prefix).deleted, 1)


def conditional(client, prefix):
    same("absent", client.put_if_not_exists(prefix + "a", "1"), True)
    same("present", client.put_if_not_exists(prefix + "a", "2"), False)
    same("replaced", client.replace(prefix + "a", "1", "3"), True)
    same("not replaced", client.replace(prefix + "a", "1", "4"), False)
    same("value", client.get(prefix + "a")[0], b"3")


def transaction(client, prefix):
    client.put(prefix + "a", "1")
    at = client.transactions
    done, answers = client.transaction(
        compare=[at.value(prefix + "a") == "1", at.version(prefix + "b") == 0, at.mod(prefix + "a") > 0],
        success=[at.put(prefix + "b", "2"), at.get(prefix + "b"), at.delete(prefix + "a")],
        failure=[at.get(prefix + "a")],
    )
    same("holds", done, True)
    same("what it wrote", answers[1][0][0], b"2")
    done, answers = client.transaction(
        compare=[at.create(prefix + "b") == 0], success=[], failure=[at.get(prefix + "b")]
    )
    same("does not hold", (done, answers[0][0][0]), (False, b"2"))


def leases(client, prefix):
    lease = client.lease(100)
    client.put(prefix + "a", "1", lease=lease)
    info = client.get_lease_info(lease.id)
    same("granted", info.grantedTTL, 100)
    same("its keys", list(info.keys), [(prefix + "a").encode()])
    same("refreshed", [renewed.TTL for renewed in lease.refresh()], [100])
    lease.revoke()
    same("its key", client.get(prefix + "a"), (None, None))
    short = client.lease(1)
    client.put(prefix + "b", "1", lease=short)
    until("the end of the lease", lambda: client.get(prefix + "b")[0] is None)
    same("then", client.get_lease_info(short.id).TTL, -1)


def watches(client, prefix):
    first = client.put(prefix + "a", "1").header.revision
    client.put(prefix + "a", "2")
    client.delete(prefix + "a")
    events, cancel = client.watch(prefix + "a", start_revision=first)
    told = [next(events) for _ in range(3)]
    cancel()
    same("kinds", [type(event).__name__ for event in told], ["PutEvent", "PutEvent", "DeleteEvent"])
    same("values", [event.value for event in told], [b"1", b"2", b""])
    live = queue.Queue()
    watch = client.add_watch_prefix_callback(prefix, lambda response: [live.put(event) for event in response.events])
    client.put(prefix + "live", "1")
    same("live", live.get(timeout=SECONDS).value, b"1")
    client.cancel_watch(watch)


def watch_compacted(client, prefix):
    first = client.put(prefix + "a", "1").header.revision
    last = client.put(prefix + "a", "2").header.revision
    client.compact(last, physical=True)
    events, cancel = client.watch(prefix + "a", start_revision=first)
    try:
        next(events)
        raise AssertionError("not refused")
    except pyetcd.exceptions.RevisionCompactedError as refused:
        same("compacted at", refused.compacted_revision, last)
    finally:
        cancel()


def locks(client, prefix):
    name = prefix.strip("/").replace(" ", "-")
    held, waits = client.lock(name, ttl=60), pyetcd.client(HOST, PORT).lock(name, ttl=60)
    same("acquired", held.acquire(timeout=SECONDS), True)
    same("is", held.is_acquired(), True)
    same("the other", waits.acquire(timeout=0), False)
    got = queue.Queue()
    threading.Thread(target=lambda: got.put(waits.acquire(timeout=SECONDS)), daemon=True).start()
    same("released", held.release(), True)
    same("then the other", got.get(timeout=SECONDS), True)
    waits.release()


def maintenance(client, prefix):
    client.put(prefix + "a", "1")
    status = client.status()
    same("leader", status.leader.id, list(client.members)[0].id)
    same("size", status.db_size > 0, True)
    same("alarms", list(client.list_alarms()), [])
    client.defragment()
    file = io.BytesIO()
    client.snapshot(file)
    same("snapshot", len(file.getvalue()) > 1000, True)


# etcd3gw


def gw_put_and_get(client, prefix):
    same("put", client.put(prefix + "a", "1"), True)
    same("get", client.get(prefix + "a"), [b"1"])
    value, meta = client.get(prefix + "a", metadata=True)[0]
    same("version", (value, meta["version"]), (b"1", "1"))
    client.put(prefix + "b", b"\x00\xff")
    same("bytes", client.get(prefix + "b"), [b"\x00\xff"])
    same("prefix", [value for value, _ in client.get_prefix(prefix)], [b"1", b"\x00\xff"])
    same("backwards", client.get_prefix(prefix, sort_order="descend", sort_target="key")[0][0], b"\x00\xff")
    same("deleted", client.delete(prefix + "a"), True)
    same("not deleted", client.delete(prefix + "a"), False)
    same("the rest", client.delete_prefix(prefix), True)


def gw_conditional(client, prefix):
    same("absent", client.create(prefix + "a", "1"), True)
    same("present", client.create(prefix + "a", "2"), False)
    same("replaced", client.replace(prefix + "a", "1", "3"), True)
    same("not replaced", client.replace(prefix + "a", "1", "4"), False)


def gw_transaction(client, prefix):
    key = _encode(prefix + "a")
    done = client.transaction(
        {
            "compare": [{"key": key, "result": "EQUAL", "target": "VERSION", "version": 0}],
            "success": [{"request_put": {"key": key, "value": _encode("1")}}, {"request_range": {"key": key}}],
            "failure": [],
        }
    )
    same("succeeded", done["succeeded"], True)
    same("read", done["responses"][1]["response_range"]["kvs"][0]["value"], _encode("1").decode()
         if isinstance(_encode("1"), bytes) else _encode("1"))


def gw_leases(client, prefix):
    lease = client.lease(ttl=100)
    client.put(prefix + "a", "1", lease=lease)
    same("left", 0 < lease.ttl() <= 100, True)
    same("refreshed", lease.refresh(), 100)
    same("its keys", lease.keys(), [(prefix + "a").encode()])
    same("revoked", lease.revoke(), True)
    same("its key", client.get(prefix + "a"), [])


def gw_watch(client, prefix):
    told = queue.Queue()
    events, cancel = client.watch_prefix(prefix)
    threading.Thread(target=lambda: [told.put(event) for event in events], daemon=True).start()
    # The watch stands when a write shows.
    until("the first event", lambda: client.put(prefix + "probe", "x") and not told.empty())
    client.put(prefix + "a", "1")
    event = told.get(timeout=SECONDS)
    while event["kv"]["key"] == (prefix + "probe").encode():
        event = told.get(timeout=SECONDS)
    same("event", (event["kv"]["key"], event["kv"]["value"]), ((prefix + "a").encode(), b"1"))
    client.delete(prefix + "a")
    same("deletion", told.get(timeout=SECONDS)["type"], "DELETE")
    cancel()


def gw_locks(client, prefix):
    name = prefix.strip("/").replace(" ", "-")
    held, other = client.lock(name, ttl=60), client.lock(name, ttl=60)
    same("acquired", held.acquire(), True)
    same("is", held.is_acquired(), True)
    same("the other", other.acquire(), False)
    same("released", held.release(), True)
    same("then the other", other.acquire(), True)
    other.release()


def gw_status(client, prefix):
    client.put(prefix + "a", "1")
    status = client.status()
    same("version", bool(status["version"]), True)
    same("leader", status["leader"], status["header"]["member_id"])
    same("members", len(client.members()), 1)


def gw_discovers(client, prefix):
    found = etcd3gw.client(host=HOST, port=PORT, api_path=None, timeout=SECONDS)
    same("path of the gateway", found.api_path, "/v3/")
    found.put(prefix + "a", "1")
    same("get", found.get(prefix + "a"), [b"1"])


GRPC = [put_and_get, ranges, delete, conditional, transaction, leases, watches, watch_compacted, locks, maintenance]
GATEWAY = [gw_put_and_get, gw_conditional, gw_transaction, gw_leases, gw_watch, gw_locks, gw_status, gw_discovers]


def main():
    failed = 0
    for story in GRPC + GATEWAY:
        name = story.__name__.replace("_", " ")
        try:
            if story in GRPC:
                client = pyetcd.client(HOST, PORT, timeout=SECONDS)
            else:
                client = etcd3gw.client(host=HOST, port=PORT, api_path="/v3/", timeout=SECONDS)
            story(client, f"/{name}/")
            print(f"PASS {name}", flush=True)
        except Exception as problem:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {name}: {type(problem).__name__}: {problem}", flush=True)
    # Threads that still watch must not keep the program.
    sys.stdout.flush()
    import os

    os._exit(1 if failed else 0)


main()
