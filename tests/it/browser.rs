//! The pages that customers open, in a real browser: a phone 320 pixels wide, without JavaScript,
//! checked by the accessibility rules of WCAG 2.2 AA.
//!
//! With `CHAKAN_SCREENSHOTS` set to a folder every page is kept there as a picture.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use server::auth::policy::Role;
use tests::{Engine, TestApp, binary::repository};

use crate::{
    assessed::{Assessed, CUSTOMER, code_in},
    field::Scene,
    shops,
};

/// A browser with one page.
struct Browser<'a> {
    app: &'a TestApp,
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    pictures: Option<PathBuf>,
}

impl<'a> Browser<'a> {
    /// Starts one; nothing where it is not installed and nobody asked for it.
    fn start(app: &'a TestApp) -> Option<Self> {
        let folder = repository().join("tests/js");
        let program = std::env::var_os("CHAKAN_CHROMIUM").unwrap_or("/usr/bin/chromium".into());
        let driver = folder.join("node_modules/playwright-core");
        if !driver.is_dir() || !Path::new(&program).exists() {
            let required = std::env::var_os("CHAKAN_TEST_BROWSER").is_some_and(|t| t == "require");
            assert!(!required, "npm ci in tests/js was not run, or there is no {program:?}");
            println!("without a browser: install chromium and run npm ci in tests/js");
            return None;
        }
        let mut child = Command::new("node")
            .current_dir(folder)
            .arg("browser.mjs")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let pictures = std::env::var_os("CHAKAN_SCREENSHOTS").map(PathBuf::from);
        Some(Self { app, child, to, from, pictures })
    }

    fn obey(&mut self, command: &Value) -> Value {
        writeln!(self.to.as_mut().unwrap(), "{command}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert!(answer["fault"].is_null(), "{command}: {}", answer["fault"]);
        answer
    }

    fn open(&mut self, path: &str) {
        assert_eq!(self.visit(path), 200, "{path}");
    }

    /// Opens a page; answers its status.
    fn visit(&mut self, path: &str) -> Value {
        let url = format!("http://{}{path}", self.app.address());
        let opened = self.obey(&json!({ "do": "open", "url": url }));
        // On a slow network in a village the page must still come at once.
        assert!(opened["bytes"].as_u64().unwrap() <= 30 * 1024, "{opened}");
        opened["status"].clone()
    }

    fn fill(&mut self, at: &str, text: &str) {
        self.obey(&json!({ "do": "fill", "at": at, "text": text }));
    }

    fn press(&mut self, at: &str) -> Value {
        self.obey(&json!({ "do": "press", "at": at }))["status"].clone()
    }

    /// What stands on the page, after it was found fit for everybody to read and use.
    fn look(&mut self, name: &str) -> String {
        let picture = self.pictures.as_ref().map(|folder| folder.join(format!("{name}.png")));
        let seen = self.obey(&json!({ "do": "look", "screenshot": picture }));
        assert_eq!(seen["violations"], json!([]), "{name}");
        assert!(seen["checks"].as_u64().unwrap() > 10, "{name}: {seen}");
        assert_eq!(seen["wide"], json!([]), "{name}: wider than the screen");
        assert_eq!(seen["scrolls"], 0, "{name}: scrolls sideways");
        assert_eq!(seen["small"], json!([]), "{name}: too small for a thumb");
        assert_eq!((&seen["scripts"], &seen["strangers"]), (&json!(0), &json!([])), "{name}");
        assert!(!seen["title"].as_str().unwrap().is_empty() && seen["lang"] != "", "{name}");
        seen["text"].as_str().unwrap().to_owned()
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        self.to = None;
        let _ = self.child.wait();
    }
}

#[test]
fn a_customer_reads_and_agrees_on_a_narrow_phone_without_javascript() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let Some(mut browser) = Browser::start(&app) else { return };
    let mut assessed = Assessed::with_a_bumper(&app);
    assessed.add_part("右前大灯总成（带自适应远近光、日间行车灯和转向辅助照明）", 123_456_789);
    let (_, link) = assessed.send();
    browser.open(&link);
    let text = browser.look("sheet-zh");
    for needed in ["前保险杠", "1,409.50", "1,234,567.89", "不等于保险公司承认承担赔偿责任", "工号"]
    {
        assert!(text.contains(needed), "{needed} is missing: {text}");
    }
    browser.press("nav a");
    let text = browser.look("sheet-en");
    assert!(text.contains("1,409.50") && text.contains("Hotline"), "{text}");
    browser.press("nav a");
    browser.press("a[href*='/progress']");
    let text = browser.look("progress");
    assert!(text.contains("待您确认"), "{text}");
    browser.press("main p a");

