//! What stands in the demo town: an urban zone, a repair shop, and the damage of one car.

use serde_json::{Value, json};
use sync_core::model::schema::Scalar;
use uuid::Uuid;

use super::{
    caller::{Caller, Fault},
    people,
    story::position_now,
};

/// The urban zone, the shop, and two surveyors on the road; over the server's own API.
pub(super) fn furnish(net: &Caller) -> Result<(), Fault> {
    let manager = net.log_in("manager")?;
    manager.put("/api/v1/zones", &zones())?;
    open_shop(&manager)?;
    for (surveyor, at) in [("surveyor1", (30.288, 120.167)), ("surveyor2", (30.205, 120.265))] {
        net.log_in(surveyor)?.post("/api/v1/positions", &position_now(at))?;
    }
    Ok(())
}

/// A rectangle around the town, not anybody's border.
fn zones() -> Value {
    let ring = [[120.0, 30.15], [120.35, 30.15], [120.35, 30.4], [120.0, 30.4], [120.0, 30.15]];
    json!({
        "type": "FeatureCollection",
        "features": [{
            "type": "Feature",
            "properties": { "name": "示范市区", "class": "urban" },
            "geometry": { "type": "Polygon", "coordinates": [ring] },
        }],
    })
}

/// Registers the shop, unless it is there already.
fn open_shop(manager: &Caller) -> Result<(), Fault> {
    let shops = manager.get("/api/v1/shops")?;
    let wanted = people::SHOP.to_string();
    let known = shops.pointer("/items").and_then(Value::as_array).is_some_and(|items| {
        items.iter().any(|shop| shop.pointer("/id").and_then(Value::as_str) == Some(&wanted))
    });
    if known {
        return Ok(());
    }
    let shop = json!({
        "id": wanted, "name": "示范汽车修理厂", "class": "two", "licence_no": "DEMO-0001",
        "licence_valid_until": "2099-12-31", "credit_code": "91330100MADEM0000K", "phone": "13900000000", "address": "示范路 1 号",
    });
    manager.post("/api/v1/shops", &shop).map(|_| ())
}

/// A line of the sheet as the phone writes it.
pub(super) struct SheetLine {
    pub(super) id: Uuid,
    pub(super) fields: Vec<(&'static str, Scalar)>,
}

/// Twelve lines: parts, labor, paint, material, one deduction, one item that is not covered.
pub(super) fn sheet(case_id: Uuid, vehicle: Uuid) -> Vec<SheetLine> {
    let part = |name: &str, price: i64| {
        vec![
            ("kind", "replace".into()),
            ("name", name.into()),
            ("part_source", "oe_market".into()),
            ("qty_milli", 1_000_i64.into()),
            ("unit_price_fen", price.into()),
        ]
    };
    let labor = |name: &str, labor_type: &str, hours_milli: i64, rate: i64| {
        vec![
            ("kind", "repair".into()),
            ("name", name.into()),
            ("labor_type", labor_type.into()),
            ("hours_milli", hours_milli.into()),
            ("rate_fen", rate.into()),
        ]
    };
    let mut lines = vec![
        part("前保险杠皮", 86_000),
        part("左前大灯总成", 145_050),
        part("前保险杠骨架", 42_000),
        part("散热器格栅", 31_500),
        part("左前雾灯", 18_833),
        labor("前杠拆装", "remove_install", 1_500, 8_000),
        labor("左前翼子板钣金", "body", 2_500, 9_000),
        labor("前杠喷漆", "refinish", 3_000, 10_000),
        labor("左前翼子板喷漆", "refinish", 2_500, 10_000),
        labor("前照灯调校", "electrical", 500, 12_000),
        vec![
            ("kind", "material".into()),
            ("name", "冷却液".into()),
            ("qty_milli", 4_500_i64.into()),
            ("unit_price_fen", 3_333_i64.into()),
        ],
    ];
    let mut uncovered = part("右后轮毂旧划痕", 52_000);
    uncovered.extend([
        ("cover", "uncovered".into()),
        ("reason", "旧伤，与本次事故无关".into()),
        ("explained", true.into()),
    ]);
    lines.push(uncovered);
    lines
        .into_iter()
        .zip(0x100_u128..)
        .map(|(mut fields, n)| {
            fields.push(("vehicle_id", vehicle.into()));
            SheetLine { id: Uuid::from_u128(case_id.as_u128() ^ n), fields }
        })
        .collect()
}
