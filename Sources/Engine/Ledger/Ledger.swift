package import Core

/// State that belongs to no partition: the clock, names of events, producers' numbers, counts, which
/// models are in use. Changes only by journal records, in their order.
package struct Ledger: Sendable {
    package struct ModelState: Sendable {
        /// Latest candidate.
        package var version = 0
        /// The one in use; 0: none.
        package var adopted = 0
        /// Bytes of the one in use.
        package var bytes: [UInt8] = []

        package init() {}
    }

    package var position: UInt64 = 0
    package var clock = LogClock()
    package var settings: EngineSettings
    package var names: EventNames
    /// What events call items.
    package private(set) var itemNames = ItemNames()
    /// Next number of each producer.
    package var producers: [String: UInt64] = [:]
    package var lines: Int64 = 0
    package var bytes: Int64 = 0
    /// By code.
    package var rejected = [Int64](repeating: 0, count: RejectionCode.allCases.count + 1)
    package var models: [String: ModelState] = [:]
    /// A refit that was due at this instant has begun and not ended.
    package var refitInstant: Int64?
    /// Models that still have to be fitted for `refitInstant`.
    package var refitDone: [String] = []
    /// Next scheduled instant under the event clock; nil: not yet known or none.
    package var nextRefit: Int64?
    /// The end of the last month that was judged for a decline of sales; `Int64.min`: none yet.
    package private(set) var monthsThrough = Int64.min
    /// A decline has been told and has not ended since.
    package private(set) var isDeclining = false
    /// The next end of a month, strictly after what is closed and judged; nil before the first event.
    package private(set) var monthEnd: Int64?
    /// Users erased whose traces may still be in files.
    package private(set) var erasures = PendingErasures()

    package init(settings: EngineSettings) {
        self.settings = settings
        names = EventNames(limit: settings.customNames)
    }

    package var rejectedTotal: Int64 { rejected.reduce(0, +) }

    /// Refuses the lines whose times the clock does not allow, which must happen in the order of the log.
    ///
    /// - Returns: whether any was refused.
    package func refuseByClock(_ batch: inout EventBatch, maxJump: Int64?, wallLimit: Int64?) -> Bool {
        guard maxJump != nil || wallLimit != nil else { return false }
        var now = clock.now
        var refused: [(UInt32, Int64)] = []
        for row in batch.rows {
            let limit: Int64
            if let wallLimit {
                limit = wallLimit
            } else {
                limit = now == EventTime.distantPast.microseconds ? .max : now + (maxJump ?? 0)
            }
            if row.time > limit { refused.append((row.line, row.time)) } else { now = max(now, row.time) }
        }
        if refused.isEmpty { return false }
        let raw = batch.sourceLines(refused.map(\.0))
        batch.refuse(
            zip(refused, raw).map { refused, raw in
                let (line, time) = refused
                let shown = EventTime(microseconds: time)
                return Rejection(
                    line: line, code: .futureTimestamp,
                    detail: wallLimit == nil
                        ? "the time \(shown) is further ahead of now than clock.max_jump allows"
                        : "the time \(shown) is further ahead of now than clock.max_future_skew allows",
                    raw: raw)
            })
        return true
    }

    /// First row at which the scheduled refit must have happened, or nil.
    package func refitRow(in batch: EventBatch) -> Int? { row(in: batch, closing: nextRefit) }

    /// First row at which the month must have been judged, or nil; event clock.
    package func monthRow(in batch: EventBatch) -> Int? { row(in: batch, closing: monthEnd) }

    /// First row that closes an instant.
    private func row(in batch: EventBatch, closing instant: Int64?) -> Int? {
        guard let instant, settings.clockMode == .event else { return nil }
        if clock.frontier >= instant { return 0 }
        var now = clock.now
        for (index, row) in batch.rows.enumerated() {
            now = max(now, row.time)
            if now - settings.allowedLateness >= instant { return index }
        }
        return nil
    }

    /// Takes an events record; gives what the shards apply.
    package mutating func apply(_ entry: EventsEntry, position: UInt64, key: HashKey) -> SequencedBatch {
        let codes = names.codes(of: entry.batch, record: position, isNew: position > self.position)
        var sequenced = SequencedBatch(
            batch: entry.batch, codes: codes, key: key, clock: entry.clock, wallNow: entry.wallNow,
            lateness: entry.lateness)
        guard position > self.position else { return sequenced }
        self.position = position
        if sequenced.hasItemNames {
            sequenced.itemNames = itemNames.learn(from: entry.batch, record: position)
        }
        lines += Int64(entry.batch.lineCount)
        bytes += Int64(entry.batch.byteCount)
        for rejection in entry.batch.rejections { rejected[Int(rejection.code.rawValue)] += 1 }
        if !entry.producer.isEmpty { producers[entry.producer] = entry.producerNext }
        let wasUnset = clock.now == EventTime.distantPast.microseconds
        clock.reach(now: sequenced.endNow, frontier: sequenced.endFrontier)
        if wasUnset, clock.now > EventTime.distantPast.microseconds { scheduleNext() }
        findMonthEnd()
        return sequenced
    }

    /// Takes any other record.
    package mutating func apply(_ entry: JournalEntry, position: UInt64) {
        guard position > self.position else { return }
        self.position = position
        defer { findMonthEnd() }
        switch entry {
        case .events: preconditionFailure("events are applied by their own function")
        case .tick(let now):
            clock.reach(now: now, frontier: max(clock.frontier, now - settings.allowedLateness))
        case .advance(let instant):
            let wasUnset = clock.now == EventTime.distantPast.microseconds
            clock.advance(to: instant)
            if wasUnset { scheduleNext() }
        case .close(let instant):
            clock.frontier = max(clock.frontier, instant)
            clock.watermark = max(clock.watermark, instant)
            refitInstant = instant
            refitDone = []
        case .verdict(let verdict): take(verdict)
        case .settings(let changed):
            let rescheduled =
                changed.refitEvery != settings.refitEvery || changed.refitAt != settings.refitAt
            if changed.zone != settings.zone { monthEnd = nil }
            settings = changed
            names.setLimit(changed.customNames)
            if rescheduled { scheduleNext() }
        case .erase(let marks): erasures.add(marks, record: position)
        case .erased(let record): erasures.finish(through: record)
        case .contact: break
        case .months(let months):
            monthsThrough = max(monthsThrough, months.through)
            isDeclining = months.isDeclining
        }
    }

    private mutating func take(_ verdict: VerdictEntry) {
        var model = models[verdict.name] ?? ModelState()
        model.version = max(model.version, verdict.version)
        if verdict.adopted {
            model.adopted = verdict.version
            model.bytes = verdict.bytes
        }
        models[verdict.name] = model
        if verdict.scheduled, refitInstant == verdict.instant { refitDone.append(verdict.name) }
    }

    /// The last scheduled instant up to and including a bound: where time jumps over several, only that one
    /// is fitted.
    package func lastRefit(upTo bound: Int64) -> Int64? {
        guard var instant = nextRefit, instant <= bound else { return nil }
        while let next = settings.nextRefit(after: EventTime(microseconds: instant))?.microseconds,
            next <= bound
        {
            instant = next
        }
        return instant
    }

    /// All models of the scheduled instant have their verdict.
    package mutating func refitEnded() {
        refitInstant = nil
        refitDone = []
        scheduleNext()
    }

    private mutating func scheduleNext() {
        let from = max(clock.frontier, clock.now - settings.allowedLateness)
        nextRefit = settings.nextRefit(after: EventTime(microseconds: from))?.microseconds
    }

    /// The last end of a month up to and including a bound that is to be judged; all before it go with it.
    package func lastMonthEnd(upTo bound: Int64) -> Int64? {
        guard let monthEnd, monthEnd <= bound else { return nil }
        return max(monthEnd, MonthNumber.start(of: MonthNumber.of(day(of: bound)), settings.zone))
    }

    /// Moves `monthEnd` on where its month is over. A month that went by unjudged, as where nobody watches, is past.
    private mutating func findMonthEnd() {
        guard clock.now > EventTime.distantPast.microseconds else { return }
        let closed = max(clock.frontier, clock.now - settings.allowedLateness, monthsThrough)
        if let monthEnd, closed < monthEnd { return }
        monthEnd = MonthNumber.start(of: MonthNumber.of(day(of: closed)) + 1, settings.zone)
    }

    private func day(of instant: Int64) -> Int32 {
        settings.zone.day(of: EventTime(microseconds: instant))
    }

    package func snapshot() -> [UInt8] {
        var out = ByteWriter()
        out.put(UInt32(6))
        out.put(position)
        for value in [clock.now, clock.frontier, clock.watermark, lines, bytes] { out.put(value) }
        settings.write(to: &out)
        names.write(to: &out)
        out.put(UInt64(producers.count))
        for (name, next) in producers.sorted(by: { $0.key < $1.key }) {
            out.put(name)
            out.put(next)
        }
        out.put(UInt64(rejected.count))
        for count in rejected { out.put(count) }
        out.put(UInt64(models.count))
        for (name, model) in models.sorted(by: { $0.key < $1.key }) {
            out.put(name)
            out.put(UInt64(model.version))
            out.put(UInt64(model.adopted))
            out.put(model.bytes)
        }
        out.put(refitInstant != nil)
        out.put(refitInstant ?? 0)
        out.put(UInt64(refitDone.count))
        for name in refitDone { out.put(name) }
        out.put(nextRefit != nil)
        out.put(nextRefit ?? 0)
        erasures.write(to: &out)
        out.put(monthsThrough)
        out.put(isDeclining)
        itemNames.write(to: &out)
        return out.bytes
    }

    package init(snapshot: UnsafeRawBufferPointer) throws(StateError) {
        var input = ByteReader(snapshot)
        let version: UInt32 = try input.get()
        // That of before declared rules differs in the settings, which tell by themselves; before 5 no months
        // were judged, before 6 no items were named.
        guard (3...6).contains(version) else {
            throw StateError("ledger: snapshot of format \(version), this build knows 3 to 6")
        }
        let position: UInt64 = try input.get()
        var values: [Int64] = []
        for _ in 0..<5 { values.append(try input.get()) }
        self.init(settings: try EngineSettings(from: &input))
        self.position = position
        clock.now = values[0]
        clock.frontier = values[1]
        clock.watermark = values[2]
        lines = values[3]
        bytes = values[4]
        names = try EventNames(from: &input, limit: settings.customNames)
        for _ in 0..<(try input.count(of: 16)) {
            let name = try input.getText()
            producers[name] = try input.get(UInt64.self)
        }
        let codes = try input.count(of: 8)
        for index in 0..<codes {
            let count: Int64 = try input.get()
            if index < rejected.count { rejected[index] = count }
        }
        for _ in 0..<(try input.count(of: 24)) {
            let name = try input.getText()
            var model = ModelState()
            model.version = try input.getSize()
            model.adopted = try input.getSize()
            model.bytes = try input.getBlob()
            models[name] = model
        }
        let refitting = try input.getBool()
        let instant: Int64 = try input.get()
        refitInstant = refitting ? instant : nil
        for _ in 0..<(try input.count(of: 8)) { refitDone.append(try input.getText()) }
        let scheduled = try input.getBool()
        let next: Int64 = try input.get()
        nextRefit = scheduled ? next : nil
        erasures = try PendingErasures(from: &input)
        if version >= 5 {
            monthsThrough = try input.get()
            isDeclining = try input.getBool()
        }
        if version >= 6 { itemNames = try ItemNames(from: &input) }
        findMonthEnd()
    }
}

