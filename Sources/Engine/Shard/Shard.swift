package import Core
import Dispatch
import Models
import Synchronization

/// One journal record as the shards take it.
package enum ShardRecord: Sendable {
    case events(SequencedBatch)
    /// Any other entry.
    case entry(JournalEntry)
}

/// What came of a record in one shard.
package struct ShardOutcome: Sendable {
    package var record: UInt64
    package var triggers: TriggerBatch
    package var totals: ShardTotals
    /// Users the record has erased here.
    package var erased: [ErasedUser] = []
}

/// Sums over the shard's partitions.
package struct ShardTotals: Sendable {
    package var events: Int64 = 0
    package var late: Int64 = 0
    package var duplicates: Int64 = 0
    package var users: Int64 = 0
    package var forgotten: Int64 = 0
    /// Earliest instant at which something may fall due.
    package var nextDue: Int64 = .max

    package init() {}

    package mutating func add(_ other: ShardTotals) {
        events += other.events
        late += other.late
        duplicates += other.duplicates
        users += other.users
        forgotten += other.forgotten
        nextDue = min(nextDue, other.nextDue)
    }
}

/// Members of one segment in one shard.
package struct SegmentTotals: Sendable {
    package var id: Int
    package var name: String
    package var users: Int64
    package var converted: Int64
    /// Sums of the features, in their own units.
    package var sums: [Double]
}

/// A snapshot that somebody waits for.
private struct AskedSnapshot {
    var number: Int
    var memory: [UInt8]
    var continuation: CheckedContinuation<(position: UInt64, bytes: [UInt8])?, Never>

    /// The memory without a second owner, so that writing into it copies nothing.
    mutating func takeMemory() -> [UInt8] {
        let taken = memory
        memory = []
        return taken
    }
}

