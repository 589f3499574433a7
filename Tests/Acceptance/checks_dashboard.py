"""The dashboard in a real headless browser: every view with a log loaded. Needs Chromium (Debian: chromium); its
checks are skipped without, and say so. ROOST_SCREENSHOTS names a directory to keep pictures of every view in."""

import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse
import xml.etree.ElementTree
from pathlib import Path

from browser import Browser, executable
from checks_models import generated
from harness import Skip, check, check_each, expect, expect_equal

VIEWS = ["now", "segments", "customers", "acquisition", "retention", "models", "products", "campaigns"]
ROOT = Path(__file__).resolve().parent.parent.parent
MODELS = ["segments", "repurchase", "clv", "tiers"]
# What a user can be called: markup, quotes, a path, a fragment, a template, right to left.
HOSTILE = ["<img src=x onerror=\"document.title='owned'\">", "'\"><script>document.title='owned'</script>",
           "a/../b?c#d%20&e", "${alert(1)}{{7*7}}", "\u202egnirts", "  two  spaces  "]


def chromium():
    path = executable()
    if path is None:
        raise Skip("there is no chromium here: NO VIEW OF THE DASHBOARD WAS OPENED (apt-get install chromium)")
    return path


def loaded(env):
    """A daemon under the event clock with the purchases of a real shop, visits after them, and fitted models; shared
    by the checks here."""
    def make():
        daemon = env.daemon({"models": {"enabled": MODELS}})
        daemon.start()
        atexit.register(daemon.discard)
        daemon.feed(env.log("cdnow_sample"), name="cdnow")
        daemon.feed(generated(env))
        daemon.feed(
            [json.dumps({"user_id": user, "ts": "2024-12-31T00:00:00Z", "event": "purchase", "value": 7,
                         "items": [{"item_id": user[:50], "item_category": "<b>bold</b>"}]}).encode() + b"\n"
             for user in HOSTILE for _ in range(3)], name="hostile")
        for model in MODELS:
            daemon.status.refit(model)
        return daemon
    return env.remember("dashboard", make)


def base(daemon):
    return "http://" + daemon.ready["status"]


def opened(browser, daemon, view, path="", wait=True):
    browser.call("Page.navigate", url="about:blank")
    browser.until("location.href === 'about:blank'")
    browser.call("Page.navigate", url=f"{base(daemon)}/#/{view}{path}")
    if wait:
        browser.until(f"document.getElementById('main')?.dataset.shown === {json.dumps(view)}", timeout=60)
        # Plots are drawn when their size is known.
        browser.until("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))")


def unbuilt(daemon):
    """Paths the page asks for that this build says it does not have: the browser's console notes each."""
    def answers(path):
        return daemon.status.get(path).status not in (404, 501)
    return lambda line: any(
        code in line for code in ("404", "501")) and (
            (found := re.search(r"https?://[^/]+(/v1/\S+)", line)) is not None and not answers(found[1]))


def expect_quiet(browser, daemon, view):
    is_unbuilt = unbuilt(daemon)
    said = [line for line in browser.complaints() if not is_unbuilt(line)]
    expect(not said, f"{view}: the console says {said[:3]}")
    hosts = {urllib.parse.urlsplit(url).netloc for url in browser.requests()} - {""}
    expect_equal(hosts, {daemon.ready["status"]}, f"{view}: hosts asked")


def user_of(daemon):
    """Somebody with purchases, the most first."""
    users, _ = daemon.status.users()
    return max(users, key=lambda user: (int(users[user].get("purchase", {}).get("count", 0)), user))


