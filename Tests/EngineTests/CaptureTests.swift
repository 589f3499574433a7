import Core
import Engine
import Testing

@testable import EngineSupport

/// Rows for the models of outcomes that know what came later, or depend on the order of arrival.
struct CaptureTests {
    private let day = Microseconds.day

    private func settings(_ zone: Zone = .utc, lateness: Int64 = 60) -> Settings {
        .event(zone) {
            $0.clock.allowedLateness = lateness * Microseconds.second
            $0.models.churn.anchorEvery = 2 * Microseconds.day
            $0.models.churn.horizon = 36 * Microseconds.hour
            $0.models.churn.anchors = 200
            $0.models.churn.rows = 1 << 22
            $0.models.highIntent.window = 5 * Microseconds.hour
        }
    }

    private static let values: [Dimension: [String: String]] = [
        .device: ["device-0": "mobile", "device-1": "mobile"], .gender: ["gender-0": "F", "gender-1": "M"],
        .ageBand: ["age_band-0": "20s", "age_band-1": "40-49"],
    ]

    /// In the order of time; half of the devices are mobile, half of the genders and ages known.
    private func log(_ settings: Settings, seed: UInt64, users: Int = 8, events: Int = 500) -> [PlainEvent] {
        var shape = LogShape(settings)
        shape.jitter = 0
        shape.ids = 0
        shape.users = users
        shape.events = events
        return randomLog(shape, seed: seed).map { event in
            var event = event
            for (dimension, names) in Self.values {
                event.dimensions[dimension] = event.dimensions[dimension].map { names[$0] ?? $0 }
            }
            return event
        }
    }

    private func run(
        _ settings: Settings, _ log: [PlainEvent], cut: Int = 20, shards: Int = 1, after: Int64 = 0
    ) async throws -> Rig {
        var rig = try Rig(settings, shards: shards)
        var rest = log[...]
        while !rest.isEmpty {
            try await rig.take(Array(rest.prefix(cut)))
            rest = rest.dropFirst(cut)
        }
        if after > 0 { try await rig.take(.advance(to: (log.map(\.time).max() ?? 0) + after)) }
        return rig
    }

    private func expect(_ rows: OutcomeRows, _ plain: [PlainRow], _ comment: String) {
        #expect(rows.anchor == plain.map(\.anchor), "\(comment)")
        #expect(rows.label == plain.map(\.label), "\(comment)")
        guard rows.rows == plain.count else { return }
        for (column, name) in rows.names.enumerated() {
            for (row, expected) in plain.enumerated() {
                let value = expected.features[name].map { Float($0) }
                let got = rows.features[column][row]
                guard let value, abs(got - value) <= 1e-6 * max(1, abs(value)) else {
                    Issue.record("\(comment): \(name) of \(expected.user) at \(expected.anchor): \(got)")
                    return
                }
            }
        }
    }

    @Test(arguments: 1...8)
    func `rows are those of a plain walk through the sorted events`(seed: UInt64) async throws {
        let settings = settings(seed % 2 == 0 ? .berlin : .utc, lateness: [60, 7200, 90_000][Int(seed) % 3])
        let log = log(settings, seed: seed)
        var plain = PlainStore(settings)
        for event in log { plain.take(event) }
        let rig = try await run(settings, log, after: 3 * day)
        plain.advance(to: log.last!.time + 3 * day)
        let churn = await rig.churnRows()
        let expected = plain.users.flatMap { plain.churnRows($0) }
        #expect(expected.contains { $0.label == 0 } && expected.contains { $0.label == 1 })
        expect(churn, expected.sorted(by: churnOrder), "churn")
        #expect(churn.lead.allSatisfy { $0 < 0 })
        let carts = plain.users.flatMap { plain.intentRows($0) }
        #expect(carts.contains { $0.label == 0 } && carts.contains { $0.label == 1 })
        let intent = await rig.intentRows()
        #expect(intent.rows == carts.count)
        #expect(intent.lead.allSatisfy { $0 == 0 })
        // Of one instant in the order of arrival.
        let places = Dictionary(
            log.enumerated().map { ("\($1.user) \($1.time)", $0) }, uniquingKeysWith: { first, _ in first })
        let order = carts.enumerated().sorted { a, b in
            let (one, other) = (partition(a.element.user), partition(b.element.user))
            if one != other { return one < other }
            if a.element.anchor != b.element.anchor { return a.element.anchor < b.element.anchor }
            let (x, y) = (
                places["\(a.element.user) \(a.element.anchor)"]!,
                places["\(b.element.user) \(b.element.anchor)"]!
            )
            return x != y ? x < y : a.offset < b.offset
        }
        expect(intent, order.map(\.element), "high_intent")
    }

    private func partition(_ user: String) -> Int {
        Array(user.utf8).withUnsafeBytes { Partitioning.partition(of: $0) }
    }

