import Core
import Engine
import Synchronization

/// One listener of `GET /v1/live`: looks once a second, as long as somebody listens.
actor LiveListener: LiveFeed {
    private static let period = Duration.seconds(1)
    /// Periods between two looks at the segments.
    private static let segmentsEvery = 5
    /// Triggers told at once, and those before the listener came.
    private static let triggersMost = 50
    private static let triggersBefore: Int64 = 10

    private let status: DaemonStatus
    private let place: LivePlaces.Place
    private var beat = 0
    private var events: Int64?
    private var seq: Int64
    private var segments: [UInt8] = []

    init(_ status: DaemonStatus, _ place: LivePlaces.Place) {
        self.status = status
        self.place = place
        seq = max(0, status.keeper.lastSeq - Self.triggersBefore)
    }

    nonisolated func close() { place.giveBack() }

    func next() async -> [LiveEvent]? {
        if beat > 0 {
            do { try await Task.sleep(for: Self.period) } catch { return nil }
        }
        defer { beat += 1 }
        var heard = [await rates()]
        if beat % Self.segmentsEvery == 0, let changed = await changedSegments() { heard.append(changed) }
        if let news = await triggers() { heard.append(news) }
        return heard
    }

    private func rates() async -> LiveEvent {
        let source = AnalysisSource(
            sequencer: status.sequencer, shards: status.shards, settings: status.settings)
        let moment = await source.gather { $0.todayTotals() }
        let totals = status.keeper.totals()
        let more = events.map { totals.events - $0 } ?? 0
        events = totals.events
        return LiveEvent(
            "rates",
            bytes(
                .fields([
                    "at": .string(status.time.wall().description),
                    "now": moment.frame.asOf > .distantPast
                        ? .string(moment.frame.asOf.description) : .null,
                    "events": .integer(totals.events), "events_per_s": .integer(more),
                    "users": .integer(totals.users), "last_seq": .integer(status.keeper.lastSeq),
                    "events_today": .integer(moment.totals.events),
                    "purchases_today": .integer(moment.totals.purchases),
                    "revenue_today": .number(Double(moment.totals.revenue) / 1e6),
                ])))
    }

    /// Sizes of the segments, where they are not as told last.
    private func changedSegments() async -> LiveEvent? {
        let view: SegmentsView
        do throws(StatusFailure) { view = try await status.segments(by: nil) } catch { return nil }
        let rows = view.segments.map { segment in
            JSONValue.fields([
                "id": .integer(Int64(segment.id)), "name": .string(segment.name),
                "users": .integer(segment.users),
            ])
        }
        let json = bytes(.fields(["segments": .array(rows)]))
        if json == segments { return nil }
        segments = json
        return LiveEvent("segments", json)
    }

    private func triggers() async -> LiveEvent? {
        guard status.keeper.lastSeq > seq else { return nil }
        // Where more have come than are told at once, the newest count.
        seq = max(seq, status.keeper.lastSeq - Int64(Self.triggersMost))
        let page = await status.keeper.page(after: seq, Self.triggersMost, TriggerFilter())
        seq = max(seq, page.through)
        let lines = page.lines.split(separator: UInt8(ascii: "\n"))
        if lines.isEmpty { return nil }
        return LiveEvent(
            "triggers",
            Array(#"{"triggers":["#.utf8) + Array(lines.joined(separator: [0x2C])) + Array("]}".utf8))
    }

    private func bytes(_ tree: JSONValue) -> [UInt8] {
        var json = JSONWriter()
        json.value(tree)
        return json.bytes
    }
}

/// Bounds how many listen at once.
final class LivePlaces: Sendable {
    private let taken = Mutex(0)
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// A place, given back once.
    final class Place: Sendable {
        private let places: LivePlaces
        private let isHeld = Mutex(true)

        fileprivate init(_ places: LivePlaces) { self.places = places }

        func giveBack() {
            let wasHeld = isHeld.withLock { held in
                defer { held = false }
                return held
            }
            if wasHeld { places.taken.withLock { $0 -= 1 } }
        }
    }

    /// Nil where all are taken.
    func take() -> Place? {
        taken.withLock { taken in
            guard taken < limit else { return nil }
            taken += 1
            return Place(self)
        }
    }
}