@check_each(("light", "en-GB", "1320"), ("dark", "ko-KR", "1320"), ("light", "ko-KR", "390"), ("dark", "en-GB", "390"))
def every_view_opens(env, theme, language, width):
    """Each view comes up whole, in both languages and lights, on a desk and on a phone; asks nobody else; says
    nothing on the console; is no wider than the screen; its words can be told from what is behind them; every
    control has a name."""
    path, daemon = chromium(), loaded(env)
    pictures = os.environ.get("ROOST_SCREENSHOTS")
    customer = "/" + urllib.parse.quote(user_of(daemon), safe="")
    missing = set()
    with Browser(path, int(width), 900, dark=theme == "dark", language=language) as browser:
        for view in VIEWS:
            opened(browser, daemon, view, customer if view == "customers" else "")
            expect_quiet(browser, daemon, view)
            heading = browser.evaluate("document.querySelector('h1').textContent")
            expect(heading and "." not in heading, f"{view}: the heading is {heading!r}")
            expect_equal(browser.evaluate("document.documentElement.lang"), language[:2], f"{view}: language")
            expect_equal(browser.evaluate("document.documentElement.dataset.theme"), theme, f"{view}: theme")
            wide = browser.evaluate("document.documentElement.scrollWidth")
            expect(wide <= int(width), f"{view}: {wide} px wide on a screen of {width}")
            weak = browser.evaluate(f"({CONTRAST})()")
            expect(not weak, f"{view}: too little contrast: {weak[:3]}")
            expect_named(browser, view)
            expect_structure(browser, view)
            missing |= set(re.findall(r"/v1/[a-z/-]+", browser.evaluate("document.getElementById('main').textContent")))
            if pictures:
                os.makedirs(pictures, exist_ok=True)
                height = browser.evaluate("document.documentElement.scrollHeight")
                browser.size(int(width), min(int(height), 5000))
                browser.screenshot(os.path.join(pictures, f"{view}-{theme}-{language[:2]}-{width}.png"))
                browser.size(int(width), 900)
    return f"not answered by this build: {', '.join(sorted(missing))}" if missing else None


def expect_structure(browser, view):
    """Landmarks, one first heading, a table behind each plot, a caption on each table."""
    for what, number in (("main", 1), ("nav[aria-label]", 1), ("header", 1), ("h1", 1), ("nav [aria-current=page]", 1)):
        expect_equal(browser.evaluate(f"document.querySelectorAll({json.dumps(what)}).length"), number, f"{view}: {what}")
    bare = browser.evaluate("[...document.querySelectorAll('figure svg')].filter(s => !s.closest('figure').querySelector('table')).length")
    expect_equal(bare, 0, f"{view}: plots without a table")
    bare = browser.evaluate("[...document.querySelectorAll('.scroll table')].filter(t => !t.caption || !t.caption.textContent).length")
    expect_equal(bare, 0, f"{view}: tables without a caption")
    empty = browser.evaluate("[...document.querySelectorAll('figure svg')].filter(s => s.querySelectorAll('rect,path,circle').length === 0).length")
    expect_equal(empty, 0, f"{view}: plots with nothing in them")
    strange = browser.evaluate("document.getElementById('main').innerText.match(/NaN|undefined|\\[object|Invalid Date/)?.[0] ?? ''")
    expect_equal(strange, "", f"{view}: shown to people")


def expect_named(browser, view):
    """By the browser's own accessibility tree."""
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "link", "textbox", "searchbox", "combobox", "img", "image", "region", "navigation"}
    unnamed = [
        node["role"]["value"] for node in tree
        if not node.get("ignored") and node.get("role", {}).get("value") in controls
        and not node.get("name", {}).get("value")]
    expect(not unnamed, f"{view}: controls without a name: {unnamed[:5]}")


# Texts whose contrast with what is behind them is below WCAG's AA.
CONTRAST = """function () {
  const parse = (text) => { const m = text.match(/rgba?\\(([^)]+)\\)/); if (!m) return null;
    const p = m[1].split(/[ ,\\/]+/).map(Number); return { c: p.slice(0, 3), a: p.length > 3 ? p[3] : 1 }; };
  const over = (top, under) => top.c.map((v, i) => v * top.a + under[i] * (1 - top.a));
  const luminance = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (node) => { const layers = [];
    for (let at = node; at; at = at.parentElement) { const c = parse(getComputedStyle(at).backgroundColor); if (c && c.a > 0) { layers.push(c); if (c.a === 1) break; } }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]); };
  const weak = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest("[hidden], script, noscript, option, .unseen, .readout, .skip")) continue;
    const style = getComputedStyle(node);
    const isPlot = node.namespaceURI.endsWith("svg");
    let under = behind(isPlot ? node.ownerSVGElement.parentElement : node);
    const inside = (box, at) => at.x > box.left && at.x < box.right && at.y > box.top && at.y < box.bottom;
    const place = node.getBoundingClientRect();
    const middle = { x: place.left + place.width / 2, y: place.top + place.height / 2 };
    if (isPlot && node.previousElementSibling?.matches(".cell, rect.neg") && inside(node.previousElementSibling.getBoundingClientRect(), middle)) {
      const cell = getComputedStyle(node.previousElementSibling); const c = parse(cell.fill);
      under = over({ c: c.c, a: Number(cell.fillOpacity) }, under);
    }
    const colour = parse(isPlot ? style.fill : style.color);
    const [x, y] = [luminance(over(colour, under)), luminance(under)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if ((x + 0.05) / (y + 0.05) < least) weak.push(`${node.textContent.trim().slice(0, 40)} ${((x + 0.05) / (y + 0.05)).toFixed(2)}`);
  }
  return weak;
}"""


