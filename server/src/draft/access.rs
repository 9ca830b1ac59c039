//! PURE: under which roles somebody writes to the draft of a case they see.

use sync_core::{
    ids::PersonId,
    model::schema::{Role as DraftRole, Roles},
};

use crate::auth::policy::{Actor, CaseFacts, Role, Tasked};

/// The roles under which an actor writes. Whoever was sent may still deliver late work; office people
/// write in their own branch and below.
pub(super) fn draft_roles(actor: &Actor, case: &CaseFacts) -> Roles {
    let sent = case.tasked != Tasked::Never;
    let own_branch = actor.covers(&case.branch_path);
    let held = actor.roles.iter().filter_map(|role| match role {
        Role::Surveyor if sent => Some(DraftRole::Surveyor),
        Role::Assessor if sent || own_branch => Some(DraftRole::Surveyor),
        Role::Verifier if own_branch => Some(DraftRole::Verifier),
        Role::Dispatcher | Role::Manager if own_branch => Some(DraftRole::Office),
        _ => None,
    });
    held.collect()
}

/// Where somebody's changes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// Into the draft.
    Draft,
    /// Beside it, until whoever works on the case now takes them over.
    Late,
}

/// Where an actor's changes go: of somebody who was sent earlier, and is not now, beside the draft. So do
/// those of somebody who has judged the assessor's work, or they would be on both sides (B22).
pub(super) fn landing(actor: &Actor, case: &CaseFacts, judges: &[PersonId]) -> Landing {
    if judges.contains(&actor.person) {
        return Landing::Late;
    }
    let assesses = actor.is(Role::Assessor) && actor.covers(&case.branch_path);
    if case.tasked == Tasked::Earlier && !assesses { Landing::Late } else { Landing::Draft }
}

/// Whether the roles are those of somebody who works on the loss with a device of their own.
pub(super) fn works_in_the_field(roles: Roles) -> bool {
    roles.overlaps(Roles::NONE.with(DraftRole::Surveyor))
}

/// The names of the roles on the wire.
pub(super) fn names(roles: Roles) -> Vec<String> {
    [
        (DraftRole::Surveyor, "surveyor"),
        (DraftRole::Verifier, "verifier"),
        (DraftRole::Office, "office"),
        (DraftRole::Shop, "shop"),
    ]
    .into_iter()
    .filter(|(role, _)| roles.overlaps(Roles::NONE.with(*role)))
    .map(|(_, name)| name.to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use sync_core::ids::BranchId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_writes_under_which_role() {
        let case = |tasked| CaseFacts { branch_path: "/head/zj/".into(), tasked };
        for (role, branch_path, tasked, expected) in [
            (Role::Surveyor, "/head/zj/", Tasked::Now, "surveyor"),
            (Role::Surveyor, "/head/nb/", Tasked::Earlier, "surveyor"),
            (Role::Surveyor, "/head/zj/", Tasked::Never, ""),
            (Role::Assessor, "/head/", Tasked::Never, "surveyor"),
            (Role::Assessor, "/head/nb/", Tasked::Never, ""),
            (Role::Assessor, "/head/nb/", Tasked::Now, "surveyor"),
            (Role::Verifier, "/head/", Tasked::Never, "verifier"),
            (Role::Verifier, "/head/nb/", Tasked::Now, ""),
            (Role::Manager, "/head/zj/", Tasked::Never, "office"),
            (Role::Admin, "/head/", Tasked::Now, ""),
            (Role::Shop, "/head/zj/", Tasked::Now, ""),
        ] {
            let actor = Actor {
                person: PersonId(Uuid::nil()),
                device: None,
                roles: vec![role],
                branch: BranchId(Uuid::nil()),
                branch_path: branch_path.into(),
                shop: None,
                name: String::new(),
                staff_no: None,
            };
            let roles = draft_roles(&actor, &case(tasked));
            assert_eq!(names(roles).join(" "), expected, "{role} {branch_path} {tasked:?}");
            assert_eq!(works_in_the_field(roles), expected == "surveyor");
            let late = role == Role::Surveyor && tasked == Tasked::Earlier;
            assert_eq!(landing(&actor, &case(tasked), &[]) == Landing::Late, late);
            let judged = [PersonId(Uuid::nil())];
            assert_eq!(landing(&actor, &case(tasked), &judged), Landing::Late);
        }
    }
}
