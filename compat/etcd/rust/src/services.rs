//! The services beside the keys: locks and elections, whose recipes run on the server, and maintenance.

use etcd_client::{AlarmAction, AlarmType, Client, LockOptions, ProclaimOptions, ResignOptions};

use crate::{Told, same, why};

async fn lease(client: &mut Client) -> Result<i64, String> {
    Ok(client.lease_grant(100, None).await.map_err(why)?.id())
}

pub async fn locks(mut client: Client, prefix: &str) -> Told {
    let options = LockOptions::new().with_lease(lease(&mut client).await?);
    let first = client
        .lock(prefix, Some(options))
        .await
        .map_err(why)?
        .key()
        .to_vec();
    let options = LockOptions::new().with_lease(lease(&mut client).await?);
    let mut waiting = client.clone();
    let name = prefix.to_owned();
    let second = tokio::spawn(async move {
        waiting
            .lock(name, Some(options))
            .await
            .map(|lock| lock.key().to_vec())
    });
    let below = etcd_client::GetOptions::new().with_prefix().with_count_only();
    while client
        .get(prefix, Some(below.clone()))
        .await
        .map_err(why)?
        .count()
        < 2
    {}
    same("the second waits", second.is_finished(), false)?;
    client.unlock(first.clone()).await.map_err(why)?;
    let second = second.await.map_err(|error| error.to_string())?.map_err(why)?;
    same("another key", first == second, false)
}

pub async fn elections(mut client: Client, prefix: &str) -> Told {
    let id = lease(&mut client).await?;
    let won = client.campaign(prefix, "one", id).await.map_err(why)?;
    let leader = won.leader().cloned().ok_or("no leader")?;
    let mut observed = client.observe(prefix).await.map_err(why)?;
    let value = |told: Option<etcd_client::LeaderResponse>| {
        told.and_then(|told| {
            told.kv()
                .map(|kv| String::from_utf8_lossy(kv.value()).into_owned())
        })
    };
    same(
        "observed",
        value(observed.message().await.map_err(why)?),
        Some("one".to_owned()),
    )?;
    let options = ProclaimOptions::new().with_leader(leader.clone());
    client.proclaim("one again", Some(options)).await.map_err(why)?;
    same(
        "proclaimed",
        value(observed.message().await.map_err(why)?),
        Some("one again".to_owned()),
    )?;
    let asked = client.leader(prefix).await.map_err(why)?;
    same("asked", value(Some(asked)), Some("one again".to_owned()))?;
    client
        .resign(Some(ResignOptions::new().with_leader(leader)))
        .await
        .map_err(why)?;
    same("nobody leads", client.leader(prefix).await.is_err(), true)
}

pub async fn maintenance(mut client: Client, prefix: &str) -> Told {
    client.put(format!("{prefix}a"), "1", None).await.map_err(why)?;
    let status = client.status().await.map_err(why)?;
    same("has a version", status.version().is_empty(), false)?;
    let members = client.member_list().await.map_err(why)?;
    same("members", members.members().len(), 1)?;
    same("leads", members.members()[0].id(), status.leader())?;
    let alarms = client
        .alarm(AlarmAction::Get, AlarmType::None, None)
        .await
        .map_err(why)?;
    same("alarms", alarms.alarms().len(), 0)?;
    client.defragment().await.map_err(why)?;
    let hash = client.hash_kv(0).await.map_err(why)?.hash();
    same(
        "the hash stays",
        client.hash_kv(0).await.map_err(why)?.hash(),
        hash,
    )?;
    let mut snapshot = client.snapshot().await.map_err(why)?;
    let mut bytes = 0;
    while let Some(piece) = snapshot.message().await.map_err(why)? {
        bytes += piece.blob().len();
    }
    same("a snapshot", bytes > 1000, true)
}
