import Core
import Engine

/// Ledger and shards driven as the daemon drives them, without a store and without a wire.
struct Rig {
    private(set) var ledger: Ledger
    private(set) var shards: [Shard]
    private(set) var totals = ShardTotals()
    /// Users that the last record erased.
    private(set) var erased: [ErasedUser] = []
    /// Every record, as it stands in a journal.
    private(set) var journal: [(number: UInt64, kind: UInt8, payload: [UInt8])] = []
    /// Every trigger, in the order of its number.
    private(set) var triggers: [Trigger] = []
    let settings: Settings
    let key: HashKey

    static let storeKey = HashKey(k0: 11, k1: 12)

    init(_ settings: Settings, shards count: Int = 1, key: HashKey = HashKey(k0: 1, k1: 2)) throws {
        let engine = EngineSettings(settings)
        self.settings = settings
        self.key = key
        ledger = Ledger(settings: engine)
        shards = try (0..<count).map {
            try Shard(index: $0, of: count, settings: engine, key: key, storeKey: Self.storeKey)
        }
    }

    /// From snapshots, as after a restart.
    init(
        _ settings: Settings, shards count: Int, key: HashKey, ledger: [UInt8], partitions: [Int: [UInt8]]
    ) throws {
        self.settings = settings
        self.key = key
        let restored = try ledger.withUnsafeBytes { try Ledger(snapshot: $0) }
        self.ledger = restored
        shards = try (0..<count).map {
            try Shard(
                index: $0, of: count, settings: EngineSettings(settings), key: key, storeKey: Self.storeKey,
                itemNames: restored.itemNames, snapshots: partitions)
        }
    }

    /// Takes lines as one record; gives the triggers in order.
    @discardableResult
    mutating func take(_ events: [PlainEvent], wall: Int64? = nil) async throws -> [Trigger] {
        try await take(
            .events(
                EventsEntry(
                    batch: EventBatch(events), clock: ledger.clock,
                    lateness: ledger.settings.allowedLateness, wallNow: wall, receivedAt: 0, producer: "",
                    producerNext: 0)))
    }

    @discardableResult
    mutating func take(_ entry: JournalEntry) async throws -> [Trigger] {
        let number = ledger.position + 1
        let payload = entry.encoded()
        journal.append((number, entry.kind, payload))
        return try await apply(number, entry.kind, payload)
    }

    /// Applies a record from its bytes; what is applied already is passed over.
    @discardableResult
    mutating func apply(_ number: UInt64, _ kind: UInt8, _ payload: [UInt8]) async throws -> [Trigger] {
        let entry = try payload.withUnsafeBytes { try JournalEntry(kind: kind, payload: $0) }
        let record: ShardRecord
        if case .events(var events) = entry {
            events.batch.seal(key: key)
            record = .events(ledger.apply(events, position: number, key: key))
        } else {
            ledger.apply(entry, position: number)
            record = .entry(entry)
        }
        var found: [Trigger] = []
        totals = ShardTotals()
        erased = []
        for shard in shards {
            let outcome = try await withCheckedContinuation { continuation in
                shard.submit(record, number: number) { continuation.resume(returning: $0) }
            }.get()
            found.append(contentsOf: outcome.triggers.triggers)
            totals.add(outcome.totals)
            erased += outcome.erased
        }
        found.sort(by: Trigger.precedes)
        triggers.append(contentsOf: found)
        return found
    }

    func view(_ user: String) async -> UserView? {
        for shard in shards {
            if let view = await shard.user(Array(user.utf8), names: ledger.names) { return view }
        }
        return nil
    }

    func snapshots() async -> [Int: [UInt8]] {
        var snapshots: [Int: [UInt8]] = [:]
        for number in 0..<Partitioning.count {
            snapshots[number] = await shards[number % shards.count].snapshot(number)?.bytes
        }
        return snapshots
    }
}

extension Trigger {
    /// Row numbers depend on where records are cut; everything else does not.
    var withoutRow: Trigger {
        var copy = self
        copy.orderRow = 0
        return copy
    }

    var plain: PlainTrigger { PlainTrigger(rule: rule, due: due.microseconds) }
    var userName: String { String(decoding: user, as: UTF8.self) }
}
