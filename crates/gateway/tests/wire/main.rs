//! The gateway on the raw wire: what it refuses and how, what it makes of broken upstreams, and that the way in which
//! bytes arrive does not matter. Every test sends bytes over TCP and looks at the bytes that come out on both sides.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod arrivals;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod refusals;