@check
def ids_of_users_are_text(env):
    """Whatever a user, an item or a category is called, the page shows it as text: no markup, no script."""
    path, daemon = chromium(), loaded(env)
    with Browser(path) as browser:
        for user in HOSTILE:
            opened(browser, daemon, "customers", "/" + urllib.parse.quote(user, safe=""))
            shown = browser.evaluate("document.querySelector('section h2').textContent")
            expect_equal(shown, user, "the heading of a customer")
            expect_equal(browser.evaluate("document.querySelectorAll('main img, main script, main b').length"), 0, "elements made of data")
            expect(browser.evaluate("document.title") != "owned", f"{user!r} ran as a script")
            expect_equal(browser.evaluate("document.querySelector('#customer').value"), user, "the field")
            expect_quiet(browser, daemon, repr(user))
        for view in ("now", "products", "campaigns"):
            opened(browser, daemon, view)
            expect_equal(browser.evaluate("document.querySelectorAll('main img, main script, main b').length"), 0, f"{view}: elements made of data")


@check
def segments_of_a_customer_over_time(env):
    """A customer's moves between segments and tiers as the outbox has them: a stretch for each, and the table behind."""
    path, lines = chromium(), env.log("cdnow_sample")
    with env.daemon({"models": {"enabled": ["segments", "tiers"]}}) as daemon:
        half = len(lines) // 2
        for name, part in (("first", lines[:half]), ("second", lines[half:])):
            daemon.feed(part, name=name)
            for model in ("segments", "tiers"):
                daemon.status.refit(model)
        moves = {}
        for row in daemon.status.triggers(type="segment_moved,tier_changed"):
            moves.setdefault(row["user"], []).append(row)
        expect(moves, "nobody has moved")
        user = max(moves, key=lambda name: (len(moves[name]), name))
        page = daemon.status.user(user).json()
        expected = []
        for what, now in (("segments", page.get("segment")), ("tiers", page.get("tier"))):
            stretches = []
            for move in moves[user]:
                if move["model"].split("@")[0] != what:
                    continue
                if not stretches or stretches[-1] != move["from"]:
                    stretches.append(move["from"])
                stretches.append(move["to"])
            if now and (not stretches or stretches[-1] != now["name"]):
                stretches.append(now["name"])
            expected += [[what, name.replace("_", " ")] for name in stretches]
        expect(len(expected) > 2, f"{user} has {expected}")
        with Browser(path, language="en-GB") as browser:
            opened(browser, daemon, "customers", "/" + urllib.parse.quote(user, safe=""))
            figure = "[...document.querySelectorAll('figure')].find(f => f.querySelector('h3').textContent === 'Segment history')"
            rows = browser.evaluate(f"[...{figure}.querySelector('table').tBodies[0].rows].map(r => [r.cells[0].textContent, r.cells[1].textContent])")
            expect_equal(rows, expected, "the table behind the plot")
            browser.until(f"{figure}.querySelectorAll('svg rect').length === {len(expected)}")
            ends = browser.evaluate(f"[...{figure}.querySelector('table').tBodies[0].rows].filter(r => r.cells[3].textContent === 'now').length")
            expect_equal(ends, sum(1 for now in (page.get("segment"), page.get("tier")) if now), "what holds now")
            browser.evaluate(f"{figure}.querySelector('svg').focus()")
            browser.key("ArrowRight")
            said = browser.evaluate("document.getElementById('announce').textContent")
            expect(said.startswith(f"{expected[0][0]}: {expected[0][1]}"), f"the first key says {said!r}")
            expect_quiet(browser, daemon, "customers")
    return f"{sum(map(len, moves.values()))} moves of {len(moves)} customers; {len(expected)} stretches of one"


