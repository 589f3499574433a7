import Core
import Engine

/// `roost bench rules`: conditions judged on every user of FILE's state, and by the plain way beside it.
func rulesBench(_ request: BenchRequest) throws -> Int32 {
    var configuration = request.configuration
    configuration.triggers = false
    var run = try EngineRun(configuration)
    var reader = try BatchReader(request.file, run.settings)
    try reader.forEach { batch in try run.take(&batch) }
    let clock = SystemTime()
    let begin = clock.monotonic()
    let pages = run.answer { PlainPages($0) }
    let paging = clock.monotonic() - begin
    guard !pages.rows.isEmpty else { throw CommandFailure("\(request.file) has no users") }

    var figures = Figures()
    let total = run.answer { $0.totals().users }
    let sampled = Int64(pages.rows.count)
    figures.add("users", count: total)
    figures.add("pages made", "\(Figures.nanoseconds(total, paging)) ns a user")
    for condition in RuleCondition.all {
        let start = clock.monotonic()
        let (users, holds) = try run.answer { shard in
            Result { () throws(RuleTextError) in try shard.count(where: condition.text) }
        }.get()
        let whole = clock.monotonic() - start
        let plainStart = clock.monotonic()
        let plainHolds = Int64(pages.rows.count { condition.plain($0) })
        let plain = clock.monotonic() - plainStart
        let ours = Double(whole) / Double(max(1, users))
        let theirs = Double(plain) / Double(sampled)
        figures.add(condition.text, "\(Readable.count(holds)) users, \(Figures.milliseconds(whole))")
        figures.add(
            "  a user",
            "\(Figures.nanoseconds(users, whole)) ns; plainly \(Figures.nanoseconds(sampled, plain)) ns, "
                + "\(Readable.fixed(theirs / max(ours, 1e-9), 1)) times; "
                + "\(Readable.count(plainHolds)) of \(Readable.count(sampled)) plainly")
    }
    try figures.print()
    return ExitCode.done
}

/// A condition, and the same over a page as a dictionary.
private struct RuleCondition: Sendable {
    var text: String
    var plain: @Sendable ([String: PlainValue]) -> Bool

    static let all = [
        RuleCondition(text: "event_total >= 10 and events.purchase == 0") { page in
            number(page, "event_total") >= 10 && number(page, "events.purchase") == 0
        },
        RuleCondition(text: "purchase.count >= 2 and rfm.days_since_last > 20 and purchase.revenue > 1000") {
            number($0, "purchase.count") >= 2 && number($0, "rfm.days_since_last") > 20
                && number($0, "purchase.revenue") > 1000
        },
        RuleCondition(
            text: #"main.device == "mobile" and (rolling.7d.events > 3 or profile.gender in ["F", "female"])"#
        ) { page in
            text(page, "main.device") == "mobile"
                && (number(page, "rolling.7d.events") > 3
                    || ["F", "female"].contains(text(page, "profile.gender")))
        },
    ]

    private static func number(_ page: [String: PlainValue], _ name: String) -> Double {
        if case .number(let number) = page[name] { return number }
        return .nan
    }

    private static func text(_ page: [String: PlainValue], _ name: String) -> String? {
        if case .text(let text) = page[name] { return text }
        return nil
    }
}

private enum PlainValue: Sendable {
    case number(Double)
    case text(String)
}

/// Pages of one user of a hundred, flat, by name.
private struct PlainPages: Sendable {
    private(set) var rows: [[String: PlainValue]] = []

    init(_ shard: isolated Shard) {
        let list: UInt64 = 1
        shard.openList(list, names: EventNames(limit: 0))
        defer { shard.closeList(list) }
        var index = 0
        while true {
            let users = shard.readList(list, 1000)
            if users.isEmpty { return }
            for user in users {
                if index % 100 == 0 { rows.append(Self.row(user)) }
                index += 1
            }
        }
    }

    private static func row(_ user: UserView) -> [String: PlainValue] {
        var row: [String: PlainValue] = ["event_total": .number(Double(user.eventTotal))]
        row["events.purchase"] = .number(0)
        for event in user.events { row["events.\(event.name)"] = .number(Double(event.value)) }
        row["purchase.count"] = .number(Double(user.purchases?.count ?? 0))
        row["purchase.revenue"] = .number(Double(user.purchases?.revenue ?? 0) / 1e6)
        if let rfm = user.rfm { row["rfm.days_since_last"] = .number(Double(rfm.daysSinceLast)) }
        for value in user.main { row["main.\(value.name)"] = .text(value.value) }
        for value in user.profile { row["profile.\(value.name)"] = .text(value.value) }
        for window in user.rolling {
            row["rolling.\(window.days)d.events"] = .number(Double(window.events))
        }
        return row
    }
}
