//! What streams: watches and leases that are kept alive.

use etcd_client::{Client, EventType, LeaseGrantOptions, PutOptions, WatchOptions};

use crate::{Told, same, why};

async fn write(client: &mut Client, key: String, value: &str) -> Result<i64, String> {
    let written = client.put(key, value, None).await.map_err(why)?;
    Ok(written.header().map_or(0, |header| header.revision()))
}

pub async fn watch_history(mut client: Client, prefix: &str) -> Told {
    let first = write(&mut client, format!("{prefix}0"), "0").await?;
    for index in 1..100 {
        write(&mut client, format!("{prefix}{index}"), &index.to_string()).await?;
    }
    let options = WatchOptions::new().with_prefix().with_start_revision(first);
    let mut watch = client.watch(prefix, Some(options)).await.map_err(why)?;
    let mut seen = 0;
    while seen < 100 {
        let told = watch.message().await.map_err(why)?.ok_or("the watch ended")?;
        for event in told.events() {
            let value = event.kv().map(|kv| kv.value().to_vec());
            same("in order", value, Some(seen.to_string().into_bytes()))?;
            seen += 1;
        }
    }
    Ok(())
}

pub async fn watch_live(mut client: Client, prefix: &str) -> Told {
    let options = WatchOptions::new().with_prefix().with_prev_key();
    let mut watch = client.watch(prefix, Some(options)).await.map_err(why)?;
    let created = watch.message().await.map_err(why)?.ok_or("the watch ended")?;
    same("created", created.created(), true)?;
    write(&mut client, format!("{prefix}a"), "1").await?;
    client.delete(format!("{prefix}a"), None).await.map_err(why)?;
    let mut kinds = Vec::new();
    while kinds.len() < 2 {
        let told = watch.message().await.map_err(why)?.ok_or("the watch ended")?;
        kinds.extend(
            told.events()
                .iter()
                .map(|event| event.event_type() == EventType::Put),
        );
    }
    same("put, then delete", kinds, vec![true, false])?;
    watch.request_progress().await.map_err(why)?;
    let progress = watch.message().await.map_err(why)?.ok_or("the watch ended")?;
    same("progress", progress.events().len(), 0)?;
    watch.cancel(created.watch_id()).await.map_err(why)?;
    let cancelled = watch.message().await.map_err(why)?.ok_or("the watch ended")?;
    same("cancelled", cancelled.canceled(), true)
}

pub async fn watch_compacted(mut client: Client, prefix: &str) -> Told {
    let first = write(&mut client, format!("{prefix}a"), "1").await?;
    let last = write(&mut client, format!("{prefix}a"), "2").await?;
    client.compact(last, None).await.map_err(why)?;
    let options = WatchOptions::new().with_prefix().with_start_revision(first);
    let mut watch = client.watch(prefix, Some(options)).await.map_err(why)?;
    loop {
        let told = watch.message().await.map_err(why)?.ok_or("the watch ended")?;
        if told.canceled() {
            return same("compacted at", told.compact_revision(), last);
        }
    }
}

pub async fn lease_kept_alive(mut client: Client, prefix: &str) -> Told {
    let lease = client
        .lease_grant(2, Some(LeaseGrantOptions::new()))
        .await
        .map_err(why)?
        .id();
    let key = format!("{prefix}a");
    let put = client.put(key.clone(), "1", Some(PutOptions::new().with_lease(lease)));
    put.await.map_err(why)?;
    let (mut keeper, mut renewed) = client.lease_keep_alive(lease).await.map_err(why)?;
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(700));
    for _ in 0..6 {
        ticks.tick().await;
        keeper.keep_alive().await.map_err(why)?;
        let renewal = renewed.message().await.map_err(why)?.ok_or("the stream ended")?;
        same("renewed for", renewal.ttl(), 2)?;
    }
    same(
        "the key is there",
        client.get(key, None).await.map_err(why)?.count(),
        1,
    )?;
    client.lease_revoke(lease).await.map_err(why)?;
    keeper.keep_alive().await.map_err(why)?;
    let gone = renewed.message().await.map_err(why)?.ok_or("the stream ended")?;
    same("a lease that is gone", gone.ttl(), 0)
}

pub async fn lease_runs_out(mut client: Client, prefix: &str) -> Told {
    let lease = client.lease_grant(1, None).await.map_err(why)?.id();
    let mut watch = client
        .watch(prefix, Some(WatchOptions::new().with_prefix()))
        .await
        .map_err(why)?;
    let key = format!("{prefix}a");
    client
        .put(key, "1", Some(PutOptions::new().with_lease(lease)))
        .await
        .map_err(why)?;
    loop {
        let told = watch.message().await.map_err(why)?.ok_or("the watch ended")?;
        if told
            .events()
            .iter()
            .any(|event| event.event_type() == EventType::Delete)
        {
            break;
        }
    }
    let left = client.lease_time_to_live(lease, None).await.map_err(why)?;
    same("no more", left.ttl(), -1)
}
