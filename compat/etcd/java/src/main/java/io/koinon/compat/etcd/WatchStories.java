package io.koinon.compat.etcd;

import static io.koinon.compat.etcd.Stories.bytes;
import static io.koinon.compat.etcd.Stories.get;
import static io.koinon.compat.etcd.Stories.same;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.KV;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.common.exception.CompactedException;
import io.etcd.jetcd.options.CompactOption;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.watch.WatchEvent;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Watches: live, from history, of a prefix, refused after compaction. */
final class WatchStories {
  private static final long SECONDS = 30;

  private WatchStories() {}

  static void addTo(Map<String, Stories.Story> all) {
    all.put("watch live", WatchStories::live);
    all.put("watch history", WatchStories::history);
    all.put("watch compacted", WatchStories::compacted);
    all.put("many watches", WatchStories::many);
  }

  private static <T> T take(BlockingQueue<T> from) throws Exception {
    T taken = from.poll(SECONDS, TimeUnit.SECONDS);
    if (taken == null) {
      throw new AssertionError("nothing came");
    }
    return taken;
  }

  private static void live(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    BlockingQueue<WatchEvent> events = new LinkedBlockingQueue<>();
    BlockingQueue<Boolean> created = new LinkedBlockingQueue<>();
    WatchOption option = WatchOption.builder().isPrefix(true).withPrevKV(true).withCreateNotify(true).build();
    Watch.Listener listener = Watch.listener(response -> {
      if (response.isCreatedNotify()) {
        created.add(true);
      }
      events.addAll(response.getEvents());
    });
    try (Watch.Watcher watcher = client.getWatchClient().watch(bytes(prefix), option, listener)) {
      take(created);
      get(kv.put(bytes(prefix + "a"), bytes("1")));
      get(kv.put(bytes(prefix + "a"), bytes("2")));
      get(kv.delete(bytes(prefix), DeleteOption.builder().isPrefix(true).build()));
      same("first", take(events).getKeyValue().getValue(), bytes("1"));
      WatchEvent second = take(events);
      same("second", second.getKeyValue().getValue(), bytes("2"));
      same("before", second.getPrevKV().getValue(), bytes("1"));
      same("third", take(events).getEventType(), WatchEvent.EventType.DELETE);
    }
  }

  private static void history(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    long first = get(kv.put(bytes(prefix + "0"), bytes("0"))).getHeader().getRevision();
    for (int index = 1; index < 100; index++) {
      get(kv.put(bytes(prefix + index), bytes(String.valueOf(index))));
    }
    BlockingQueue<WatchEvent> events = new LinkedBlockingQueue<>();
    WatchOption option = WatchOption.builder().isPrefix(true).withRevision(first).build();
    try (Watch.Watcher watcher = client.getWatchClient().watch(bytes(prefix), option,
        response -> events.addAll(response.getEvents()))) {
      for (int index = 0; index < 100; index++) {
        same("in order", take(events).getKeyValue().getValue(), bytes(String.valueOf(index)));
      }
    }
  }

  private static void compacted(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    long first = get(kv.put(bytes(prefix + "a"), bytes("1"))).getHeader().getRevision();
    long last = get(kv.put(bytes(prefix + "a"), bytes("2"))).getHeader().getRevision();
    get(kv.compact(last, CompactOption.DEFAULT));
    BlockingQueue<Throwable> problems = new LinkedBlockingQueue<>();
    WatchOption option = WatchOption.builder().withRevision(first).build();
    try (Watch.Watcher watcher = client.getWatchClient().watch(bytes(prefix + "a"), option,
        Watch.listener(response -> {}, problems::add))) {
      Throwable problem = take(problems);
      same("kind", problem instanceof CompactedException, true);
      same("where", ((CompactedException) problem).getCompactedRevision(), last);
    }
  }

  private static void many(Client client, String prefix) throws Exception {
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    BlockingQueue<Boolean> created = new LinkedBlockingQueue<>();
    WatchOption option = WatchOption.builder().withCreateNotify(true).build();
    for (int index = 0; index < 50; index++) {
      client.getWatchClient().watch(bytes(prefix + index), option, Watch.listener(response -> {
        if (response.isCreatedNotify()) {
          created.add(true);
        }
        response.getEvents().forEach(event -> told.add(event.getKeyValue().getKey().toString()));
      }));
    }
    for (int index = 0; index < 50; index++) {
      take(created);
    }
    for (int index = 0; index < 50; index++) {
      get(client.getKVClient().put(bytes(prefix + index), bytes("x")));
      same("its own", take(told), prefix + index);
    }
  }
}
