//! `koinon keys …`: the v2 keys from the command line, as the classic tool told them: its verbs, its flags, its lines and its
//! exit codes (1 wrong arguments, 2 no connection, 4 the server refuses, 5 not healthy), so that scripts move over by changing a name.

mod ask;
mod backup;
mod cluster;
mod node;
mod print;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use koinon_io_net::Endpoint;

use ask::{Keys, KeysError};

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    /// The node's etcd listener.
    #[arg(
        long,
        global = true,
        alias = "endpoints",
        default_value = "http://127.0.0.1:2379",
        value_name = "URL"
    )]
    endpoint: Endpoint,
    /// How answers are written.
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Simple)]
    output: Format,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The value.
    Simple,
    /// A line for each figure, then the value.
    Extended,
    /// The server's answer.
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Set the value of a key; read from standard input if none is given.
    Set(SetArgs),
    /// Make a new key with a value.
    Mk(MakeArgs),
    /// Make a new directory.
    Mkdir(DirectoryArgs),
    /// Make a new directory.
    Setdir(DirectoryArgs),
    /// Show the value of a key.
    Get(GetArgs),
    /// List a directory.
    Ls(ListArgs),
    /// Remove a key or a directory.
    Rm(RemoveArgs),
    /// Remove a key, or a directory that is empty.
    Rmdir {
        /// The key.
        args: Vec<String>,
    },
    /// Change the value of a key that is there.
    Update(UpdateArgs),
    /// Change the time to live of a directory that is there.
    Updatedir(DirectoryArgs),
    /// Wait for a change of a key and show it.
    Watch(watch::WatchArgs),
    /// Wait for changes of a key and run a program for each.
    ExecWatch(watch::ExecWatchArgs),
    /// Copy a running node's data folder, for another node to start on.
    Backup(backup::BackupArgs),
    /// Ask every member how it does.
    ClusterHealth,
    /// Who belongs to the cluster.
    Member {
        #[command(subcommand)]
        verb: cluster::MemberVerb,
    },
}

#[derive(Debug, Args)]
struct SetArgs {
    /// The key and its value.
    args: Vec<String>,
    /// Seconds that the key lives; 0: for ever.
    #[arg(long, default_value_t = 0)]
    ttl: u64,
    /// Only if this is its value.
    #[arg(long, default_value = "", hide_default_value = true)]
    swap_with_value: String,
    /// Only if this is the index of its last change.
    #[arg(long, default_value_t = 0)]
    swap_with_index: u64,
}

#[derive(Debug, Args)]
struct MakeArgs {
    /// The key and its value.
    args: Vec<String>,
    /// Make a key in the directory, whose name is its index.
    #[arg(long)]
    in_order: bool,
    /// Seconds that the key lives; 0: for ever.
    #[arg(long, default_value_t = 0)]
    ttl: u64,
}

#[derive(Debug, Args)]
struct UpdateArgs {
    /// The key and its value.
    args: Vec<String>,
    /// Seconds that the key lives; 0: for ever.
    #[arg(long, default_value_t = 0)]
    ttl: u64,
}

#[derive(Debug, Args)]
struct DirectoryArgs {
    /// The directory.
    args: Vec<String>,
    /// Seconds that the directory lives; 0: for ever.
    #[arg(long, default_value_t = 0)]
    ttl: u64,
}

#[derive(Debug, Args)]
struct GetArgs {
    /// The key.
    args: Vec<String>,
    /// In the order of names, as always.
    #[arg(long)]
    sort: bool,
    /// See every write that was answered.
    #[arg(long, short, alias = "consistent")]
    quorum: bool,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The directory; the root if none is given.
    args: Vec<String>,
    /// In the order of names, as always.
    #[arg(long)]
    sort: bool,
    /// With everything in it.
    #[arg(long, short)]
    recursive: bool,
    /// A slash behind directories.
    #[arg(short = 'p')]
    slash: bool,
    /// See every write that was answered.
    #[arg(long, short, alias = "consistent")]
    quorum: bool,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// The key.
    args: Vec<String>,
    /// Also a directory that is empty.
    #[arg(long)]
    dir: bool,
    /// Also a directory, with everything in it.
    #[arg(long, short)]
    recursive: bool,
    /// Only if this is its value.
    #[arg(long, default_value = "", hide_default_value = true)]
    with_value: String,
    /// Only if this is the index of its last change.
    #[arg(long, default_value_t = 0)]
    with_index: u64,
}