/// Owns some partitions, on a queue of its own. Gets one message per record.
package actor Shard {
    private nonisolated let executor: QueueExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private var partitions: [Partition]
    private let itemNames: ShardItemNames
    private let index: Int
    private let shardCount: Int
    private let key: HashKey
    private let storeKey: HashKey
    private var failure: StateError?
    /// Users that the record being applied has erased.
    private var erased: [ErasedUser] = []
    /// What the record being applied brings about, from all partitions.
    private var collected = TriggerBatch(names: BuiltInRule.names)
    /// Snapshots that are asked for: taken between two records, they do not wait for those that are queued.
    private nonisolated let asked = Mutex<[AskedSnapshot]>([])
    private var openLists: [UInt64: (lists: [(Partition, PartitionList)], next: Int)] = [:]

    /// - Parameters:
    ///   - itemNames: those of the ledger that is saved with the partitions.
    ///   - snapshots: saved partitions by number.
    package init(
        index: Int, of shardCount: Int, settings: EngineSettings, key: HashKey, storeKey: HashKey,
        itemNames: ItemNames = ItemNames(), snapshots: [Int: [UInt8]] = [:]
    ) throws {
        try self.init(
            index: index, of: shardCount, settings: settings, key: key, storeKey: storeKey,
            itemNames: itemNames, saved: { snapshots[$0] })
    }

    /// - Parameters:
    ///   - index: which of the shards; it owns the partitions whose number is this modulo `of`.
    ///   - itemNames: those of the ledger that is saved with the partitions.
    ///   - saved: gives the saved state of a partition when its turn comes; nil where there is none.
    package init(
        index: Int, of shardCount: Int, settings: EngineSettings, key: HashKey, storeKey: HashKey,
        itemNames: ItemNames, saved: (Int) throws -> [UInt8]?
    ) throws {
        executor = QueueExecutor(label: "roost.shard.\(index)")
        self.index = index
        self.shardCount = shardCount
        self.key = key
        self.storeKey = storeKey
        let shared = ShardItemNames(itemNames)
        self.itemNames = shared
        var made: [Partition] = []
        for number in stride(from: index, to: Partitioning.count, by: shardCount) {
            if let bytes = try saved(number) {
                let restored = try Self.restore(number, bytes, key, storeKey)
                if let first = made.first { restored.recommendations.share(with: first.recommendations) }
                made.append(restored)
            } else {
                made.append(Partition(number: number, settings: settings, key: key, storeKey: storeKey))
            }
        }
        for partition in made { partition.itemNames = shared }
        partitions = made
    }

    private static func restore(
        _ number: Int, _ bytes: [UInt8], _ key: HashKey, _ storeKey: HashKey
    ) throws(StateError) -> Partition {
        var failure: StateError?
        let partition = bytes.withUnsafeBytes { raw -> Partition? in
            do throws(StateError) {
                return try Partition(number: number, snapshot: raw, key: key, storeKey: storeKey)
            } catch {
                failure = error
                return nil
            }
        }
        guard let partition else { throw failure ?? StateError("partition \(number) does not restore") }
        return partition
    }

    // MARK: Records

    /// Applies a record; calls keep their order.
    package nonisolated func submit(
        _ record: ShardRecord, number: UInt64,
        completion: @escaping @Sendable (Result<ShardOutcome, StateError>) -> Void
    ) {
        executor.queue.async {
            self.assumeIsolated { shard in
                shard.takeSnapshots()
                shard.apply(record, number)
                if let failure = shard.failure {
                    completion(.failure(failure))
                } else {
                    completion(.success(shard.outcome(number)))
                }
            }
        }
    }

    /// Runs a question on the shard's queue, after the records submitted before.
    package nonisolated func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (isolated Shard) -> Answer,
        completion: @escaping @Sendable (Answer) -> Void
    ) {
        executor.queue.async { self.assumeIsolated { completion(question($0)) } }
    }

    private func apply(_ record: ShardRecord, _ number: UInt64) {
        switch record {
        case .events(let sequenced):
            itemNames.take(sequenced.itemNames, record: number)
            apply(sequenced, number)
        case .entry(let entry):
            itemNames.take([], record: number)
            for partition in partitions where partition.position < number {
                swap(&partition.triggers, &collected)
                apply(entry, to: partition)
                swap(&partition.triggers, &collected)
                partition.position = number
            }
        }
    }

    private func apply(_ entry: JournalEntry, to partition: Partition) {
        switch entry {
        case .events: preconditionFailure("events come sequenced")
        case .tick(let now): move(partition, now: now, frontier: now - partition.settings.allowedLateness)
        case .advance(let instant): move(partition, now: instant, frontier: instant + 1)
        case .close(let instant): move(partition, now: partition.now, frontier: instant)
        case .verdict(let verdict): adopt(verdict, partition)
        case .settings(let settings): partition.adopt(settings)
        case .erase(let marks):
            let own = marks.filter { Int($0.partition) == partition.number }
            if !own.isEmpty { erased.append(contentsOf: partition.erase(Set(own))) }
        case .erased: break
        case .contact(let contact):
            if Int(contact.mark.partition) == partition.number { partition.take(contact) }
        case .months(let months):
            if partition.number == MonthsEntry.partition { partition.tell(months) }
        }
    }

    private func move(_ partition: Partition, now: Int64, frontier: Int64) {
        partition.now = max(partition.now, now)
        partition.clock = RecordClock(nows: [], end: partition.now, lateness: 0)
        partition.advance(to: frontier)
        partition.settleBackFill()
    }

    private func apply(_ sequenced: SequencedBatch, _ number: UInt64) {
        let batch = sequenced.batch
        let clock = RecordClock(nows: sequenced.nows, end: sequenced.endNow, lateness: sequenced.lateness)
        batch.rows.withUnsafeBufferPointer { rows in
            batch.items.withUnsafeBufferPointer { items in
                batch.text.withUnsafeBytes { text in
                    batch.dictionary.withUnsafeBufferPointer { dictionary in
                        sequenced.hashes.withUnsafeBufferPointer { hashes in
                            sequenced.codes.withUnsafeBufferPointer { codes in
                                batch.route.order.withUnsafeBufferPointer { order in
                                    batch.route.starts.withUnsafeBufferPointer { starts in
                                        sequenced.nows.withUnsafeBufferPointer { nows in
                                            apply(
                                                BatchView(
                                                    rows: rows, items: items, text: text,
                                                    dictionary: dictionary, hashes: hashes, codes: codes,
                                                    order: order, starts: starts, nows: nows),
                                                sequenced, clock, number)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func apply(
        _ view: borrowing BatchView, _ sequenced: borrowing SequencedBatch, _ clock: RecordClock,
        _ number: UInt64
    ) {
        for partition in partitions where partition.position < number {
            swap(&partition.triggers, &collected)
            partition.clock = clock
            partition.noteOldest(sequenced.oldest, at: sequenced.endNow)
            if sequenced.hasContacts {
                partition.applyWithContacts(view, startFrontier: sequenced.startFrontier)
            } else {
                partition.apply(view, startFrontier: sequenced.startFrontier)
            }
            partition.now = max(partition.now, sequenced.endNow)
            partition.advance(to: sequenced.endFrontier)
            partition.settleBackFill()
            swap(&partition.triggers, &collected)
            partition.position = number
        }
    }

    private func adopt(_ verdict: VerdictEntry, _ partition: Partition) {
        guard verdict.adopted else { return }
        partition.clock = RecordClock(nows: [], end: partition.now, lateness: 0)
        do throws(StateError) {
            switch verdict.name {
            case "segments":
                try partition.adoptSegments(
                    verdict.bytes, version: verdict.version, decidedOnly: verdict.scheduled,
                    instant: verdict.instant)
            case "repurchase": try partition.adoptRepurchase(verdict.bytes, version: verdict.version)
            case "clv": try partition.adoptLifetimeValue(verdict.bytes, version: verdict.version)
            case "tiers":
                try partition.adoptTiers(
                    verdict.bytes, version: verdict.version, decidedOnly: verdict.scheduled,
                    instant: verdict.instant)
            case let name where Segmentation.isNamed(name):
                try partition.adoptSegmentation(verdict)
            case ChurnModel.name:
                try partition.adoptChurn(
                    verdict.bytes, version: verdict.version, instant: verdict.instant)
            // It says what goes with conversion and is asked nothing about a user.
            case DriversModel.name: break
            case RecommendationsModel.name:
                try partition.adoptRecommendations(verdict, like: partitions.first)
            case HighIntentModel.name:
                try partition.adoptHighIntent(verdict.bytes, version: verdict.version)
            default: throw StateError("a model of unknown name \(verdict.name) was adopted")
            }
            partition.adopted(verdict)
        } catch {
            failure = error
        }
    }

    private func outcome(_ number: UInt64) -> ShardOutcome {
        let triggers = collected
        collected = TriggerBatch(names: BuiltInRule.names)
        collected.reserve(like: triggers)
        defer { erased = [] }
        return ShardOutcome(record: number, triggers: triggers, totals: totals(), erased: erased)
    }

    package func totals() -> ShardTotals {
        var totals = ShardTotals()
        for partition in partitions {
            totals.events += partition.eventCount
            totals.late += partition.lateCount
            totals.duplicates += partition.duplicateCount
            totals.users += Int64(partition.users.count - partition.users.erasedCount)
            totals.forgotten += partition.dedupe.forgotten
            totals.nextDue = min(totals.nextDue, partition.nextDue)
        }
        return totals
    }

    package func stateBytes() -> Int64 { Int64(partitions.reduce(0) { $0 + $1.byteCount }) }

    func forEachPartition(_ body: (Partition) -> Void) { for partition in partitions { body(partition) } }

    // MARK: Questions

    private func partition(_ number: Int) -> Partition? {
        number % shardCount == index ? partitions[number / shardCount] : nil
    }

    package func user(_ id: [UInt8], names: EventNames) -> UserView? {
        let number = id.withUnsafeBytes { Partitioning.partition(of: $0) }
        guard let partition = partition(number), let slot = partition.slot(of: id) else { return nil }
        var view = partition.view(slot, names: names, explained: true)
        view.repurchase?.why = partition.repurchaseReasons(slot)
        if let rfm = view.rfm { view.lifetimeValue?.why = partition.lifetimeValueReasons(rfm) }
        view.language = partition.language(partition.arbiter.profiles[partition.mark(slot)])
        return view
    }

    package func segmentTotals() -> (version: Int, segments: [SegmentTotals]) {
        var result: [SegmentTotals] = []
        var version = 0
        for partition in partitions {
            let state = partition.segments
            guard let model = state.model else { continue }
            version = state.version
            for segment in Self.groups(model) {
                let base = segment.id * SegmentFeature.measureCount
                let sums = state.features.map { Double(state.sums[base + $0.measure]) / $0.unit }
                if let place = result.firstIndex(where: { $0.id == segment.id }) {
                    result[place].users += state.users[segment.id]
                    result[place].converted += state.converted[segment.id]
                    for index in sums.indices { result[place].sums[index] += sums[index] }
                } else {
                    result.append(
                        SegmentTotals(
                            id: segment.id, name: segment.name, users: state.users[segment.id],
                            converted: state.converted[segment.id], sums: sums))
                }
            }
        }
        return (version, result)
    }

    /// The model's segments, the outliers' last.
    static func groups(_ model: SegmentsModel) -> [(id: Int, name: String)] {
        model.segments.map { (Int($0.id), $0.name) } + [(SegmentState.outlierID, SegmentsModel.outlierName)]
    }

    package func segmentFeatureNames() -> [String] {
        partitions.first?.segments.model?.features ?? []
    }

    /// Columns of each partition, by number.
    func columns<Columns: FitColumns>(
        _ gather: (Partition) -> Columns
    ) -> [(partition: Int, columns: Columns)] {
        partitions.map { ($0.number, gather($0)) }
    }

    /// A partition's state with its position; nil where it is another shard's.
    ///
    /// - Parameter memory: of a snapshot that is done with, to be written into again.
    package nonisolated func snapshot(
        _ number: Int, reusing memory: consuming [UInt8] = []
    ) async -> (position: UInt64, bytes: [UInt8])? {
        var spare: [UInt8]? = consume memory
        return await withCheckedContinuation { continuation in
            asked.withLock {
                $0.append(
                    AskedSnapshot(number: number, memory: spare.take() ?? [], continuation: continuation))
            }
            // Where no record is queued.
            executor.queue.async { self.assumeIsolated { $0.takeSnapshots() } }
        }
    }

    private func takeSnapshots() {
        while var next = asked.withLock({ $0.popLast() }) {
            guard let partition = partition(next.number) else {
                next.continuation.resume(returning: nil)
                continue
            }
            let bytes = partition.snapshot(reusing: next.takeMemory())
            next.continuation.resume(returning: (partition.position, bytes))
        }
    }

    /// Everything that state is, in bytes that do not depend on the process: for comparing two runs.
    package func positions() -> [(partition: Int, position: UInt64)] {
        partitions.map { ($0.number, $0.position) }
    }

    // MARK: Lists

    package func openList(_ id: UInt64, names: EventNames, filter: UserFilter = UserFilter()) {
        openLists[id] = (partitions.map { ($0, $0.openList(names: names, filter: filter)) }, 0)
    }

    /// The next users of a list, empty at the end.
    package func readList(_ id: UInt64, _ count: Int) -> [UserView] {
        guard var open = openLists[id] else { return [] }
        while open.next < open.lists.count {
            let (partition, list) = open.lists[open.next]
            let users = partition.read(list, count)
            if !users.isEmpty { return users }
            partition.closeList(list)
            open.next += 1
            openLists[id] = open
        }
        return []
    }

    package func closeList(_ id: UInt64) {
        guard let open = openLists.removeValue(forKey: id) else { return }
        for (partition, list) in open.lists { partition.closeList(list) }
    }
}
