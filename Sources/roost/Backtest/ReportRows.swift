import Core

/// The report's tables, for the page and for the terminal: the first row is the head.
struct ReportRows {
    let runs: [BacktestFigures]

    private var names: [String] { runs.count == 2 ? ["configuration", "against"] : [""] }

    private func head(_ first: String, _ columns: [String]) -> [String] {
        [first]
            + columns.flatMap { column in
                names.map { $0.isEmpty ? column : column.isEmpty ? $0 : "\(column), \($0)" }
            }
    }

    private func row(_ name: String, _ value: (BacktestFigures) -> String) -> [String] {
        [name] + runs.map(value)
    }

    var log: [[String]] {
        [
            head("log", [""]), row("configuration") { $0.configuration }, row("models") { $0.schedule },
            row("data lines") { Readable.count($0.reading.lines) },
            row("events") { Readable.count($0.reading.events) },
            row("rejected") { run in
                run.reading.rejected.isEmpty
                    ? "0"
                    : run.reading.rejected.map { "\($0.name) \(Readable.count($0.value))" }
                        .joined(separator: ", ")
            },
            row("late") { Readable.count($0.reading.late) },
            row("duplicates") { Readable.count($0.reading.duplicates) },
            row("left out after --until") { Readable.count($0.reading.leftOut) },
            row("users") { Readable.count(Int64($0.users)) },
            row("buyers") { Readable.count(Int64($0.buyers)) },
            row("from") { $0.from?.description ?? "–" }, row("to") { $0.to?.description ?? "–" },
        ]
    }

    var rules: [[String]] {
        let all = Set(runs.flatMap { $0.tally.rules.keys }).sorted()
        let window = DurationText.text(TriggerTally.window)
        let columns = ["fired", "to be sent", "bought within \(window)"]
        return [head("rule", columns)]
            + all.map { name in
                let found = runs.map { $0.tally.rules[name] ?? TriggerTally.Rule() }
                return [name] + found.map { Readable.count(Int64($0.total)) }
                    + found.map { Readable.count(Int64($0.groups["treated"] ?? 0)) }
                    + found.map { Self.share($0.share) }
            }
    }

    var difference: [[String]] {
        guard runs.count == 2 else { return [] }
        return [["rule", "the same in both", "only configuration", "only against"]]
            + RuleDifference.of(runs[0], runs[1]).map { rule in
                [
                    rule.name, Readable.count(Int64(rule.both)),
                    Readable.count(Int64(rule.first - rule.both)),
                    Readable.count(Int64(rule.second - rule.both)),
                ]
            }
    }

    /// Rules of one run by month.
    func months(_ run: BacktestFigures) -> [[String]] {
        [["rule"] + run.months]
            + run.rules.map { rule in
                [rule.name] + run.months.map { Readable.count(Int64(rule.figures.months[$0] ?? 0)) }
            }
    }

    var messages: [[String]] {
        [
            head("messages to a user", [""]),
            row("in all") { Readable.count(Int64($0.messages.total)) },
            row("mean") { Self.fixed($0.messages.mean, 2) },
            row("median") { Self.fixed($0.messages.median, 1) },
            row("90 % get at most") { Self.fixed($0.messages.p90, 1) },
            row("99 % get at most") { Self.fixed($0.messages.p99, 1) },
            row("most") { Readable.count(Int64($0.messages.most)) },
            row("most in a day") { Readable.count(Int64($0.messages.mostInADay)) },
        ]
    }

    /// Dates of every buyer on the first of each month, or as they were told.
    func dates(_ figure: @escaping (BacktestFigures) -> Figure<DateFigures>) -> [[String]] {
        func of(_ value: @escaping (DateFigures) -> String) -> (BacktestFigures) -> String {
            { figure($0).value.map(value) ?? "–" }
        }
        return [
            head("predicted dates", [""]),
            row("predictions", of { Readable.count(Int64($0.predictions)) }),
            row("bought again within the log", of { Readable.count(Int64($0.came)) }),
            row("mean absolute error, days", of { Self.fixed($0.meanError, 2) }),
            row("  of the median interval", of { Self.fixed($0.baselineMeanError, 2) }),
            row("median absolute error, days", of { Self.fixed($0.medianError, 1) }),
            row("came later than predicted by, mean days", of { Self.fixed($0.bias, 2) }),
            row("80 % interval covers, of who bought again", of { Self.share($0.coverageOfCame) }),
            row("  of all whose interval is over", of { Self.share($0.coverage) }),
            row("  of so many", of { Readable.count(Int64($0.known)) }),
        ]
    }

    var churn: [[String]] {
        func of(_ value: @escaping (ChurnFigures) -> String) -> (BacktestFigures) -> String {
            { $0.churn.value.map(value) ?? "–" }
        }
        return [
            head("risk of churn", [""]), row("scores", of { Readable.count(Int64($0.scores)) }),
            row("outcome known", of { Readable.count(Int64($0.known)) }),
            row("churned", of { Self.share($0.baseRate) }),
            row("threshold", of { Self.fixed($0.threshold, 2) }),
            row("precision", of { Self.share($0.precision) }), row("recall", of { Self.share($0.recall) }),
            row("area under ROC", of { Self.fixed($0.areaUnderROC, 4) }),
            row("  of days since the last purchase", of { Self.fixed($0.baselineAreaUnderROC, 4) }),
        ]
    }

    /// Why figures are missing, one sentence each.
    var missing: [String] {
        runs.flatMap { run in
            let name = runs.count == 2 ? "\(run.configuration): " : ""
            let all: [(String, String?)] = [
                ("predicted dates", run.dates.reason), ("dates as told", run.told.reason),
                ("risk of churn", run.churn.reason),
            ]
            return all.compactMap { what, reason in reason.map { "\(name)\(what): \($0)" } }
        }
    }

    private static func fixed(_ value: Double?, _ decimals: Int) -> String {
        value.map { Readable.fixed($0, decimals) } ?? "–"
    }

    private static func share(_ value: Double?) -> String { value.map { Readable.percent($0) } ?? "–" }
}

extension Figure {
    /// Why it is missing; nil where it is known.
    var reason: String? { if case .missing(let reason) = self { reason } else { nil } }
}