extension EventBatch {
    /// Turns rows into rejections. The batch must be sealed again.
    package mutating func refuse(_ refused: [Rejection]) {
        let lines = Set(refused.map(\.line))
        rows.removeAll { lines.contains($0.line) }
        dropUnownedItems()
        rejections.append(contentsOf: refused)
        rejections.sort { $0.line < $1.line }
    }

    /// The lines themselves as they came, by index ascending; empty where the batch has no source.
    func sourceLines(_ lines: [UInt32]) -> [[UInt8]] {
        source.withUnsafeBytes { bytes in
            var finder = DataLines(bytes: bytes)
            return lines.map { Array(finder.line($0 + sourceSkipped).prefix(Limits().deadLetterBytes)) }
        }
    }

    /// The batch in two: lines before that of a row, and from it on. Sealed neither.
    package func split(atRow index: Int) -> (EventBatch, EventBatch) {
        let line = rows[index].line
        var first = self
        first.rows = Array(rows[..<index])
        first.rejections = rejections.filter { $0.line < line }
        first.lineCount = line
        first.route = Route()
        first.dropUnownedItems()
        var second = self
        second.rows = Array(rows[index...])
        second.sourceSkipped += line
        for row in second.rows.indices { second.rows[row].line -= line }
        second.rejections = rejections.filter { $0.line >= line }.map { rejection in
            var moved = rejection
            moved.line -= line
            return moved
        }
        second.lineCount = lineCount - line
        second.route = Route()
        second.dropUnownedItems()
        // Bytes are counted once, with the second part.
        first.byteCount = 0
        return (first, second)
    }
}
