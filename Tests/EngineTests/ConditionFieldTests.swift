import Core
import Engine
import Testing

@testable import EngineSupport
@testable import Models

/// A name of a condition that means something else than the user page shows under it.
struct ConditionFieldTests {
    private let day = Microseconds.day

    /// What the page shows under a name; nil: nothing.
    private func shown(_ name: String, _ view: UserView) -> Double? {
        func rolling(_ days: Int) -> RollingView? { view.rolling.first { $0.days == days } }
        switch name {
        case "event_total": return Double(view.eventTotal)
        case "events.view_item": return Double(view.events.first { $0.name == "view_item" }?.value ?? 0)
        case "events.custom-1": return Double(view.events.first { $0.name == "custom-1" }?.value ?? 0)
        case "sessions.short.count": return Double(view.shortSessions.count)
        case "sessions.long.total_s": return Double(view.longSessions.totalMicroseconds) / 1e6
        case "purchase.count": return Double(view.purchases?.count ?? 0)
        case "purchase.revenue": return Double(view.purchases?.revenue ?? 0) / 1e6
        case "purchase.interval_mean_d": return view.purchases?.intervalMeanDays
        case "purchase.interval_sd_d": return view.purchases?.intervalDeviationDays
        case "purchase.refunds.value": return Double(view.refunds?.value ?? 0) / 1e6
        case "rfm.frequency": return view.rfm.map { Double($0.frequency) }
        case "rfm.monetary_value": return view.rfm.map(\.monetaryValue)
        case "rfm.days_since_last": return view.rfm.map { Double($0.daysSinceLast) }
        case "rfm.T_d": return view.rfm.map { Double($0.ageDays) }
        case "rolling.7d.events": return rolling(7).map { Double($0.events) }
        case "rolling.1d.sessions": return rolling(1).map { Double($0.sessions) }
        case "rolling.30d.revenue": return rolling(30).map { Double($0.revenue) / 1e6 }
        case "rolling.7d.purchases": return rolling(7).map { Double($0.purchases) }
        case "coupon.used": return Double(view.coupons?.used ?? 0)
        case "amount_by.category[\"category-2\"]":
            let amounts = view.amountBy.first { $0.name == "category" }?.value ?? []
            return Double(amounts.first { $0.name == "category-2" }?.value ?? 0) / 1e6
        default: return nil
        }
    }

    private static let names = [
        "event_total", "events.view_item", "sessions.short.count", "sessions.long.total_s",
        "purchase.count", "purchase.revenue", "purchase.interval_mean_d", "purchase.interval_sd_d",
        "purchase.refunds.value", "rfm.frequency", "rfm.monetary_value", "rfm.days_since_last", "rfm.T_d",
        "rolling.7d.events", "rolling.1d.sessions", "rolling.30d.revenue", "rolling.7d.purchases",
        "coupon.used", "amount_by.category[\"category-2\"]",
    ]

    @Test(arguments: names)
    func `a number is the page's`(name: String) async throws {
        // A bound that some of the users are above.
        for bound in [0.0, 2, 50] {
            let settings = Settings.brief().declaring(
                .made(
                    "above", .daily(at: 0, weekdays: 0x7F), when: "\(name) > \(bound)"))
            var shape = LogShape(settings)
            shape.users = 25
            shape.events = 500
            let log = randomLog(shape, seed: 3)
            var rig = try Rig(settings, shards: 2)
            try await rig.take(log)
            let next = (rig.ledger.clock.now / day + 1) * day
            let fired = try await rig.take(.advance(to: next)).filter {
                $0.rule == "above" && $0.due.microseconds == next
            }
            var expected: [String] = []
            for number in 0..<25 {
                guard let view = await rig.view("user-\(number)"), let value = shown(name, view),
                    value > bound
                else { continue }
                expected.append("user-\(number)")
            }
            #expect(fired.map(\.userName).sorted() == expected.sorted(), "\(name) > \(bound)")
        }
    }

    @Test(arguments: ["main.device", "main.channel", "profile.region", "profile.gender"])
    func `a text is the page's`(name: String) async throws {
        let parts = name.split(separator: ".")
        for index in 0..<4 {
            let settings = Settings.brief().declaring(
                .made(
                    "is", .daily(at: 0, weekdays: 0x7F), when: "\(name) == \"\(parts[1])-\(index)\""),
                .made(
                    "not", .daily(at: 0, weekdays: 0x7F), when: "\(name) != \"\(parts[1])-\(index)\""))
            var shape = LogShape(settings)
            shape.users = 25
            let log = randomLog(shape, seed: 5)
            var rig = try Rig(settings)
            try await rig.take(log)
            let next = (rig.ledger.clock.now / day + 1) * day
            let fired = try await rig.take(.advance(to: next)).filter { $0.due.microseconds == next }
            for number in 0..<25 {
                guard let view = await rig.view("user-\(number)") else { continue }
                let values = parts[0] == "main" ? view.main : view.profile
                let value = values.first { $0.name == parts[1] }?.value
                let own = fired.filter { $0.userName == "user-\(number)" }.map(\.rule)
                #expect(own.contains("is") == (value == "\(parts[1])-\(index)"))
                #expect(own.contains("not") == (value != nil && value != "\(parts[1])-\(index)"))
            }
        }
    }

    @Test func `tiers and grades are the models'`() {
        #expect(ConditionField.tiers == TierRule.names)
        #expect(ConditionField.grades == GradeRule.names)
    }
}