@check
def plots_are_read_by_keyboard_and_saved(env):
    """A plot's values are told as the arrow keys move; its table opens; its files hold the same numbers."""
    path, daemon = chromium(), loaded(env)
    with Browser(path) as browser:
        opened(browser, daemon, "segments")
        segments = daemon.status.json("/v1/segments")["segments"]
        browser.evaluate("document.querySelector('figure svg').focus()")
        browser.key("ArrowRight")
        said = browser.evaluate("document.getElementById('announce').textContent")
        expect(segments[0]["name"].replace("_", " ") in said, f"the first key says {said!r}")
        expect(f"{int(segments[0]['users']):,}" in said, f"the first key says {said!r}")
        browser.key("ArrowRight")
        expect(browser.evaluate("document.getElementById('announce').textContent") != said, "the second key says the same")
        expect(browser.evaluate("document.querySelector('.plot .tip').hidden") is False, "no value is shown")
        toggle = "document.querySelector('figure .tools-small button')"
        expect_equal(browser.evaluate(f"{toggle}.getAttribute('aria-expanded')"), "false", "the table before")
        browser.evaluate(f"{toggle}.click()")
        expect_equal(browser.evaluate(f"{toggle}.getAttribute('aria-expanded')"), "true", "the table after")
        rows = browser.evaluate("[...document.querySelector('figure table').tBodies[0].rows].map(r => r.cells[1].textContent)")
        expect_equal(rows, [f"{int(s['users']):,}" for s in segments], "the table behind the plot")
        # What would be saved, caught on its way.
        browser.evaluate("URL.createObjectURL = (blob) => { window.saved = blob; return 'blob:none'; }; HTMLAnchorElement.prototype.click = () => {}")
        browser.evaluate("document.querySelectorAll('figure .tools-small button')[1].click()")
        lines = browser.evaluate("window.saved.text()").split("\r\n")
        expect_equal(lines[0], "name,users,share,converted_rate", "the heading of the CSV")
        expect_equal([line.split(",")[:2] for line in lines[1:-1]], [[s["name"], str(int(s["users"]))] for s in segments], "the CSV")
        browser.evaluate("document.querySelectorAll('figure .tools-small button')[2].click()")
        svg = browser.evaluate("window.saved.text()")
        expect("rgb(" in svg and "class=" not in svg, f"the SVG is {svg[:200]}")
        root = xml.etree.ElementTree.fromstring(svg)
        expect_equal(root.tag, "{http://www.w3.org/2000/svg}svg", "the SVG's first element")
        # By keyboard alone: the first stop skips to the content.
        opened(browser, daemon, "now")
        browser.key("Tab")
        expect_equal(browser.evaluate("document.activeElement.id"), "skip", "the first stop")
        outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        expect(outline not in ("none", ""), "the focus cannot be seen")


@check
def languages_and_lights_are_kept(env):
    """The switches change the page at once and are remembered."""
    path, daemon = chromium(), loaded(env)
    with Browser(path, language="en-GB") as browser:
        opened(browser, daemon, "models")
        expect_equal(browser.evaluate("document.querySelector('h1').textContent"), "Models", "in English")
        browser.evaluate("document.getElementById('language').click()")
        browser.until("document.querySelector('h1').textContent === '모델'")
        browser.evaluate("document.getElementById('theme').click()")
        expect_equal(browser.evaluate("document.documentElement.dataset.theme"), "dark", "after the switch")
        opened(browser, daemon, "models")
        expect_equal(browser.evaluate("document.querySelector('h1').textContent"), "모델", "opened again")
        expect_equal(browser.evaluate("document.documentElement.dataset.theme"), "dark", "opened again")
        # No sentence is missing in either language: a missing one shows its key.
        keys = browser.evaluate("import('/dashboard/text.js').then(m => m.known().filter(k => !m.t(k).trim()))")
        expect_equal(keys, [], "empty sentences")


