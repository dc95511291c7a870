package io.koinon.compat.etcd;

import static io.koinon.compat.etcd.Stories.bytes;
import static io.koinon.compat.etcd.Stories.code;
import static io.koinon.compat.etcd.Stories.failure;
import static io.koinon.compat.etcd.Stories.get;
import static io.koinon.compat.etcd.Stories.same;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.KV;
import io.etcd.jetcd.Lease;
import io.etcd.jetcd.lease.LeaseKeepAliveResponse;
import io.etcd.jetcd.options.LeaseOption;
import io.etcd.jetcd.options.PutOption;
import io.etcd.jetcd.support.CloseableClient;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Leases: granted, kept alive, looked at, revoked, run out. */
final class LeaseStories {
  private LeaseStories() {}

  static void addTo(Map<String, Stories.Story> all) {
    all.put("lease", LeaseStories::lease);
    all.put("lease kept alive", LeaseStories::keptAlive);
    all.put("lease runs out", LeaseStories::runsOut);
  }

  private static PutOption with(long lease) {
    return PutOption.builder().withLeaseId(lease).build();
  }

  private static void lease(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    Lease leases = client.getLeaseClient();
    long id = get(leases.grant(100)).getID();
    get(kv.put(bytes(prefix + "a"), bytes("1"), with(id)));
    var left = get(leases.timeToLive(id, LeaseOption.builder().withAttachedKeys().build()));
    same("granted", left.getGrantedTTL(), 100L);
    same("its key", left.getKeys().get(0), bytes(prefix + "a"));
    same("once", get(leases.keepAliveOnce(id)).getTTL(), 100L);
    get(leases.revoke(id));
    same("its key is gone", get(kv.get(bytes(prefix + "a"))).getCount(), 0L);
    same("again", code(failure(leases.revoke(id))), Status.Code.NOT_FOUND);
    same("no more", get(leases.timeToLive(id, LeaseOption.DEFAULT)).getTTL(), -1L);
  }

  private static void keptAlive(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    long id = get(client.getLeaseClient().grant(2)).getID();
    get(kv.put(bytes(prefix + "a"), bytes("1"), with(id)));
    BlockingQueue<Long> renewals = new LinkedBlockingQueue<>();
    StreamObserver<LeaseKeepAliveResponse> observer = new StreamObserver<>() {
      @Override
      public void onNext(LeaseKeepAliveResponse renewed) {
        renewals.add(renewed.getTTL());
      }

      @Override
      public void onError(Throwable problem) {}

      @Override
      public void onCompleted() {}
    };
    try (CloseableClient alive = client.getLeaseClient().keepAlive(id, observer)) {
      for (int renewal = 0; renewal < 6; renewal++) {
        same("renewed for", renewals.poll(30, TimeUnit.SECONDS), 2L);
      }
    }
    same("the key is there", get(kv.get(bytes(prefix + "a"))).getCount(), 1L);
  }

  private static void runsOut(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    long id = get(client.getLeaseClient().grant(1)).getID();
    get(kv.put(bytes(prefix + "a"), bytes("1"), with(id)));
    BlockingQueue<Boolean> gone = new LinkedBlockingQueue<>();
    try (var watcher = client.getWatchClient().watch(bytes(prefix + "a"), told -> gone.add(true))) {
      // Either the watch came in time to be told, or the key is gone already.
      for (int look = 0; look < 300 && get(kv.get(bytes(prefix + "a"))).getCount() > 0; look++) {
        gone.poll(100, TimeUnit.MILLISECONDS);
      }
    }
    same("the key", get(kv.get(bytes(prefix + "a"))).getCount(), 0L);
    same("the lease", get(client.getLeaseClient().timeToLive(id, LeaseOption.DEFAULT)).getTTL(), -1L);
  }
}
