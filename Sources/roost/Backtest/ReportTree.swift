import Core

/// `report.json`: the figures of one or two configurations, and where their triggers differ.
struct ReportTree {
    let request: BacktestRequest
    /// The configuration asked about, and the one it is held against where there is one.
    let runs: [BacktestFigures]

    var bytes: [UInt8] {
        var json = JSONWriter(capacity: 64 << 10)
        json.value(tree)
        json.newline()
        return json.bytes
    }

    private var tree: JSONValue {
        var members: [JSONValue.Member] = [
            .init("version", .string(roostVersion)), .init("files", .strings(request.files)),
            .init("until", request.until.map { .string($0.description) } ?? .null),
            .init("configurations", .array(runs.map(Self.tree))),
        ]
        if runs.count == 2 { members.append(.init("difference", difference)) }
        return .object(members)
    }

    // MARK: One configuration

    private static func tree(_ run: BacktestFigures) -> JSONValue {
        .object([
            .init("configuration", .string(run.configuration)), .init("refits", .string(run.schedule)),
            .init("log", log(run)), .init("models", .array(run.candidates.map(candidate))),
            .init("triggers", triggers(run)), .init("messages", messages(run.messages)),
            .init("repurchase", repurchase(run)), .init("churn", figure(run.churn, churn)),
        ])
    }

    private static func log(_ run: BacktestFigures) -> JSONValue {
        let reading = run.reading
        return .object([
            .init("lines", .integer(reading.lines)), .init("events", .integer(reading.events)),
            .init("late", .integer(reading.late)), .init("duplicates", .integer(reading.duplicates)),
            .init("rejected", .object(reading.rejected.map { .init($0.name, .integer($0.value)) })),
            .init("rejected_examples", .strings(reading.examples)),
            .init("control_lines", .integer(reading.controlLines)),
            .init("left_out_after_until", .integer(reading.leftOut)),
            .init("users", .integer(Int64(run.users))), .init("buyers", .integer(Int64(run.buyers))),
            .init("from", time(run.from)), .init("to", time(run.to)), .init("now", time(run.now)),
        ])
    }

    private static func candidate(_ candidate: BacktestFigures.Candidate) -> JSONValue {
        .object([
            .init("name", .string(candidate.name)), .init("version", .integer(Int64(candidate.version))),
            .init("adopted", .bool(candidate.adopted)), .init("fitted_at", time(candidate.fittedAt)),
            .init("reason", .string(candidate.reason)),
        ])
    }

    private static func triggers(_ run: BacktestFigures) -> JSONValue {
        .object([
            .init("total", .integer(Int64(run.rules.reduce(0) { $0 + $1.figures.total }))),
            .init("last_seq", .integer(run.tally.lastSeq)),
            .init("followed_within", .string(DurationText.text(TriggerTally.window))),
            .init("rules", .array(run.rules.map { rule($0.name, $0.figures, run.months) })),
        ])
    }

    private static func rule(_ name: String, _ rule: TriggerTally.Rule, _ months: [String]) -> JSONValue {
        .object([
            .init("rule", .string(name)), .init("total", .integer(Int64(rule.total))),
            .init("groups", counts(rule.groups.sorted { $0.key < $1.key })),
            .init("months", counts(months.map { ($0, rule.months[$0] ?? 0) })),
            .init("outcome_known", .integer(Int64(rule.followed))),
            .init("bought_within", .integer(Int64(rule.bought))),
            .init("bought_within_share", number(rule.share)),
        ])
    }

    private static func messages(_ messages: Messages) -> JSONValue {
        .object([
            .init("total", .integer(Int64(messages.total))), .init("users", .integer(Int64(messages.users))),
            .init("mean", number(messages.mean)), .init("median", number(messages.median)),
            .init("p90", number(messages.p90)), .init("p99", number(messages.p99)),
            .init("most", .integer(Int64(messages.most))),
            .init("most_in_a_day", .integer(Int64(messages.mostInADay))),
            .init("users_by_messages", counts(messages.bands.map { ($0.text, $0.users) })),
        ])
    }

