//! Answers that are written for one caller and not kept: one application, one virtual address.

use koinon_core_registry::{Instance, ServiceView, Snapshot, StatusCounts};

use super::cache::hash_code;
use crate::translate::{app_name, to_wire, vip_addresses};
use crate::wire::{Encoder, Frame};

pub(super) fn write_app(encoder: Encoder, view: &ServiceView) -> Vec<u8> {
    let app = app_name(&view.name);
    let mut out = Vec::new();
    encoder.write_application_root(&mut out, &app, view.instances.values().map(|i| to_wire(&app, i)));
    out
}

pub(super) fn write_vip(encoder: Encoder, snapshot: &Snapshot, address: &str, secure: bool) -> Vec<u8> {
    let (mut counts, mut applications, mut any) = (StatusCounts::default(), Vec::new(), false);
    for view in snapshot.services() {
        let matching = |instance: &&Instance| vip_addresses(instance, secure).any(|vip| vip == address);
        let members: Vec<&Instance> = view
            .instances
            .values()
            .map(AsRef::as_ref)
            .filter(matching)
            .collect();
        if members.is_empty() {
            continue;
        }
        if any {
            applications.extend_from_slice(encoder.application_separator());
        }
        any = true;
        let app = app_name(&view.name);
        members.iter().for_each(|instance| counts.add(instance.status));
        encoder.write_application(
            &mut applications,
            &app,
            members.into_iter().map(|i| to_wire(&app, i)),
        );
    }
    let hash = hash_code(counts);
    let frame = Frame {
        versions_delta: -1,
        apps_hashcode: &hash,
        empty: !any,
    };
    let mut out = Vec::with_capacity(applications.len() + 256);
    encoder.write_applications_head(&mut out, frame);
    out.extend_from_slice(&applications);
    encoder.write_applications_tail(&mut out, frame);
    out
}