/// Runs the command to its end.
pub(crate) fn run(args: KeysArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print::failed(&KeysError::Said(error.to_string()), args.output),
    };
    let output = args.output;
    let outcome = runtime.block_on(obey(args));
    // A name that is still being looked up must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::ZERO);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => print::failed(&error, output),
    }
}

async fn obey(args: KeysArgs) -> Result<(), KeysError> {
    let keys = Keys::new(args.endpoint);
    let output = args.output;
    match args.verb {
        Verb::Set(set) => {
            let (key, value) = (ask::key(&set.args)?, ask::value(&set.args)?);
            let query = ask::expected(&set.swap_with_value, set.swap_with_index);
            let answer = keys.put(key, &query, Some(&value), set.ttl).await?;
            print::key(&answer, output)
        }
        Verb::Mk(make) => {
            let (key, value) = (ask::key(&make.args)?, ask::value(&make.args)?);
            let answer = if make.in_order {
                keys.post(key, &value, make.ttl).await?
            } else {
                let new = [("prevExist", "false".to_owned())];
                keys.put(key, &new, Some(&value), make.ttl).await?
            };
            print::key(&answer, output)
        }
        Verb::Update(update) => {
            let (key, value) = (ask::key(&update.args)?, ask::value(&update.args)?);
            let there = [("prevExist", "true".to_owned())];
            let answer = keys.put(key, &there, Some(&value), update.ttl).await?;
            print::key(&answer, output)
        }
        Verb::Mkdir(dir) => directory(&keys, &dir, Some("false"), output).await,
        Verb::Setdir(dir) => directory(&keys, &dir, None, output).await,
        Verb::Updatedir(dir) => directory(&keys, &dir, Some("true"), output).await,
        Verb::Get(get) => show(&keys, &get, output).await,
        Verb::Ls(list) => {
            let key = list.args.first().map_or("/", String::as_str);
            let answer = keys.get(key, list.recursive, list.sort, list.quorum).await?;
            print::listing(&answer, list.slash, output)
        }
        Verb::Rm(remove) => {
            let mut query = ask::expected(&remove.with_value, remove.with_index);
            query.extend(remove.dir.then(|| ("dir", "true".to_owned())));
            query.extend(remove.recursive.then(|| ("recursive", "true".to_owned())));
            removed(&keys, ask::key(&remove.args)?, &query, output).await
        }
        Verb::Rmdir { args } => {
            let query = [("dir", "true".to_owned())];
            removed(&keys, ask::key(&args)?, &query, output).await
        }
        Verb::Watch(args) => watch::watch(&keys, &args, output).await,
        Verb::ExecWatch(args) => watch::exec(&keys, &args).await,
        Verb::Backup(args) => backup::backup(&args).await,
        Verb::ClusterHealth => cluster::health(&keys).await,
        Verb::Member {
            verb: cluster::MemberVerb::List,
        } => cluster::list(&keys).await,
    }
}

async fn directory(
    keys: &Keys,
    args: &DirectoryArgs,
    exists: Option<&str>,
    output: Format,
) -> Result<(), KeysError> {
    let mut query = vec![("dir", "true".to_owned())];
    query.extend(exists.map(|exists| ("prevExist", exists.to_owned())));
    let answer = keys.put(ask::key(&args.args)?, &query, None, args.ttl).await?;
    if output == Format::Simple {
        return Ok(());
    }
    print::key(&answer, output)
}

async fn show(keys: &Keys, args: &GetArgs, output: Format) -> Result<(), KeysError> {
    let answer = keys
        .get(ask::key(&args.args)?, false, args.sort, args.quorum)
        .await?;
    if answer.node().dir {
        let said = format!("{}: is a directory", answer.node().key);
        return Err(KeysError::Said(said));
    }
    print::key(&answer, output)
}

async fn removed(
    keys: &Keys,
    key: &str,
    query: &[(&'static str, String)],
    output: Format,
) -> Result<(), KeysError> {
    let answer = keys.delete(key, query).await?;
    if answer.node().dir && output == Format::Simple {
        return Ok(());
    }
    print::key(&answer, output)
}
