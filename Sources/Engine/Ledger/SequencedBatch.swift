package import Core

/// A batch with its place in the order of the log: what the shards apply.
package struct SequencedBatch: Sendable {
    package var batch: EventBatch
    /// Number of the name of each dictionary entry.
    package var codes: [UInt16]
    /// Hash of each dictionary entry under the process key.
    package var hashes: [UInt64]
    /// Greatest event time up to and including each row; empty under the wall clock, where now stands
    /// still within a record.
    package var nows: [Int64]
    package var startFrontier: Int64
    package var endFrontier: Int64
    package var endNow: Int64
    package var lateness: Int64
    /// Least event time under the wall clock; `Int64.max` without events and under the event clock.
    package var oldest = Int64.max
    /// Some event says something of consent or profile.
    package var hasContacts: Bool
    /// Some event names its items.
    package var hasItemNames: Bool
    /// The names that are new.
    package var itemNames: [NamedItem] = []

    /// - Parameters:
    ///   - clock: clock before the batch.
    ///   - wallNow: now of the whole record under the wall clock; nil under the event clock.
    package init(
        batch: EventBatch, codes: [UInt16], key: HashKey, clock: LogClock, wallNow: Int64?, lateness: Int64
    ) {
        self.batch = batch
        self.codes = codes
        self.lateness = lateness
        hashes = batch.text.withUnsafeBytes { text in
            batch.dictionary.map { range in
                key.hash(
                    UnsafeRawBufferPointer(
                        rebasing: text[Int(range.offset)..<Int(range.offset) + Int(range.length)]))
            }
        }
        startFrontier = clock.frontier
        let said = batch.rows.withUnsafeBufferPointer { rows in
            rows.reduce(into: (contacts: UInt16(0), itemNames: UInt16(0))) { said, row in
                said.contacts |= row.contact
                said.itemNames |= row.itemNames
            }
        }
        hasContacts = said.contacts != 0
        hasItemNames = said.itemNames != 0
        if let wallNow {
            nows = []
            endNow = max(clock.now, wallNow)
            oldest = batch.rows.withUnsafeBufferPointer { rows in
                rows.reduce(.max) { min($0, $1.time) }
            }
        } else {
            nows = LogClock.prefixNows(batch.rows, from: clock.now)
            endNow = nows.last ?? clock.now
        }
        endFrontier = max(startFrontier, endNow - lateness)
        if batch.rows.isEmpty, wallNow == nil { endFrontier = startFrontier }
    }
}

/// The clock of the log.
package struct LogClock: Sendable, Equatable {
    /// Greatest accepted event time, or the last `$advance`; wall clock: the last journaled instant.
    package var now: Int64 = EventTime.distantPast.microseconds
    /// Everything before it is closed.
    package var frontier: Int64 = EventTime.distantPast.microseconds
    /// As shown.
    package var watermark: Int64 = EventTime.distantPast.microseconds

    package init() {}

    static func prefixNows(_ rows: [EventRow], from now: Int64) -> [Int64] {
        [Int64](unsafeUninitializedCapacity: rows.count) { nows, count in
            var greatest = now
            rows.withUnsafeBufferPointer { rows in
                for index in 0..<rows.count {
                    greatest = max(greatest, rows[index].time)
                    nows[index] = greatest
                }
            }
            count = rows.count
        }
    }

    mutating func reach(now: Int64, frontier: Int64) {
        self.now = max(self.now, now)
        self.frontier = max(self.frontier, frontier)
        watermark = max(watermark, frontier)
    }

    /// `$advance`: closes everything up to and including an instant.
    mutating func advance(to instant: Int64) {
        now = max(now, instant)
        frontier = max(frontier, instant + 1)
        watermark = max(watermark, instant)
    }
}
