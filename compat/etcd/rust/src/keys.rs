//! Keys: put, get, delete, transactions, compaction, refusals.

use etcd_client::{
    Client, CompactionOptions, Compare, CompareOp, DeleteOptions, GetOptions, PutOptions, SortOrder,
    SortTarget, Txn, TxnOp,
};

use crate::{Told, refusal, same, why};

pub async fn put_and_get(mut client: Client, prefix: &str) -> Told {
    let key = format!("{prefix}a");
    same(
        "nothing yet",
        client.get(key.clone(), None).await.map_err(why)?.count(),
        0,
    )?;
    client.put(key.clone(), "1", None).await.map_err(why)?;
    let before = client.put(key.clone(), "2", Some(PutOptions::new().with_prev_key()));
    let before = before.await.map_err(why)?;
    same(
        "value before",
        before.prev_key().map(|kv| kv.value().to_vec()),
        Some(b"1".to_vec()),
    )?;
    let read = client.get(key, None).await.map_err(why)?;
    let kv = &read.kvs()[0];
    same("value", kv.value(), b"2")?;
    same("version", kv.version(), 2)?;
    same(
        "created before it changed",
        kv.create_revision() + 1,
        kv.mod_revision(),
    )
}

pub async fn ranges(mut client: Client, prefix: &str) -> Told {
    for index in 0..10 {
        let key = format!("{prefix}{index}");
        client
            .put(key, format!("{}", 9 - index), None)
            .await
            .map_err(why)?;
    }
    let page = GetOptions::new().with_prefix().with_limit(3);
    let page = client.get(prefix, Some(page)).await.map_err(why)?;
    same(
        "a page",
        (page.kvs().len(), page.more(), page.count()),
        (3, true, 10),
    )?;
    let sorted = GetOptions::new()
        .with_prefix()
        .with_sort(SortTarget::Value, SortOrder::Ascend);
    let sorted = client.get(prefix, Some(sorted)).await.map_err(why)?;
    same("by value", sorted.kvs()[0].value(), b"0")?;
    let counted = client.get(prefix, Some(GetOptions::new().with_prefix().with_count_only()));
    same("only counted", counted.await.map_err(why)?.kvs().len(), 0)?;
    let range = GetOptions::new().with_range(format!("{prefix}6"));
    same(
        "a range",
        client
            .get(format!("{prefix}3"), Some(range))
            .await
            .map_err(why)?
            .count(),
        3,
    )
}

pub async fn deletes(mut client: Client, prefix: &str) -> Told {
    for key in ["a", "b", "c"] {
        client
            .put(format!("{prefix}{key}"), key, None)
            .await
            .map_err(why)?;
    }
    let one = client.delete(format!("{prefix}a"), Some(DeleteOptions::new().with_prev_key()));
    same(
        "what was there",
        one.await.map_err(why)?.prev_kvs()[0].value(),
        b"a",
    )?;
    let rest = client.delete(prefix, Some(DeleteOptions::new().with_prefix()));
    same("the rest", rest.await.map_err(why)?.deleted(), 2)
}

pub async fn transactions(mut client: Client, prefix: &str) -> Told {
    let key = format!("{prefix}a");
    let inner = Txn::new().and_then([TxnOp::get(key.clone(), None)]);
    let txn = Txn::new()
        .when([Compare::version(key.clone(), CompareOp::Equal, 0)])
        .and_then([TxnOp::put(key.clone(), "1", None), TxnOp::txn(inner)])
        .or_else([TxnOp::get(key.clone(), None)]);
    let first = client.txn(txn.clone()).await.map_err(why)?;
    same(
        "first",
        (first.succeeded(), first.op_responses().len()),
        (true, 2),
    )?;
    same("second", client.txn(txn).await.map_err(why)?.succeeded(), false)?;
    let value = Txn::new().when([Compare::value(key, CompareOp::Greater, "0")]);
    same(
        "by value",
        client.txn(value).await.map_err(why)?.succeeded(),
        true,
    )
}

pub async fn history_and_compaction(mut client: Client, prefix: &str) -> Told {
    let key = format!("{prefix}a");
    let first = client.put(key.clone(), "1", None).await.map_err(why)?;
    let first = first.header().map_or(0, |header| header.revision());
    client.put(key.clone(), "2", None).await.map_err(why)?;
    let then = client.get(key.clone(), Some(GetOptions::new().with_revision(first)));
    same("then", then.await.map_err(why)?.kvs()[0].value(), b"1")?;
    let compact = client.compact(first + 1, Some(CompactionOptions::new().with_physical()));
    compact.await.map_err(why)?;
    let gone = client
        .get(key, Some(GetOptions::new().with_revision(first)))
        .await;
    let wanted = "OutOfRange: etcdserver: mvcc: required revision has been compacted";
    same("compacted", refusal(gone), wanted.to_owned())
}

pub async fn refusals(mut client: Client, prefix: &str) -> Told {
    let empty = client.put("", "1", None).await;
    same(
        "no key",
        refusal(empty),
        "InvalidArgument: etcdserver: key is not provided".to_owned(),
    )?;
    let lease = client
        .put(prefix, "1", Some(PutOptions::new().with_lease(4711)))
        .await;
    same(
        "no lease",
        refusal(lease),
        "NotFound: etcdserver: requested lease not found".to_owned(),
    )?;
    let twice = [TxnOp::put(prefix, "1", None), TxnOp::put(prefix, "2", None)];
    let twice = client.txn(Txn::new().and_then(twice)).await;
    let wanted = "InvalidArgument: etcdserver: duplicate key given in txn request";
    same("twice", refusal(twice), wanted.to_owned())?;
    let future = client
        .get(prefix, Some(GetOptions::new().with_revision(1 << 40)))
        .await;
    let wanted = "OutOfRange: etcdserver: mvcc: required revision is a future revision";
    same("future", refusal(future), wanted.to_owned())
}
