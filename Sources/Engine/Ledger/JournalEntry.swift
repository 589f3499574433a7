package import Core

/// What a journal record says. Everything that can change state is one of these.
package enum JournalEntry: Sendable {
    /// Lines of one connection.
    case events(EventsEntry)
    /// The wall clock has moved.
    case tick(now: Int64)
    /// `$advance`.
    case advance(to: Int64)
    /// Everything before an instant is closed, for the refit that is scheduled then.
    case close(before: Int64)
    /// A fitted model was adopted or refused.
    case verdict(VerdictEntry)
    /// The settings that state follows from have changed.
    case settings(EngineSettings)
    /// Users to be forgotten, named by their marks alone.
    case erase([ErasureMark])
    /// No file holds anything any more of users that were erased up to this record.
    case erased(through: UInt64)
    /// What somebody said of a user: consent, name, language, time zone.
    case contact(ContactEntry)
    /// Months have ended, and were judged for a decline of sales.
    case months(MonthsEntry)

    package var kind: UInt8 {
        switch self {
        case .events: 1
        case .tick: 2
        case .advance: 3
        case .close: 4
        case .verdict: 5
        case .settings: 6
        case .erase: 7
        case .erased: 8
        case .contact: 9
        case .months: 10
        }
    }
}

package struct EventsEntry: Sendable {
    package var batch: EventBatch
    /// Clock before the record, so that it can be replayed from wherever a snapshot stands.
    package var clock: LogClock
    package var lateness: Int64
    /// Wall clock: now for the whole record; nil under the event clock.
    package var wallNow: Int64?
    /// When it was received, by the wall; for dead letters only.
    package var receivedAt: Int64
    /// Empty on a plain connection.
    package var producer: String
    /// Producer's next number after this record.
    package var producerNext: UInt64

    package init(
        batch: EventBatch, clock: LogClock, lateness: Int64, wallNow: Int64?, receivedAt: Int64,
        producer: String, producerNext: UInt64
    ) {
        self.batch = batch
        self.clock = clock
        self.lateness = lateness
        self.wallNow = wallNow
        self.receivedAt = receivedAt
        self.producer = producer
        self.producerNext = producerNext
    }
}

package struct VerdictEntry: Sendable {
    package var name: String
    package var version: Int
    package var adopted: Bool
    /// The scheduled instant it was fitted for, or now when it was asked for.
    package var instant: Int64
    /// Scheduled refits under the event clock see only what is decided.
    package var scheduled: Bool
    /// The model; empty where refused.
    package var bytes: [UInt8]

    package init(
        name: String, version: Int, adopted: Bool, instant: Int64, scheduled: Bool, bytes: [UInt8]
    ) {
        self.name = name
        self.version = version
        self.adopted = adopted
        self.instant = instant
        self.scheduled = scheduled
        self.bytes = bytes
    }
}

extension JournalEntry {
    /// Payload of the record.
    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        switch self {
        case .events(let entry): return entry.payload(encodedBatch: nil)
        case .tick(let now): out.put(now)
        case .advance(let instant): out.put(instant)
        case .close(let instant): out.put(instant)
        case .verdict(let entry):
            out.put(entry.name)
            out.put(UInt64(entry.version))
            out.put(entry.adopted)
            out.put(entry.instant)
            out.put(entry.scheduled)
            out.put(entry.bytes)
        case .settings(let settings): settings.write(to: &out)
        case .erase(let marks): out.put(marks)
        case .erased(let record): out.put(record)
        case .contact(let contact): contact.write(to: &out)
        case .months(let months): months.write(to: &out)
        }
        return out.bytes
    }

    /// - Throws: `StateError` where the payload is not what this build writes.
    package init(kind: UInt8, payload: UnsafeRawBufferPointer) throws(StateError) {
        var input = ByteReader(payload)
        switch kind {
        case 1: self = .events(try EventsEntry(payload, &input))
        case 2: self = .tick(now: try input.get())
        case 3: self = .advance(to: try input.get())
        case 4: self = .close(before: try input.get())
        case 5:
            let name = try input.getText()
            let version = try input.getSize()
            let adopted = try input.getBool()
            let instant: Int64 = try input.get()
            let scheduled = try input.getBool()
            self = .verdict(
                VerdictEntry(
                    name: name, version: version, adopted: adopted, instant: instant, scheduled: scheduled,
                    bytes: try input.getBlob()))
        case 6: self = .settings(try EngineSettings(from: &input))
        case 7: self = .erase(try input.getMarks())
        case 8: self = .erased(through: try input.get())
        case 9: self = .contact(try ContactEntry(from: &input))
        case 10: self = .months(try MonthsEntry(from: &input))
        default: throw StateError("journal record of unknown kind \(kind)")
        }
        guard kind == 1 || input.remaining == 0 else {
            throw StateError("journal record of kind \(kind): \(input.remaining) bytes too many")
        }
    }
}

extension EventsEntry {
    /// - Parameter encodedBatch: what `EventBatchCodec` made of the batch, where it has been encoded.
    package func payload(encodedBatch: [UInt8]?) -> [UInt8] {
        var out = ByteWriter(capacity: (encodedBatch?.count ?? batch.rows.count * 48) + 256)
        for value in [clock.now, clock.frontier, clock.watermark, lateness, receivedAt] { out.put(value) }
        out.put(wallNow != nil)
        out.put(wallNow ?? 0)
        out.put(UInt16(producer.utf8.count))
        out.put(raw: Array(producer.utf8))
        out.put(producerNext)
        if let encodedBatch {
            out.put(raw: encodedBatch)
            return out.bytes
        }
        var bytes = out.bytes
        EventBatchCodec.encode(batch, into: &bytes)
        return bytes
    }

    fileprivate init(_ payload: UnsafeRawBufferPointer, _ input: inout ByteReader) throws(StateError) {
        clock = LogClock()
        clock.now = try input.get()
        clock.frontier = try input.get()
        clock.watermark = try input.get()
        lateness = try input.get()
        receivedAt = try input.get()
        let hasWall = try input.getBool()
        let wall: Int64 = try input.get()
        wallNow = hasWall ? wall : nil
        let length = Int(try input.get(UInt16.self))
        guard input.remaining >= length + 8 else { throw StateError("events record ends in its producer") }
        var name = [UInt8](repeating: 0, count: length)
        var failure: StateError?
        name.withUnsafeMutableBytes { target in
            do throws(StateError) { try input.copy(into: target) } catch { failure = error }
        }
        if let failure { throw failure }
        producer = String(decoding: name, as: UTF8.self)
        producerNext = try input.get()
        do {
            batch = try EventBatchCodec.decode(UnsafeRawBufferPointer(rebasing: payload[input.offset...]))
        } catch {
            throw StateError("events record does not decode: \(error)")
        }
    }
}
