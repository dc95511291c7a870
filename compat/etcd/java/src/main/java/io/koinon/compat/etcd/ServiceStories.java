package io.koinon.compat.etcd;

import static io.koinon.compat.etcd.Stories.bytes;
import static io.koinon.compat.etcd.Stories.get;
import static io.koinon.compat.etcd.Stories.same;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.Election;
import io.etcd.jetcd.Lock;
import io.etcd.jetcd.Maintenance;
import io.etcd.jetcd.election.CampaignResponse;
import io.etcd.jetcd.election.LeaderResponse;
import io.etcd.jetcd.options.GetOption;
import java.io.ByteArrayOutputStream;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The services beside the keys: locks, elections, cluster, maintenance. Their recipes run on the server. */
final class ServiceStories {
  private ServiceStories() {}

  static void addTo(Map<String, Stories.Story> all) {
    all.put("lock", ServiceStories::lock);
    all.put("lock of a lost lease", ServiceStories::lockOfALostLease);
    all.put("election", ServiceStories::election);
    all.put("cluster", ServiceStories::cluster);
    all.put("maintenance", ServiceStories::maintenance);
  }

  private static long lease(Client client, long seconds) throws Exception {
    return get(client.getLeaseClient().grant(seconds)).getID();
  }

  /** Waits until a second key below the name says that somebody waits. */
  private static void standsInLine(Client client, ByteSequence name) throws Exception {
    GetOption below = GetOption.builder().isPrefix(true).build();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (get(client.getKVClient().get(name, below)).getCount() < 2) {
      same("in time", System.nanoTime() < deadline, true);
    }
  }

  private static void lock(Client client, String prefix) throws Exception {
    Lock locks = client.getLockClient();
    ByteSequence name = bytes(prefix + "lock");
    ByteSequence first = get(locks.lock(name, lease(client, 100))).getKey();
    same("its key", first.toString().startsWith(prefix + "lock/"), true);
    CompletableFuture<?> waits = locks.lock(name, lease(client, 100));
    standsInLine(client, name);
    same("the second waits", waits.isDone(), false);
    get(locks.unlock(first));
    get(waits);
  }

  private static void lockOfALostLease(Client client, String prefix) throws Exception {
    Lock locks = client.getLockClient();
    ByteSequence name = bytes(prefix + "lock");
    get(locks.lock(name, lease(client, 1)));
    // The holder does not renew.
    get(locks.lock(name, lease(client, 100)));
  }

  private static void election(Client client, String prefix) throws Exception {
    Election elections = client.getElectionClient();
    ByteSequence name = bytes(prefix + "election");
    BlockingQueue<ByteSequence> observed = new LinkedBlockingQueue<>();
    elections.observe(name, new Election.Listener() {
      @Override
      public void onNext(LeaderResponse response) {
        observed.add(response.getKv().getValue());
      }

      @Override
      public void onError(Throwable problem) {}

      @Override
      public void onCompleted() {}
    });
    CampaignResponse won = get(elections.campaign(name, lease(client, 100), bytes("one")));
    same("leader", get(elections.leader(name)).getKv().getValue(), bytes("one"));
    same("observed", observed.poll(30, TimeUnit.SECONDS), bytes("one"));
    get(elections.proclaim(won.getLeader(), bytes("one again")));
    same("observed again", observed.poll(30, TimeUnit.SECONDS), bytes("one again"));
    CompletableFuture<CampaignResponse> second = elections.campaign(name, lease(client, 100), bytes("two"));
    standsInLine(client, name);
    same("the second waits", second.isDone(), false);
    get(elections.resign(won.getLeader()));
    get(second);
    same("observed the second", observed.poll(30, TimeUnit.SECONDS), bytes("two"));
  }

  private static void cluster(Client client, String prefix) throws Exception {
    var members = get(client.getClusterClient().listMember()).getMembers();
    same("members", members.size(), 1);
    same("a name or none", members.get(0).getName() != null, true);
    same("has an address", members.get(0).getClientURIs().isEmpty(), false);
  }

  private static void maintenance(Client client, String prefix) throws Exception {
    Maintenance maintenance = client.getMaintenanceClient();
    get(client.getKVClient().put(bytes(prefix + "a"), bytes("1")));
    String endpoint = get(client.getClusterClient().listMember()).getMembers().get(0).getClientURIs().get(0).toString();
    var status = get(maintenance.statusMember(endpoint));
    same("has a version", status.getVersion().isEmpty(), false);
    same("has a size", status.getDbSize() > 0, true);
    same("alarms", get(maintenance.listAlarms()).getAlarms().size(), 0);
    get(maintenance.hashKV(endpoint, 0));
    get(maintenance.defragmentMember(endpoint));
    ByteArrayOutputStream snapshot = new ByteArrayOutputStream();
    long bytes = get(maintenance.snapshot(snapshot));
    same("snapshot", bytes == snapshot.size() && bytes > 1000, true);
  }
}
