import Core

/// What `roost backtest` prints: the report's tables for a terminal.
struct ReportText {
    let runs: [BacktestFigures]

    var text: String {
        let rows = ReportRows(runs: runs)
        var parts = [Self.table(rows.log), Self.table(rows.rules), Self.table(rows.messages)]
        if !rows.difference.isEmpty { parts.insert(Self.table(rows.difference), at: 2) }
        if runs.contains(where: { $0.dates.value != nil }) { parts.append(Self.table(rows.dates(\.dates))) }
        if runs.contains(where: { $0.churn.value != nil }) { parts.append(Self.table(rows.churn)) }
        let examples = runs[0].reading.examples
        if !examples.isEmpty { parts.append(Self.list("not taken, the first of them:", examples)) }
        if !rows.missing.isEmpty { parts.append(Self.list("missing:", rows.missing)) }
        return parts.joined(separator: "\n")
    }

    private static func list(_ title: String, _ lines: [String]) -> String {
        title + "\n" + lines.map { "  \(Terminal.harmless($0))\n" }.joined()
    }

    /// Columns as wide as they need to be; the first to the left, the others to the right.
    private static func table(_ rows: [[String]]) -> String {
        guard let head = rows.first else { return "" }
        let rows = rows.map { $0.map(Terminal.harmless) }
        let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.indices.map { column in
                let blanks = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 ? row[column] + blanks : blanks + row[column]
            }.joined(separator: "  ") + "\n"
        }.joined()
    }
}
