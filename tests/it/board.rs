//! Journeys: what a repair shop sees (C18, B21).

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::ids::ShopId;
use tests::{Person, TestApp, each_engine};
use uuid::Uuid;

use crate::{
    assessed::{Assessed, CUSTOMER},
    field::{new_case, new_id},
    shops::{choose, shop},
};

/// A shop of the registry and somebody who works there.
fn staffed(app: &TestApp, licence_no: &str) -> (Uuid, Person) {
    let id = shop(app, licence_no, None);
    (id, app.shop_person(ShopId(id)))
}

fn listed(mechanic: &Person) -> Vec<Value> {
    let page = mechanic.get("/shop/cases").expect(200).value();
    page["items"].as_array().unwrap().iter().map(|case| case["id"].clone()).collect()
}

each_engine!(a_shop_sees_the_approved_lines_of_cases_that_chose_it_and_no_more, |app| {
    let ((mine, mechanic), (other, rival)) = (staffed(&app, "L1"), staffed(&app, "L2"));
    let mut assessed = Assessed::with_a_bumper(&app);
    let _ = assessed.add_uncovered_hub();
    let path = format!("/shop/cases/{}", assessed.case);
    let _ = mechanic.get(&path).problem(404, "not_found");
    choose(&assessed.surveyor, &assessed.case, mine);

    let (_, link) = assessed.send();
    let seen = mechanic.get(&path).expect(200).value();
    assert_eq!(seen["lines"], json!([]), "nothing is agreed yet");
    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    let seen = mechanic.get(&path).expect(200).value();
    assert_eq!((&seen["status"], &seen["version"]), (&json!("agreed"), &json!(1)));
    assert_eq!(seen["plate"], "浙A7T3K9");
    let lines = seen["lines"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[0]["amount_fen"]), (1, &json!(140_950)));
    let all = format!("{seen}{}", mechanic.get("/shop/cases").expect(200).text());
    for hidden in [CUSTOMER, "沈听澜", "顾望舒", "文三路口", "30.27", "旧轮毂", "事故前已损坏"]
    {
        assert!(!all.contains(hidden), "the shop sees {hidden}");
    }

    // Others hear the same as of no case at all; so does this shop when the customer goes elsewhere.
    let none = rival.get(&format!("/shop/cases/{}", new_id())).problem(404, "not_found");
    let hidden = rival.get(&path).problem(404, "not_found");
    assert_eq!(serde_json::to_value(hidden).unwrap(), serde_json::to_value(none).unwrap());
    assert_eq!((listed(&mechanic).len(), listed(&rival).len()), (1, 0));
    app.advance(sync_core::time::Span::minutes(1));
    choose(&assessed.surveyor, &assessed.case, other);
    let _ = mechanic.get(&path).problem(404, "not_found");
    assert_eq!((listed(&mechanic).len(), listed(&rival).len()), (0, 1));
    let _ = rival.get(&path).expect(200);

    // A newer version takes the approved lines away until it is agreed on.
    assessed.add_part("大灯", 100);
    let _ = assessed.frozen();
    assert_eq!(rival.get(&path).expect(200).value()["lines"], json!([]));
});

each_engine!(a_shop_reads_its_cases_page_by_page_the_latest_choice_first, |app| {
    let (mine, mechanic) = staffed(&app, "L1");
    let agent = app.person(Role::Intake);
    let mut cases = Vec::new();
    for _ in 0..5 {
        let case = new_case(&app);
        app.advance(sync_core::time::Span::seconds(1));
        choose(&agent, &case, mine);
        cases.insert(0, json!(case));
    }
    let (mut seen, mut path) = (Vec::new(), "/shop/cases?limit=2".to_owned());
    loop {
        let page = mechanic.get(&path).expect(200).value();
        seen.extend(page["items"].as_array().unwrap().iter().map(|case| case["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/shop/cases?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, cases);
});

each_engine!(a_shop_user_without_a_shop_sees_nothing, |app| {
    let nobody = app.person(Role::Shop);
    assert!(listed(&nobody).is_empty());
    let case = new_case(&app);
    let _ = nobody.get(&format!("/shop/cases/{case}")).problem(404, "not_found");
    let _ = nobody.get(&format!("/cases/{case}")).problem(403, "forbidden");
});
