import Core
import Engine
import Models
import Testing

@testable import EngineSupport

/// A predicted date that depends on what has not been decided, on cuts and shards, or on what the model was
/// not told.
struct RepurchaseDateTests {
    /// 2024-04-01.
    private static let start: Int64 = 19_814 * Microseconds.day
    private let day = Microseconds.day
    private let hour = Microseconds.hour

    /// Waits of about 8 days, and of 30 after a large purchase; now and then a second purchase on the day.
    private func log(_ users: Int, days: Int64, seed: UInt64) -> [PlainEvent] {
        var random = Randomness(seed: seed)
        var events: [PlainEvent] = []
        for user in 0..<users {
            var time = Self.start + Int64(random.below(20)) * day
            var value: Int64 = 10
            while time < Self.start + days * day {
                let before = value
                value = random.below(2) == 0 ? 10 : 200
                let instant = time + Int64(random.below(20)) * hour
                var event = PlainEvent("user-\(user)", instant, "purchase")
                event.value = value * 1_000_000
                events.append(event)
                if random.below(4) == 0 {
                    event.time = instant + hour
                    event.value = 3_000_000
                    events.append(event)
                }
                time += (before > 100 ? 24 : 5) * day + Int64(random.below(7)) * day
            }
        }
        return events.sorted { ($0.time, $0.user) < ($1.time, $1.user) }
    }

    private func columns(_ rig: Rig, decidedOnly: Bool) async -> PurchaseDayColumns {
        var parts: [(partition: Int, columns: PurchaseDayColumns)] = []
        for shard in rig.shards { parts += await shard.repurchaseColumns(decidedOnly: decidedOnly) }
        var all = PurchaseDayColumns()
        for part in parts.sorted(by: { $0.partition < $1.partition }) { all.append(part.columns) }
        return all
    }

    private func request(_ columns: PurchaseDayColumns, asOfDay: Int32) -> [UInt8] {
        FitRequest.repurchase(
            days: columns.days, purchases: columns.purchases, revenue: columns.revenue,
            offsets: columns.offsets, heldOut: columns.heldOut, asOfDay: asOfDay,
            config: RepurchaseConfig(), previous: nil
        ).bytes
    }

    /// Trees, fitted on a log of other users.
    private func model() async throws -> RepurchaseModel {
        var rig = try Rig(.event())
        try await rig.take(log(120, days: 300, seed: 1))
        let request = request(await columns(rig, decidedOnly: false), asOfDay: 19_814 + 300)
        let answer = request.withUnsafeBytes { fit(request: $0) }
        guard case .fitted(let candidate) = try FitResult(bytes: answer) else {
            Issue.record("no model")
            throw CodingFailure.badMagic
        }
        let model = try RepurchaseModel(bytes: candidate.model)
        #expect(model.isBoosted)
        return model
    }

    private func adoption(_ model: RepurchaseModel) -> JournalEntry {
        .verdict(
            VerdictEntry(
                name: "repurchase", version: 1, adopted: true, instant: Self.start, scheduled: false,
                bytes: model.bytes))
    }

    /// A user's purchase days before an instant, put together by hand.
    private func history(_ user: String, before instant: Int64, _ log: [PlainEvent]) -> PurchaseTrail? {
        var days: [(day: Int32, purchases: UInt32, revenue: Double)] = []
        for event in log where event.user == user && event.time < instant {
            let number = Int32(event.time / day)
            let value = Double(event.value ?? 0) / 1e6
            if days.last?.day == number {
                days[days.count - 1].purchases += 1
                days[days.count - 1].revenue += value
            } else {
                days.append((number, 1, value))
            }
        }
        guard let first = days.first else { return nil }
        var trail = PurchaseTrail(day: first.day, purchases: first.purchases, revenue: first.revenue)
        for next in days.dropFirst() {
            trail.add(day: next.day, purchases: next.purchases, revenue: next.revenue)
        }
        return trail
    }

    private func run(
        _ settings: Settings, _ log: [PlainEvent], _ model: RepurchaseModel, cut: Int, shards: Int
    ) async throws -> Rig {
        var rig = try Rig(settings, shards: shards)
        try await rig.take(adoption(model))
        for start in stride(from: 0, to: log.count, by: cut) {
            try await rig.take(Array(log[start..<min(log.count, start + cut)]))
        }
        try await rig.take(.advance(to: Self.start + 150 * day))
        return rig
    }