    private static func repurchase(_ run: BacktestFigures) -> JSONValue {
        .object([
            .init("first_of_each_month", figure(run.dates, dates)),
            .init("scored_on", .strings(run.scoredOn.map { CalendarDate(dayNumber: $0).text })),
            .init("as_told", figure(run.told, dates)),
        ])
    }

    private static func dates(_ dates: DateFigures) -> JSONValue {
        .object([
            .init("predictions", .integer(Int64(dates.predictions))),
            .init("came", .integer(Int64(dates.came))),
            .init("mean_absolute_error_d", number(dates.meanError)),
            .init("median_absolute_error_d", number(dates.medianError)), .init("bias_d", number(dates.bias)),
            .init("baseline_mean_absolute_error_d", number(dates.baselineMeanError)),
            .init("interval_known", .integer(Int64(dates.known))),
            .init("interval_covered", .integer(Int64(dates.covered))),
            .init("interval_coverage", number(dates.coverage)),
            .init("interval_coverage_of_those_who_came", number(dates.coverageOfCame)),
            .init("interval_nominal", .number(0.8)),
        ])
    }

    private static func churn(_ churn: ChurnFigures) -> JSONValue {
        .object([
            .init("horizon_d", .number(churn.horizonDays)), .init("threshold", .number(churn.threshold)),
            .init("scores", .integer(Int64(churn.scores))),
            .init("outcome_known", .integer(Int64(churn.known))),
            .init("churned", .integer(Int64(churn.churned))), .init("base_rate", number(churn.baseRate)),
            .init("precision", number(churn.precision)), .init("recall", number(churn.recall)),
            .init("roc_auc", number(churn.areaUnderROC)),
            .init("baseline_roc_auc", number(churn.baselineAreaUnderROC)),
            .init(
                "deciles",
                .array(
                    churn.deciles.map {
                        .object([
                            .init("mean_score", .number($0.meanScore)), .init("churned", .number($0.churned)),
                            .init("lift", number($0.lift)),
                        ])
                    })),
        ])
    }

    // MARK: Two

    private var difference: JSONValue {
        .array(
            RuleDifference.of(runs[0], runs[1]).map { rule in
                .object([
                    .init("rule", .string(rule.name)), .init("first", .integer(Int64(rule.first))),
                    .init("second", .integer(Int64(rule.second))), .init("both", .integer(Int64(rule.both))),
                    .init("only_first", .integer(Int64(rule.first - rule.both))),
                    .init("only_second", .integer(Int64(rule.second - rule.both))),
                ])
            })
    }

    // MARK: Values

    private static func figure<Value>(_ figure: Figure<Value>, _ tree: (Value) -> JSONValue) -> JSONValue {
        switch figure {
        case .known(let value): tree(value)
        case .missing(let reason): .object([.init("missing", .string(reason))])
        }
    }

    private static func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }

    private static func time(_ value: EventTime?) -> JSONValue {
        value.map { .string($0.description) } ?? .null
    }

    private static func counts(_ values: [(key: String, value: Int)]) -> JSONValue {
        .object(values.map { .init($0.key, .integer(Int64($0.value))) })
    }
}

extension TriggerTally.Rule {
    /// Share followed by a purchase; nil where that is known of none.
    var share: Double? { followed > 0 ? Double(bought) / Double(followed) : nil }
}

/// The triggers of one rule under two configurations, told apart by their ids.
struct RuleDifference {
    var name: String
    var first: Int
    var second: Int
    var both: Int

    static func of(_ a: BacktestFigures, _ b: BacktestFigures) -> [RuleDifference] {
        let names = Set(a.tally.rules.keys).union(b.tally.rules.keys).sorted()
        return names.map { name in
            let (one, other) = (a.tally.rules[name]?.ids ?? [], b.tally.rules[name]?.ids ?? [])
            return RuleDifference(
                name: name, first: one.count, second: other.count, both: one.intersection(other).count)
        }
    }
}