    assert_eq!(browser.press("form[action*='/code'] button"), 200);
    let _ = browser.look("code-sent");
    browser.fill("form[action*='/agree'] input[name=code]", "000000");
    let _ = browser.press("form[action*='/agree'] button");
    let _ = browser.look("wrong-code");
    let code = code_in(&app.last_message_to(CUSTOMER));
    browser.fill("form[action*='/agree'] input[name=code]", &code);
    assert_eq!(browser.press("form[action*='/agree'] button"), 200);
    let text = browser.look("agreed");
    assert!(text.contains("已") && !text.contains("验证码"), "{text}");
    assert_eq!(assessed.agreement()["state"], "agreed");

    assessed.add_part("左后视镜", 30_000);
    let _ = assessed.send();
    assert_eq!(browser.visit(&link), 410);
    let _ = browser.look("void");
    assert_eq!(browser.visit("/a/nowhere"), 404);
    let _ = browser.look("unknown");
}

#[test]
fn objecting_is_as_easy_as_agreeing() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let Some(mut browser) = Browser::start(&app) else { return };
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    browser.open(&link);
    browser.obey(&json!({
        "do": "choose",
        "at": "form[action*='/object'] select[name=reason]",
        "value": "missing_damage",
    }));
    browser.fill("form[action*='/object'] textarea", "大灯也坏了");
    assert_eq!(browser.press("form[action*='/object'] button"), 200);
    let text = browser.look("objected");
    assert!(text.contains("您的异议已记录"), "{text}");
    assert_eq!(assessed.agreement()["state"], "objected");
    browser.obey(&json!({ "do": "tap", "at": "details:has(form[action*='/complain']) summary" }));
    let _ = browser.look("complain");
    browser.fill("form[action*='/complain'] textarea", "等了两个小时");
    assert_eq!(browser.press("form[action*='/complain'] button"), 200);
    let _ = browser.look("complained");
}

#[test]
fn whoever_waits_sees_who_comes() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let Some(mut browser) = Browser::start(&app) else { return };
    let dispatcher = app.person(Role::Dispatcher);
    let scene = Scene::new(&app);
    let path = format!("/tasks/{}/tracking", scene.task["id"].as_str().unwrap());
    let _ = dispatcher.post(&path, &json!({})).expect(201);
    let message = app.last_message_to(CUSTOMER);
    browser.open(&format!("/t/{}", message.rsplit("/t/").next().unwrap()));
    // A page that asks for itself again is no page to listen to: it can be told to stop.
    browser.press("a[href$='still=true']");
    let text = browser.look("tracking");
    assert!(text.contains("正在等待位置"), "{text}");
    browser.open("/t/nowhere");
    let _ = browser.look("tracking-unknown");
}

#[test]
fn a_shop_reads_what_it_may_repair_on_a_narrow_phone() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let Some(mut browser) = Browser::start(&app) else { return };
    let mut assessed = Assessed::with_a_bumper(&app);
    assessed.add_part("右前大灯总成（带自适应远近光、日间行车灯和转向辅助照明）", 123_456_789);
    let shop = shops::shop(&app, "L1", Some(shops::SHOP));
    shops::choose(&assessed.surveyor, &assessed.case, shop);
    let (_, page) = shops::send(&app, &assessed.surveyor, &assessed.case);
    browser.open(&page);
    assert!(browser.look("shop-before").contains("目前没有已确认的项目"));
    let (_, link) = assessed.send();
    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    browser.open(&page);
    let text = browser.look("shop-zh");
    assert!(text.contains("1,234,567.89") && text.contains("您可以自主选择"), "{text}");
    browser.press("nav a");
    let text = browser.look("shop-en");
    assert!(text.contains("Lines that the customer agreed on"), "{text}");
    assert_eq!(browser.visit("/s/nowhere"), 404);
}