@check
def the_page_goes_on_by_itself(env):
    """What comes in while the page is open is shown without loading it again, newest triggers too; and a daemon that
    is gone is said to be."""
    path = chromium()
    lines = [json.dumps({"user_id": f"u{number}", "ts": "2024-06-01T00:00:00Z", "event": "sign_up"}).encode() + b"\n"
             for number in range(300)]
    with env.daemon({"models": {"enabled": []}}) as daemon:
        daemon.feed(lines[:100])
        with Browser(path) as browser:
            opened(browser, daemon, "now")
            shown = "document.querySelectorAll('.stats dd')[2].textContent"
            expect_equal(browser.evaluate(shown), "100", "users at first")
            browser.evaluate("window.same = true")
            daemon.feed(lines[100:], name="more")
            browser.until(f"{shown} === '300'", timeout=40)
            daemon.advance("2024-06-02T00:00:00Z")
            browser.until("document.querySelector('.stream li')?.textContent.includes('welcome')", timeout=40)
            expect_equal(browser.evaluate("window.same"), True, "the page was not loaded again")
            expect(browser.evaluate("document.querySelector('.dot.live') !== null"), "the page does not say that it is live")
            daemon.terminate()
            browser.until("document.querySelector('.dot.lost') !== null", timeout=40)


@check
def a_token_is_asked_for(env):
    """With a token on the port the page comes up, asks for it, refuses a wrong one and goes on with the right one."""
    path = chromium()
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        token.write_text("s3cret-and-long-enough\n")
        token.chmod(0o600)
        with env.daemon({"listen": {"status": {"token_file": str(token)}}}) as daemon:
            with Browser(path) as browser:
                opened(browser, daemon, "now", wait=False)
                for given in ("wrong", "s3cret-and-long-enough"):
                    browser.until("document.getElementById('token') !== null && !document.getElementById('token').value")
                    browser.evaluate(f"document.getElementById('token').value = {json.dumps(given)}; document.querySelector('form.find').requestSubmit()")
                browser.until("document.getElementById('main')?.dataset.shown === 'now' && document.querySelector('.stats') !== null", timeout=60)
                expect_equal(browser.evaluate("document.getElementById('token')"), None, "the form")


@check
def monitoring_names_what_there_is(env):
    """Every series that the Grafana dashboard and the alerts name is in /metrics; promtool finds nothing wrong."""
    names = set(re.findall(r"^(roost_\w+)", loaded(env).status.get("/metrics").body.decode(), re.M))
    dashboard = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    expect(len(expressions) > 30, f"{len(expressions)} expressions")
    alerts = (ROOT / "deploy" / "prometheus-alerts.yml").read_text()
    used = set(re.findall(r"roost_\w+", " ".join(expressions) + alerts))
    expect(used <= names, f"not in /metrics: {sorted(used - names)}")
    tool = shutil.which("promtool")
    if tool is None:
        raise Skip("there is no promtool here: names were compared, ALERT RULES WERE NOT CHECKED (apt-get install prometheus)")
    for command in (["check", "config", "deploy/prometheus.yml"], ["test", "rules", "deploy/prometheus-alerts.test.yml"]):
        done = subprocess.run([tool, *command], cwd=ROOT, capture_output=True, text=True)
        expect_equal(done.returncode, 0, f"promtool {' '.join(command)}: {done.stdout}{done.stderr}")
    rules = {"groups": [{"name": "panels", "rules": [
        {"record": f"panel:{number}", "expr": re.sub(r"\$__rate_interval", "5m", expression).replace("$job", ".*").replace("$instance", ".*")}
        for number, expression in enumerate(expressions)]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(rules, file)
        file.flush()
        done = subprocess.run([tool, "check", "rules", file.name], capture_output=True, text=True)
    expect_equal(done.returncode, 0, f"panels: {done.stdout}{done.stderr}")
    return f"{len(expressions)} panels' expressions, {alerts.count('- alert:')} alerts"
