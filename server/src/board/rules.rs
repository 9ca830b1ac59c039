//! PURE: what of an agreed sheet concerns the shop.

pub mod status;

use sync_core::{
    estimate::Cover,
    model::VehicleRole,
    sheet::{CaseSheet, SheetRow, VehicleSheet},
};

/// The customer's own vehicle on a sheet: the one with the plate of the case, else the only one of
/// the insured. Other people's vehicles are none of the shop's business.
pub fn own_vehicle<'s>(sheet: &'s CaseSheet, plate: &str) -> Option<&'s VehicleSheet> {
    let by_plate = sheet.vehicles.iter().find(|vehicle| vehicle.plate.as_deref() == Some(plate));
    by_plate.or_else(|| {
        let mut owned =
            sheet.vehicles.iter().filter(|vehicle| vehicle.role == Some(VehicleRole::Own));
        owned.next().filter(|_| owned.next().is_none())
    })
}

/// The lines that the shop works by: covered work and parts. Deductions and rescue lie between
/// insurer and customer.
pub fn approved(vehicle: &VehicleSheet) -> impl Iterator<Item = &SheetRow> {
    use sync_core::model::LineKind::{Material, Repair, Replace, Sublet};
    vehicle.lines.iter().filter(|line| {
        line.cover == Cover::Covered && matches!(line.kind, Replace | Repair | Material | Sublet)
    })
}

#[cfg(test)]
mod tests {
    use sync_core::{ids::LineId, model::LineKind, money::Fen, sheet::Totals};
    use uuid::Uuid;

    use super::*;

    fn line(kind: LineKind, cover: Cover) -> SheetRow {
        SheetRow {
            id: LineId(Uuid::nil()),
            kind,
            name: "n".into(),
            part_no: None,
            part_source: None,
            labor_type: None,
            qty_milli: None,
            unit_price_fen: None,
            hours_milli: None,
            rate_fen: None,
            price_basis: None,
            price_ref: None,
            part_returned: false,
            kept_by: None,
            discount_bp: 10_000,
            cover,
            reason: None,
            explained: false,
            supplement: false,
            amount_fen: Fen(1),
        }
    }

    fn vehicle(id: u128, role: Option<VehicleRole>, plate: &str) -> VehicleSheet {
        VehicleSheet {
            vehicle_id: Uuid::from_u128(id),
            role,
            plate: Some(plate.into()),
            vin: None,
            brand_model: None,
            lines: LineKind::ALL
                .iter()
                .flat_map(|kind| {
                    Cover::ALL.iter().map(|cover| line(*kind, *cover)).collect::<Vec<_>>()
                })
                .collect(),
            totals: Totals::default(),
            total_loss: None,
        }
    }

    #[test]
    fn the_shop_sees_the_customers_vehicle_only() {
        use VehicleRole::{Own, ThirdParty};
        for (vehicles, expected) in [
            (vec![vehicle(1, None, "A"), vehicle(2, Some(Own), "B")], Some(1)),
            (vec![vehicle(1, Some(ThirdParty), "X"), vehicle(2, Some(Own), "B")], Some(2)),
            (vec![vehicle(1, Some(Own), "X"), vehicle(2, Some(Own), "B")], None),
            (vec![vehicle(1, Some(ThirdParty), "X")], None),
            (vec![], None),
        ] {
            let sheet = CaseSheet { vehicles, ..CaseSheet::default() };
            let found = own_vehicle(&sheet, "A").map(|vehicle| vehicle.vehicle_id.as_u128());
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn approved_lines_are_covered_work_and_parts() {
        let vehicle = vehicle(1, None, "A");
        let kinds: Vec<_> = approved(&vehicle).map(|line| line.kind.as_str()).collect();
        assert_eq!(kinds, ["replace", "repair", "material", "sublet"]);
        assert!(approved(&vehicle).all(|line| line.cover == Cover::Covered));
    }
}
