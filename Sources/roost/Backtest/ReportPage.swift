import Core

/// `report.html`: one page that needs nothing but itself, light and dark.
struct ReportPage {
    let request: BacktestRequest
    let runs: [BacktestFigures]

    private var rows: ReportRows { ReportRows(runs: runs) }

    var text: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>Roost backtest</title><style>\(Self.style)</style></head><body>
        <h1>Backtest</h1>
        <p>\(Markup.escaped(request.files.joined(separator: ", ")))\(until)</p>
        \(legend)\(Markup.table(rows.log))\(examples)\(triggers)\(messages)\(dates)\(churn)\(models)\(missing)
        </body></html>

        """
    }

    private var until: String { request.until.map { ", until \($0)" } ?? "" }

    private var legend: String {
        guard runs.count == 2 else { return "" }
        let names = runs.map { Markup.escaped($0.configuration) }
        return
            "<p class=\"legend\"><span class=\"k0\"></span> \(names[0]) <span class=\"k1\"></span> against \(names[1])</p>\n"
    }

    private var examples: String {
        let lines = runs[0].reading.examples
        if lines.isEmpty { return "" }
        return "<h3>Lines that were not taken, the first of them</h3><ul>"
            + lines.map { "<li>\(Markup.escaped($0))</li>" }.joined() + "</ul>\n"
    }

    // MARK: Triggers

    private var triggers: String {
        var out = "<h2>Triggers</h2>\n"
        if runs.allSatisfy({ $0.rules.isEmpty }) { return out + "<p>None fired.</p>\n" }
        out += Markup.table(rows.rules)
        out += note(
            "Bought within: what share of those users bought in the log so soon after it. Nobody was sent "
                + "anything then: this is what would have come without a message.")
        if runs.count == 2 { out += "<h3>Where the two differ</h3>\n" + Markup.table(rows.difference) }
        for run in runs {
            if runs.count == 2 { out += "<h3>By month, \(Markup.escaped(run.configuration))</h3>\n" }
            out += Markup.table(rows.months(run))
        }
        return out + monthCharts
    }

    private var monthCharts: String {
        let months = Set(runs.flatMap(\.months)).sorted()
        let names = Set(runs.flatMap { $0.tally.rules.keys }).sorted()
        return names.map { name in
            BarChart(
                title: name, labels: months,
                series: runs.map { run in
                    months.map { Double(run.tally.rules[name]?.months[$0] ?? 0) }
                }
            ).svg
        }.joined()
    }

    private var messages: String {
        "<h2>Messages</h2>\n" + Markup.table(rows.messages)
            + BarChart(
                title: "users by how many they would have got",
                labels: runs[0].messages.bands.map(\.text),
                series: runs.map { $0.messages.bands.map { Double($0.users) } }
            ).svg
    }

    // MARK: Predictions

    private var dates: String {
        var out = "<h2>Predicted dates of the next purchase</h2>\n"
        if runs.contains(where: { $0.dates.value != nil }) {
            let days = runs[0].scoredOn.map { CalendarDate(dayNumber: $0).text }
            out += note("Of every buyer before the first of each month: \(days.joined(separator: ", ")).")
            out += Markup.table(rows.dates(\.dates))
            out += note(
                "The errors are of those who bought again within the log; who had not is not among them. "
                    + "The rule to beat is the last purchase + the median interval by then, tomorrow where that has passed."
            )
            out += errorChart("days from the predicted date to the purchase", \.dates)
        }
        if runs.contains(where: { $0.told.value != nil }) {
            out += "<h3>As repurchase_due told them</h3>\n" + Markup.table(rows.dates(\.told))
            out += note("Only of those who had not bought before the date: the others were not told.")
        }
        return out
    }

    /// Histogram of the differences in bands of a week, what is further out in the outermost.
    private func errorChart(
        _ title: String, _ figure: (BacktestFigures) -> Figure<DateFigures>
    ) -> String {
        let bands = Array(-8...8)
        let series = runs.map { run in
            var counts = [Double](repeating: 0, count: bands.count)
            for error in figure(run).value?.errors ?? [] {
                let band = Int((Double(error) / 7).rounded())
                counts[min(max(band, -8), 8) + 8] += 1
            }
            return counts
        }
        return BarChart(title: title, labels: bands.map { "\($0 * 7)" }, series: series).svg
    }

    private var churn: String {
        var out = "<h2>Risk of churn</h2>\n"
        guard let known = runs.compactMap(\.churn.value).first else { return out }
        out += note("Churned: no purchase within \(Readable.fixed(known.horizonDays, 1)) days of the score.")
        out += Markup.table(rows.churn)
        let deciles = runs.map { $0.churn.value?.deciles ?? [] }
        guard deciles.contains(where: { !$0.isEmpty }) else { return out }
        return out
            + BarChart(
                title: "lift by tenth of the scored, the greatest risks first",
                labels: (1...10).map { "\($0)" },
                series: deciles.map { tenths in
                    (0..<10).map { tenths.isEmpty ? 0 : tenths[$0].lift ?? 0 }
                },
                shown: { Readable.fixed($0, 2) }, line: 1
            ).svg
    }

    private var models: String {
        var out = "<h2>Models</h2>\n"
        for run in runs where !run.candidates.isEmpty {
            if runs.count == 2 { out += "<h3>\(Markup.escaped(run.configuration))</h3>\n" }
            out += Markup.table(
                [["model", "fitted at", "verdict", "reason"]]
                    + run.candidates.map {
                        [
                            "\($0.name)@\($0.version)", $0.fittedAt.description,
                            $0.adopted ? "adopted" : "refused", $0.reason,
                        ]
                    })
        }
        return out
    }

    private var missing: String {
        if rows.missing.isEmpty { return "" }
        return "<h2>What is missing, and why</h2>\n<ul>"
            + rows.missing.map { "<li>\(Markup.escaped($0))</li>" }.joined() + "</ul>\n"
    }

    private func note(_ text: String) -> String { "<p class=\"note\">\(Markup.escaped(text))</p>\n" }

    private static let style = """

        :root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --rule: #d1d9e0; --paper: #fff;
          --a: #2563a8; --b: #c2571a; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --rule: #3d444d;
          --paper: #0d1117; --a: #6cb0f5; --b: #f0a06a; } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
          max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
        h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
        .note, figcaption, .tick, .label { color: var(--soft); } .note { font-size: 13px; }
        .wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { text-align: right; padding: .25rem .75rem; border-bottom: 1px solid var(--rule); }
        th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: pre; }
        figure { margin: 1.25rem 0; } figcaption { font-size: 13px; } svg { width: 100%; height: auto; overflow: visible; }
        .tick, .label { font-size: 10px; fill: var(--soft); } .label { text-anchor: middle; }
        .axis { stroke: var(--rule); } .level { stroke: var(--soft); stroke-dasharray: 4 3; }
        .s0 { fill: var(--a); } .s1 { fill: var(--b); }
        .legend span { display: inline-block; width: .8em; height: .8em; margin-left: 1em; }
        .k0 { background: var(--a); } .k1 { background: var(--b); }

        """
}
