package io.koinon.compat.etcd;

import static io.koinon.compat.etcd.Stories.bytes;
import static io.koinon.compat.etcd.Stories.code;
import static io.koinon.compat.etcd.Stories.failure;
import static io.koinon.compat.etcd.Stories.get;
import static io.koinon.compat.etcd.Stories.same;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.KV;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.kv.TxnResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.CompactOption;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.PutOption;
import io.grpc.Status;
import java.util.Map;

/** Keys: put, get in every way, delete, transactions, compaction, refusals. */
final class KeyStories {
  private KeyStories() {}

  static void addTo(Map<String, Stories.Story> all) {
    all.put("put and get", KeyStories::putAndGet);
    all.put("ranges", KeyStories::ranges);
    all.put("delete", KeyStories::delete);
    all.put("transaction", KeyStories::transaction);
    all.put("nested transaction", KeyStories::nestedTransaction);
    all.put("compaction", KeyStories::compaction);
    all.put("refusals", KeyStories::refusals);
    all.put("large values", KeyStories::largeValues);
  }

  private static void putAndGet(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    same("nothing yet", get(kv.get(bytes(prefix + "a"))).getCount(), 0L);
    long first = get(kv.put(bytes(prefix + "a"), bytes("1"))).getHeader().getRevision();
    var second = get(kv.put(bytes(prefix + "a"), bytes("2"), PutOption.builder().withPrevKV().build()));
    same("value before", second.getPrevKv().getValue(), bytes("1"));
    var read = get(kv.get(bytes(prefix + "a"))).getKvs().get(0);
    same("value", read.getValue(), bytes("2"));
    same("version", read.getVersion(), 2L);
    same("created", read.getCreateRevision(), first);
    same("changed", read.getModRevision(), first + 1);
    var then = get(kv.get(bytes(prefix + "a"), GetOption.builder().withRevision(first).build()));
    same("value then", then.getKvs().get(0).getValue(), bytes("1"));
  }

  private static void ranges(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    for (int index = 0; index < 20; index++) {
      get(kv.put(bytes(prefix + (char) ('a' + index)), bytes(String.valueOf(20 - index))));
    }
    GetOption all = GetOption.builder().isPrefix(true).build();
    same("count", get(kv.get(bytes(prefix), all)).getCount(), 20L);
    GetOption some = GetOption.builder().isPrefix(true).withLimit(5).withSortField(GetOption.SortTarget.KEY)
        .withSortOrder(GetOption.SortOrder.DESCEND).build();
    GetResponse page = get(kv.get(bytes(prefix), some));
    same("more", page.isMore(), true);
    same("last first", page.getKvs().get(0).getKey(), bytes(prefix + "t"));
    GetOption byValue = GetOption.builder().isPrefix(true).withSortField(GetOption.SortTarget.VALUE)
        .withSortOrder(GetOption.SortOrder.ASCEND).build();
    same("least value", get(kv.get(bytes(prefix), byValue)).getKvs().get(0).getValue(), bytes("1"));
    GetOption count = GetOption.builder().isPrefix(true).withCountOnly(true).build();
    same("only counted", get(kv.get(bytes(prefix), count)).getKvs().size(), 0);
    GetOption keys = GetOption.builder().isPrefix(true).withKeysOnly(true).build();
    same("only keys", get(kv.get(bytes(prefix), keys)).getKvs().get(3).getValue(), bytes(""));
  }

  private static void delete(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    for (String key : new String[] {"a", "b", "c"}) {
      get(kv.put(bytes(prefix + key), bytes(key)));
    }
    same("nothing", get(kv.delete(bytes(prefix + "none"))).getDeleted(), 0L);
    var one = get(kv.delete(bytes(prefix + "a"), DeleteOption.builder().withPrevKV(true).build()));
    same("what was there", one.getPrevKvs().get(0).getValue(), bytes("a"));
    same("the rest", get(kv.delete(bytes(prefix), DeleteOption.builder().isPrefix(true).build())).getDeleted(), 2L);
  }

  private static void transaction(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    Cmp absent = new Cmp(bytes(prefix + "a"), Cmp.Op.EQUAL, CmpTarget.version(0));
    Op put = Op.put(bytes(prefix + "a"), bytes("1"), PutOption.DEFAULT);
    Op read = Op.get(bytes(prefix + "a"), GetOption.DEFAULT);
    TxnResponse first = get(kv.txn().If(absent).Then(put).Else(read).commit());
    same("first", first.isSucceeded(), true);
    TxnResponse second = get(kv.txn().If(absent).Then(put).Else(read).commit());
    same("second", second.isSucceeded(), false);
    same("what is there", second.getGetResponses().get(0).getKvs().get(0).getValue(), bytes("1"));
    Cmp value = new Cmp(bytes(prefix + "a"), Cmp.Op.GREATER, CmpTarget.value(bytes("0")));
    Cmp created = new Cmp(bytes(prefix + "a"), Cmp.Op.EQUAL,
        CmpTarget.createRevision(first.getHeader().getRevision()));
    same("both hold", get(kv.txn().If(value, created).commit()).isSucceeded(), true);
  }

  private static void nestedTransaction(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    Op put = Op.put(bytes(prefix + "a"), bytes("inner"), PutOption.DEFAULT);
    Cmp absent = new Cmp(bytes(prefix + "a"), Cmp.Op.EQUAL, CmpTarget.version(0));
    Op inner = Op.txn(new Cmp[] {absent}, new Op[] {put}, new Op[0]);
    TxnResponse done = get(kv.txn().Then(inner).commit());
    same("inner", done.getTxnResponses().get(0).isSucceeded(), true);
    same("written", get(kv.get(bytes(prefix + "a"))).getKvs().get(0).getValue(), bytes("inner"));
  }

  private static void compaction(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    long first = get(kv.put(bytes(prefix + "a"), bytes("1"))).getHeader().getRevision();
    long second = get(kv.put(bytes(prefix + "a"), bytes("2"))).getHeader().getRevision();
    get(kv.compact(second, CompactOption.builder().withCompactPhysical(true).build()));
    Exception problem = failure(kv.get(bytes(prefix + "a"), GetOption.builder().withRevision(first).build()));
    same("kind", code(problem), Status.Code.OUT_OF_RANGE);
  }

  private static void refusals(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    Exception lease = failure(
        kv.put(bytes(prefix + "a"), bytes("1"), PutOption.builder().withLeaseId(4711).build()));
    same("no lease", code(lease), Status.Code.NOT_FOUND);
    Exception empty = failure(kv.put(bytes(""), bytes("1")));
    same("no key", code(empty), Status.Code.INVALID_ARGUMENT);
    Op put = Op.put(bytes(prefix + "a"), bytes("1"), PutOption.DEFAULT);
    Exception twice = failure(kv.txn().Then(put, put).commit());
    same("twice", code(twice), Status.Code.INVALID_ARGUMENT);
  }

  private static void largeValues(Client client, String prefix) throws Exception {
    KV kv = client.getKVClient();
    String large = "x".repeat(1024 * 1024);
    get(kv.put(bytes(prefix + "a"), bytes(large)));
    same("length", get(kv.get(bytes(prefix + "a"))).getKvs().get(0).getValue().size(), large.length());
    Exception problem = failure(kv.put(bytes(prefix + "a"), bytes(large + large)));
    same("too large", code(problem), Status.Code.RESOURCE_EXHAUSTED);
  }
}
