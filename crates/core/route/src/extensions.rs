//! What a user of the library adds: own predicates and filters that route files can name, and routes made in code.
//!
//! ```
//! use koinon_core_route::{Exchange, Extensions, Filter, Flow, GatewayDefinition, RequestEdit, Route, RouteTable};
//!
//! /// `Tenant=header`: refuses requests that do not say whose they are.
//! struct Tenant(String);
//!
//! impl Filter for Tenant {
//!     fn before(&self, request: &mut dyn RequestEdit, _: &mut Exchange) -> Flow {
//!         let mut known = false;
//!         request.each_header(&self.0, &mut |_| {
//!             known = true;
//!             false
//!         });
//!         if known { Flow::Continue } else { Flow::status(400) }
//!     }
//! }
//!
//! let extensions = Extensions::default()
//!     .filter("Tenant", &["header"], |arguments| Ok(Tenant(arguments.text("header")?.value.clone())))
//!     .route(Route::builder("orders").path("/orders/**").filter("own", Tenant("X-Tenant".into())).uri("lb://orders"));
//! let (table, _) = RouteTable::compile(&GatewayDefinition::default(), "code", &extensions)?;
//! assert_eq!(table.routes().len(), 1);
//! # Ok::<(), koinon_core_route::Problems>(())
//! ```

use std::fmt;
use std::sync::Arc;

use crate::arguments::{ArgumentError, Arguments};
use crate::builder::RouteBuilder;
use crate::filter::Filter;
use crate::kind::OwnKind;
use crate::predicate::{Matcher, Own, Predicate};

/// Additions to what route files can say.
#[derive(Default)]
pub struct Extensions {
    pub(crate) predicates: Vec<OwnKind<dyn Matcher>>,
    pub(crate) filters: Vec<OwnKind<dyn Filter>>,
    pub(crate) routes: Vec<RouteBuilder>,
}

impl Extensions {
    /// Route files can use a filter `name`, with `keys` as the order of its shortcut form. It goes before a filter of
    /// the same name that is built in, and the last of two registered ones is used.
    #[must_use]
    pub fn filter<F, M>(mut self, name: &str, keys: &[&'static str], make: M) -> Self
    where
        F: Filter + 'static,
        M: Fn(&mut Arguments<'_>) -> Result<F, ArgumentError> + Send + Sync + 'static,
    {
        self.filters.retain(|known| known.name != name);
        self.filters.push(OwnKind {
            name: name.to_owned(),
            keys: keys.to_vec(),
            make: Box::new(move |arguments| Ok(Arc::new(make(arguments)?))),
        });
        self
    }

    /// Route files can use a predicate `name`; otherwise as [`Self::filter`].
    #[must_use]
    pub fn predicate<P, M>(mut self, name: &str, keys: &[&'static str], make: M) -> Self
    where
        P: Predicate + 'static,
        M: Fn(&mut Arguments<'_>) -> Result<P, ArgumentError> + Send + Sync + 'static,
    {
        self.predicates.retain(|known| known.name != name);
        self.predicates.push(OwnKind {
            name: name.to_owned(),
            keys: keys.to_vec(),
            make: Box::new(move |arguments| Ok(Arc::new(Own(Arc::new(make(arguments)?))))),
        });
        self
    }

    /// Every table has this route too, behind the file's of the same order.
    #[must_use]
    pub fn route(mut self, route: RouteBuilder) -> Self {
        self.routes.push(route);
        self
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filters: Vec<&str> = self.filters.iter().map(|own| own.name.as_str()).collect();
        let predicates: Vec<&str> = self.predicates.iter().map(|own| own.name.as_str()).collect();
        f.debug_struct("Extensions")
            .field("predicates", &predicates)
            .field("filters", &filters)
            .field("routes", &self.routes.len())
            .finish()
    }
}
