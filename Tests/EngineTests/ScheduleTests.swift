import Core
import Engine
import Testing

@testable import EngineSupport

/// A refit at the wrong instant, or between the wrong events.
struct ScheduleTests {
    private let hour = Microseconds.hour
    private let day = Microseconds.day

    private func settings(every: Int64, at: Int64, _ zone: Zone) -> EngineSettings {
        EngineSettings(
            .event(zone) { $0.models.schedule = Settings.Schedule(every: every, at: at) })
    }

    /// 2024-MM-DDThh:00:00Z.
    private func utc(_ month: Int, _ date: Int, _ hours: Int64 = 0) -> EventTime {
        let number = CalendarDate(year: 2024, month: month, day: date).dayNumber
        return EventTime(microseconds: Int64(number) * day + hours * hour)
    }

    @Test func `a daily refit keeps its hour on the wall when the clocks change`() throws {
        let settings = settings(every: day, at: 12 * hour, .berlin)
        #expect(settings.nextRefit(after: utc(3, 30, 10)) == utc(3, 30, 11))
        #expect(settings.nextRefit(after: utc(3, 30, 11)) == utc(3, 31, 10))
        #expect(settings.nextRefit(after: utc(3, 31, 10)) == utc(4, 1, 10))
        #expect(settings.nextRefit(after: utc(10, 26, 10)) == utc(10, 27, 11))
    }

    @Test(arguments: [3, 7] as [Int64])
    func `refits of several days are that far apart`(days: Int64) throws {
        let settings = settings(every: days * day, at: 3 * hour, .utc)
        var instant = utc(1, 1)
        var found: [EventTime] = []
        for _ in 0..<5 {
            instant = try #require(settings.nextRefit(after: instant))
            found.append(instant)
        }
        for (a, b) in zip(found, found.dropFirst()) { #expect(b.microseconds - a.microseconds == days * day) }
    }

    @Test func `refits within a day are that far apart whatever the clocks do`() throws {
        let settings = settings(every: 5 * hour, at: hour, .utc)
        var instant = try #require(settings.nextRefit(after: utc(3, 30)))
        #expect(instant > utc(3, 30))
        for _ in 0..<30 {
            let next = try #require(settings.nextRefit(after: instant))
            #expect(next.microseconds - instant.microseconds == 5 * hour)
            instant = next
        }
    }

    @Test func `without a schedule there is none`() {
        #expect(EngineSettings(.event()).nextRefit(after: utc(3, 30)) == nil)
    }

    @Test(arguments: 1...20)
    func `the row of a refit parts what is before its instant from what is not`(seed: UInt64) async throws {
        let settings = Settings.event { $0.models.schedule = Settings.Schedule(every: 86_400_000_000, at: 0) }
        var shape = LogShape(settings)
        shape.events = 60
        shape.late = 0.1
        let log = randomLog(shape, seed: seed)
        var rig = try Rig(settings)
        try await rig.take([log[0]])
        let instant = try #require(rig.ledger.nextRefit)
        let batch = EventBatch(Array(log.dropFirst()))
        let row = rig.ledger.refitRow(in: batch)
        // The plain calculation: the first row whose watermark has reached the instant.
        var now = log[0].time
        var expected: Int?
        for (index, event) in log.dropFirst().enumerated() where expected == nil {
            now = max(now, event.time)
            if now - settings.clock.allowedLateness >= instant { expected = index }
        }
        #expect(row == expected)
        guard let row else { return }
        let (first, second) = batch.split(atRow: row)
        try await rig.take(Array(log[1..<1 + row]))
        #expect(rig.ledger.clock.frontier < instant)
        #expect(first.rows.count == row)
        #expect(second.rows.count == batch.rows.count - row)
    }

    // MARK: Batches in two

    private func sample(seed: UInt64) -> EventBatch {
        var shape = LogShape(.brief())
        shape.events = 30
        var batch = EventBatch(randomLog(shape, seed: seed))
        // Every fourth line was unusable.
        for index in batch.rows.indices { batch.rows[index].line = UInt32(index / 3 * 4 + index % 3) }
        batch.rejections = (0..<10).map {
            Rejection(line: UInt32($0 * 4 + 3), code: .badJSON, detail: "line \($0)", raw: [UInt8($0)])
        }
        batch.lineCount = 40
        return batch
    }

    /// Line, user, time and items of each row.
    private func content(_ batch: EventBatch, from line: UInt32 = 0) -> [String] {
        batch.rows.map { row in
            let items = batch.items[Int(row.itemsStart)..<Int(row.itemsStart) + Int(row.itemsCount)]
            let shown = items.map { "\($0.idOffset) \($0.quantity) \($0.price) \($0.category)" }
            return "\(row.line + line) \(batch.user(of: row)) \(row.time) \(batch.string(row.name)) \(shown)"
        }
    }

    @Test func `a batch in two has the same lines, rejections and items`() {
        let batch = sample(seed: 5)
        for row in batch.rows.indices {
            let (first, second) = batch.split(atRow: row)
            let line = batch.rows[row].line
            #expect(content(first) + content(second, from: line) == content(batch))
            #expect(first.lineCount == line)
            #expect(first.lineCount + second.lineCount == batch.lineCount)
            #expect(first.items.count + second.items.count == batch.items.count)
            #expect(first.byteCount + second.byteCount == batch.byteCount)
            #expect(
                first.rejections.map(\.line) + second.rejections.map { $0.line + line }
                    == batch.rejections.map(\.line))
            for part in [first, second] {
                #expect(part.rows.count + part.rejections.count == Int(part.lineCount))
            }
        }
    }

    @Test func `refused rows become rejections at their lines`() {
        let whole = sample(seed: 6)
        var batch = whole
        let refused = [0, 7, 29].map { batch.rows[$0].line }
        batch.refuse(refused.map { Rejection(line: $0, code: .futureTimestamp, detail: "", raw: []) })
        #expect(batch.rows.count == 27)
        #expect(batch.rejections.map(\.line) == (whole.rejections.map(\.line) + refused).sorted())
        let kept = whole.rows.indices.filter { ![0, 7, 29].contains($0) }
        #expect(content(batch) == kept.map { content(whole)[$0] })
        #expect(batch.rows.count + batch.rejections.count == Int(batch.lineCount))
    }

    @Test func `a jump beyond the bound is refused and does not move now`() async throws {
        var rig = try Rig(.event())
        let start = utc(3, 30).microseconds
        // The first event sets the clock wherever it is.
        var batch = EventBatch([
            PlainEvent("u", start, "login"), PlainEvent("u", start + 3 * hour, "login"),
            PlainEvent("u", start + hour, "login"), PlainEvent("u", start + 2 * hour, "login"),
            PlainEvent("u", start + 3 * hour + 1, "login"),
        ])
        #expect(rig.ledger.refuseByClock(&batch, maxJump: hour, wallLimit: nil))
        #expect(batch.rejections.map(\.line) == [1, 4])
        #expect(batch.rejections.allSatisfy { $0.code == .futureTimestamp })
        try await rig.take([PlainEvent("u", start, "login")])
        var wall = EventBatch([
            PlainEvent("u", start + hour, "login"), PlainEvent("u", start + hour + 1, "login"),
        ])
        #expect(rig.ledger.refuseByClock(&wall, maxJump: nil, wallLimit: start + hour))
        #expect(wall.rejections.map(\.line) == [1])
    }
}