    private func churnOrder(_ a: PlainRow, _ b: PlainRow) -> Bool {
        let (one, other) = (partition(a.user), partition(b.user))
        if one != other { return one < other }
        if a.anchor != b.anchor { return a.anchor < b.anchor }
        return StableHash.hash128(Array(a.user.utf8)).0 < StableHash.hash128(Array(b.user.utf8)).0
    }

    @Test(arguments: 1...6)
    func `any order within the lateness, cut and number of shards give the same rows`(seed: UInt64)
        async throws
    {
        let settings = settings(.berlin, lateness: [60, 7200, 90_000][Int(seed) % 3])
        let log = log(settings, seed: seed, users: 30)
        let whole = try await run(settings, log, cut: .max, after: 3 * day)
        let churn = await whole.churnRows()
        #expect(churn.rows > 0)
        let carts = await whole.intentRows().sortedRows
        for (cut, shards) in [(1, 2), (7, 1), (50, 3)] {
            let shuffled = shuffledWithinLateness(log, settings, seed: 10 * seed + UInt64(cut))
            let other = try await run(settings, shuffled, cut: cut, shards: shards, after: 3 * day)
            #expect(other.totals.late == 0)
            let rows = await other.churnRows()
            #expect(rows.anchor == churn.anchor)
            #expect(rows.features == churn.features)
            #expect(rows.label == churn.label)
            #expect(rows.heldOut == churn.heldOut)
            #expect(await other.intentRows().sortedRows == carts)
        }
    }

    @Test(arguments: 1...2)
    func `going on from snapshots gives the same rows`(seed: UInt64) async throws {
        let settings = settings(.berlin)
        let log = log(settings, seed: seed)
        var whole = try Rig(settings)
        var saved: [(ledger: [UInt8], partitions: [Int: [UInt8]])] = []
        for start in stride(from: 0, to: log.count, by: 50) {
            saved.append((whole.ledger.snapshot(), await whole.snapshots()))
            try await whole.take(Array(log[start..<min(log.count, start + 50)]))
        }
        try await whole.take(.advance(to: log.last!.time + 3 * day))
        for place in [1, saved.count / 2, saved.count - 1] {
            var other = try Rig(
                settings, shards: 2, key: HashKey(k0: 7, k1: 8), ledger: saved[place].ledger,
                partitions: saved[place].partitions)
            for record in whole.journal.dropFirst(place) {
                try await other.apply(record.number, record.kind, record.payload)
            }
            #expect(await other.churnRows() == whole.churnRows())
            #expect(await other.intentRows() == whole.intentRows())
            #expect(await other.snapshots()[partition("user-1")] != nil)
        }
    }

    /// A leak: what came after the anchor, and had arrived when the row was captured.
    @Test(arguments: 1...4)
    func `what comes after an anchor never changes its row`(seed: UInt64) async throws {
        let settings = settings(lateness: 90_000)
        let log = log(settings, seed: seed)
        let anchor = try await run(settings, log).churnRows().anchor.max() ?? 0
        let known = log.filter { $0.time < anchor }
        let before = try await run(settings, known, after: 10 * day)
        let expected = await before.churnRows().rows(at: anchor)
        #expect(!expected.isEmpty)
        var later = log.filter { $0.time >= anchor }
        for user in Set(known.map(\.user)) {
            for offset in [0, 1, day / 2] {
                var bought = PlainEvent(user, anchor + offset, "purchase")
                bought.value = 77_000_000
                bought.coupon = 1
                bought.dimensions[.device] = "mobile"
                later.append(bought)
            }
        }
        // Everything within the lateness of the anchor has arrived before it is reached.
        let mixed = shuffledWithinLateness((known + later).sorted { $0.time < $1.time }, settings, seed: seed)
        let after = try await run(settings, mixed, after: 10 * day)
        let rows = await after.churnRows()
        #expect(rows.rows(at: anchor).map(\.features) == expected.map(\.features))
        #expect(rows.rows(at: anchor).allSatisfy { $0.label == 0 })
        #expect(rows.lead.allSatisfy { $0 < 0 })
    }

    @Test func `an outcome counts up to its end and a late purchase up to the join`() async throws {
        let settings = settings()
        let start: Int64 = 1_711_929_600_000_000  // 2024-04-01, an even number of days since 1970.
        func bought(_ user: String, _ time: Int64) -> PlainEvent { PlainEvent(user, time, "purchase") }
        let horizon = try #require(settings.models.churn.horizon)
        var rig = try Rig(settings)
        let anchor = start + 2 * day
        try await rig.take(["first", "last", "beyond", "late", "too-late"].map { bought($0, start) })
        try await rig.take([bought("first", anchor)])
        try await rig.take([bought("last", anchor + horizon - 1), bought("beyond", anchor + horizon)])
        try await rig.take([bought("late", anchor + 1)])
        #expect(await rig.churnRows().rows == 0)
        try await rig.take(.advance(to: anchor + horizon))
        try await rig.take([bought("too-late", anchor + 1)])
        let rows = await rig.churnRows()
        #expect(rows.anchor.allSatisfy { $0 == anchor })
        #expect(rows.label.reduce(0) { $0 + Int($1) } == 2)
        #expect(rows.rows == 5)
        #expect(rows.from == anchor && rows.to == anchor + horizon)
    }