    @Test func `dates, intervals and reasons follow from the days before`() async throws {
        let model = try await model()
        let log = log(25, days: 120, seed: 2)
        let rig = try await run(.event(), log, model, cut: 40, shards: 2)
        let due = rig.triggers.filter { $0.rule == "repurchase_due" }
        #expect(due.count > 50)
        for trigger in due {
            let trail = try #require(history(trigger.userName, before: trigger.due.microseconds, log))
            let wait = Int32(max(1, model.predict(trail).p50.rounded()))
            #expect(trigger.due.microseconds == Int64(trail.lastDay + wait) * day)
            let today = Int32(trigger.at.microseconds / day)
            let left = model.predict(trail, conditionedOn: Double(today - trail.lastDay))
            let predicted = try #require(trigger.predicted)
            #expect(predicted.date == trail.lastDay + Int32(max(1, left.p50.rounded())))
            #expect(predicted.p90 == trail.lastDay + Int32(max(1, left.p90.rounded())))
            let reasons = model.reasons(trail, most: 3)
            #expect(!reasons.isEmpty)
            let told = trigger.why.filter { $0.contribution != nil }
            #expect(told.map(\.feature) == reasons.map(\.feature))
            #expect(told.map(\.contribution) == reasons.map(\.contribution))
        }
        let end = Self.start + 150 * day
        let trail = try #require(history("user-3", before: end, log))
        let view = try #require(await rig.view("user-3")?.repurchase)
        let left = model.predict(trail, conditionedOn: Double(Int32(end / day) - trail.lastDay))
        #expect(view.date == trail.lastDay + Int32(left.p50.rounded()))
        #expect(view.why.map(\.feature) == model.reasons(trail, most: 3).map(\.feature))
    }

    @Test func `cuts, shards and arrivals not yet decided do not show`() async throws {
        let model = try await model()
        let settings = Settings.event { $0.clock.allowedLateness = 36 * Microseconds.hour }
        var log = log(25, days: 120, seed: 3)
        // Out of order within the lateness.
        var random = Randomness(seed: 4)
        for index in log.indices.dropLast() where random.below(3) == 0 {
            if log[index + 1].time - log[index].time < hour * 12 { log.swapAt(index, index + 1) }
        }
        let whole = try await run(settings, log, model, cut: .max, shards: 1)
        let expected = whole.triggers.map(\.withoutRow)
        #expect(expected.filter { $0.rule == "repurchase_due" }.count > 50)
        for (cut, shards) in [(1, 1), (7, 3), (60, 2)] {
            let other = try await run(settings, log, model, cut: cut, shards: shards)
            #expect(other.triggers.map(\.withoutRow) == expected, "records of \(cut), \(shards) shards")
            for user in Set(log.map(\.user)) {
                let mine = String(describing: await whole.view(user)?.repurchase)
                #expect(mine == String(describing: await other.view(user)?.repurchase), "\(user)")
            }
        }
        let restored = try Rig(
            settings, shards: 3, key: HashKey(k0: 5, k1: 6), ledger: whole.ledger.snapshot(),
            partitions: await whole.snapshots())
        for user in Set(log.map(\.user)) {
            let mine = String(describing: await whole.view(user)?.repurchase)
            #expect(mine == String(describing: await restored.view(user)?.repurchase), "\(user)")
        }
    }

    /// Purchases around a scheduled instant, arriving in any order within the lateness.
    @Test func `a scheduled refit gives the same model whatever arrived first`() async throws {
        let settings = Settings.event { $0.clock.allowedLateness = 2 * Microseconds.hour }
        let log = log(120, days: 300, seed: 1)
        let last = Self.start + 330 * day
        let around = [1, 2, 4, 5].map { (hours: Int64) -> PlainEvent in
            var event = PlainEvent("user-\(hours / 3)", last + hours * hour, "purchase")
            event.value = hours * 7_000_000
            return event
        }
        var requests: [[UInt8]] = []
        for (order, count) in [([0, 1, 2, 3], 4), ([3, 2, 1, 0], 4), ([2, 0, 3, 1], 4), ([0, 1], 2)] {
            var rig = try Rig(settings)
            try await rig.take(log)
            for index in order[..<count] { try await rig.take([around[index]]) }
            try await rig.take(.close(before: last + 3 * hour))
            var columns = await columns(rig, decidedOnly: true)
            // What was bought on a buyer's last day is not looked at.
            for end in columns.offsets.dropFirst() {
                columns.purchases[Int(end) - 1] = 1
                columns.revenue[Int(end) - 1] = 0
            }
            requests.append(request(columns, asOfDay: Int32(last / day)))
        }
        #expect(requests.allSatisfy { $0 == requests[0] })
    }
}
