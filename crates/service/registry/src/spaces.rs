//! The namespaces there are: made when first used, freed when nothing is left of them.
//!
//! Invariant: a namespace that is made starts above every revision that a freed one reached. So the revision of a
//! name never goes back while the process lives, whether the name is there or not: a position of the freed namespace
//! is answered with a snapshot, and an answer that was kept under its revision is never taken for the present one.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use koinon_base::Namespace;
use koinon_core_registry::{Budget, Registry};

use crate::error::ServiceError;
use crate::handle::Settings;
use crate::space::Space;

/// All namespaces of the process. `default` is always there.
#[derive(Debug)]
pub(crate) struct Spaces {
    settings: Settings,
    budget: Budget,
    table: RwLock<Table>,
}

#[derive(Debug)]
struct Table {
    by_name: BTreeMap<Namespace, Arc<Space>>,
    /// Where the next one starts.
    start: u64,
}

impl Spaces {
    pub(crate) fn new(settings: Settings) -> Self {
        let budget = Budget::new(settings.namespace.bytes_max);
        let spaces = Self {
            settings,
            budget,
            table: RwLock::new(Table {
                by_name: BTreeMap::new(),
                start: 0,
            }),
        };
        let default = Arc::new(spaces.new_space(0));
        spaces.write(|table| table.by_name.insert(Namespace::default(), default));
        spaces
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn get(&self, namespace: &Namespace) -> Option<Arc<Space>> {
        self.read(|table| table.by_name.get(namespace).cloned())
    }

    /// The revision of `namespace`, or the one it would start at.
    pub(crate) fn get_or_start(&self, namespace: &Namespace) -> Result<Arc<Space>, u64> {
        self.read(|table| table.by_name.get(namespace).cloned().ok_or(table.start))
    }

    pub(crate) fn all(&self) -> Vec<(Namespace, Arc<Space>)> {
        let entry = |(name, space): (&Namespace, &Arc<Space>)| (name.clone(), Arc::clone(space));
        self.read(|table| table.by_name.iter().map(entry).collect())
    }

    pub(crate) fn get_or_new(&self, namespace: &Namespace) -> Result<Arc<Space>, ServiceError> {
        if let Some(space) = self.get(namespace) {
            return Ok(space);
        }
        let max = self.settings.namespaces_max;
        self.write(|table| {
            if table.by_name.len() >= max {
                table.free_idle();
            }
            if table.by_name.len() >= max && !table.by_name.contains_key(namespace) {
                return Err(ServiceError::TooManyNamespaces {
                    namespace: namespace.clone(),
                    max,
                });
            }
            let start = table.start;
            let entry = table.by_name.entry(namespace.clone());
            Ok(Arc::clone(
                entry.or_insert_with(|| Arc::new(self.new_space(start))),
            ))
        })
    }

    /// Frees the namespaces of which nothing is left.
    pub(crate) fn free_idle(&self) {
        self.write(Table::free_idle);
    }

    fn new_space(&self, start: u64) -> Space {
        let config = self.settings.namespace.clone();
        Space::new(Registry::starting_at(start, config, self.budget.clone()))
    }

    fn read<T>(&self, then: impl FnOnce(&Table) -> T) -> T {
        then(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, then: impl FnOnce(&mut Table) -> T) -> T {
        then(&mut self.table.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Table {
    /// A watch makes a namespace too, so that it hears of the first registration; so one is in use while anybody but
    /// this table holds it. Nobody can begin to while the table is locked for writing.
    fn free_idle(&mut self) {
        let (start, default) = (&mut self.start, Namespace::default());
        self.by_name.retain(|name, space| {
            if *name == default || Arc::strong_count(space) > 1 {
                return true;
            }
            let registry = space.lock();
            if registry.is_idle() {
                *start = registry.revision().saturating_add(1).max(*start);
            }
            !registry.is_idle()
        });
    }
}