    @Test func `an erased user leaves no row`() async throws {
        let settings = settings()
        let log = log(settings, seed: 3)
        var rig = try await run(settings, log, after: 3 * day)
        var without = PlainStore(settings)
        for event in log { without.take(event) }
        without.advance(to: log.last!.time + 3 * day)
        without.erase("user-2")
        let mark = Array("user-2".utf8).withUnsafeBytes {
            Rig.storeKey.erasureMark(of: $0)
        }
        try await rig.take(.erase([mark]))
        expect(
            await rig.churnRows(), without.users.flatMap { without.churnRows($0) }.sorted(by: churnOrder),
            "after erasure")
        #expect(await rig.intentRows().rows == without.users.flatMap { without.intentRows($0) }.count)
    }

    @Test func `rows are bounded whatever comes`() async throws {
        var settings = settings()
        settings.models.churn.anchors = 3
        settings.models.churn.rows = 64 * 3 * 2
        settings.models.highIntent.rows = 64 * 4
        let log = log(settings, seed: 5, users: 900, events: 6000)
        let rig = try await run(settings, log, cut: 100, after: 3 * day)
        let churn = await rig.churnRows()
        #expect(Set(churn.anchor).count <= 3 && churn.rows <= 64 * 3 * 2 && churn.rows > 64)
        #expect(await rig.intentRows().rows <= 64 * 4)
        let shuffled = try await run(
            settings, shuffledWithinLateness(log, settings, seed: 6), cut: 33, shards: 2, after: 3 * day)
        #expect(await shuffled.churnRows().features == churn.features)
        #expect(await shuffled.intentRows().sortedRows == rig.intentRows().sortedRows)
        // A model that is not kept fitted captures nothing.
        settings.models.enabled = []
        let off = try await run(settings, log, cut: 100, after: 3 * day)
        #expect(await off.churnRows().rows == 0)
        #expect(await off.intentRows().rows == 0)
    }

    @Test func `other terms begin anew`() async throws {
        var settings = settings()
        let log = log(settings, seed: 4)
        var rig = try await run(settings, log, after: 3 * day)
        #expect(await rig.churnRows().rows > 0)
        settings.models.churn.horizon = day
        settings.models.highIntent.window = Microseconds.hour
        try await rig.take(.settings(EngineSettings(settings)))
        #expect(await rig.churnRows().rows == 0)
        #expect(await rig.intentRows().rows == 0)
        try await rig.take(.advance(to: log.last!.time + 10 * day))
        let rows = await rig.churnRows()
        #expect(rows.rows > 0 && rows.label.allSatisfy { $0 == 1 })
    }
}

extension Rig {
    func churnRows() async -> OutcomeRows { await rows { await $0.churnRows() } }

    func intentRows() async -> OutcomeRows { await rows { await $0.intentRows() } }

    /// Of all partitions in their order.
    private func rows(_ question: (Shard) async -> [(partition: Int, columns: OutcomeRows)]) async
        -> OutcomeRows
    {
        var parts: [(partition: Int, columns: OutcomeRows)] = []
        for shard in shards { parts += await question(shard) }
        parts.sort { $0.partition < $1.partition }
        var all = OutcomeRows(names: parts[0].columns.names)
        for part in parts { all.append(part.columns) }
        return all
    }
}

extension OutcomeRows {
    /// A row as one value.
    struct Row: Equatable {
        var anchor: Int64
        var features: [Float]
        var label: UInt8
    }

    var all: [Row] {
        (0..<rows).map { row in
            Row(anchor: anchor[row], features: features.map { $0[row] }, label: label[row])
        }
    }

    func rows(at instant: Int64) -> [Row] { all.filter { $0.anchor == instant } }

    /// In an order of their own: which of two users came first in one instant is the arrival's.
    var sortedRows: [Row] {
        all.sorted { a, b in
            if a.anchor != b.anchor { return a.anchor < b.anchor }
            return a.features.lexicographicallyPrecedes(b.features)
        }
    }
}

/// The same events, each delayed by less than the allowed lateness; those of one user and one instant keep
/// their order, for arrival is what tells them apart.
func shuffledWithinLateness(_ log: [PlainEvent], _ settings: Settings, seed: UInt64) -> [PlainEvent] {
    var random = Randomness(seed: seed)
    let lateness = settings.clock.allowedLateness
    let keys = log.map { $0.time + Int64(random.uniform() * Double(lateness + 1)) }
    let order = log.indices.sorted { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 < $1 }
    var places: [String: [Int]] = [:]
    for (place, index) in order.enumerated() {
        places["\(log[index].time) \(log[index].user)", default: []].append(place)
    }
    var result = order.map { log[$0] }
    var next: [String: Int] = [:]
    for event in log {
        let group = "\(event.time) \(event.user)"
        result[places[group]![next[group, default: 0]]] = event
        next[group, default: 0] += 1
    }
    return result
}
