package import Core

/// A position in the outbox that moves forward without skipping: what to read next, and whether the
/// place still exists. Pure; pages come from `TriggerSource`.
package struct TriggerStream: Sendable {
    package enum Start: Sendable, Equatable {
        /// The head at the moment of the first answer.
        case now
        case after(Int64)
        /// Before the oldest kept.
        case oldest
    }

    package struct Read: Sendable, Equatable {
        package var after: Int64
        package var limit: Int
    }

    package enum Outcome: Sendable, Equatable {
        /// Lines to send, maybe none.
        case lines([UInt8], count: Int)
        /// The place is older than what is kept.
        case gap(oldest: Int64, last: Int64)
        /// The place is newer than the head.
        case future(oldest: Int64, last: Int64)
    }

    /// Most triggers of a page, and the bytes one is taken to have when room is short.
    private static let pageLimit = 512
    private static let triggerBytes = 1024

    package let filter: TriggerFilter
    private var start: Start?
    /// Everything up to here was sent or filtered out.
    package private(set) var through: Int64 = 0
    /// The newest number known.
    package private(set) var head: Int64 = 0
    private var isReading = false
    /// The last page looked at nothing: only a commit can change that.
    private var isDry = false

    package init(start: Start, filter: TriggerFilter) {
        self.start = start
        self.filter = filter
        if case .after(let seq) = start { through = seq }
    }

    /// The stream has found its place.
    package var hasStarted: Bool { start == nil }

    /// What to read now into a buffer with `room` bytes; nil when there is no room or nothing new. The
    /// next call to `page` must answer it.
    package mutating func nextRead(room: Int) -> Read? {
        guard !isReading, room > 0, start != nil || (head > through && !isDry) else { return nil }
        isReading = true
        let limit = max(1, min(TriggerStream.pageLimit, room / TriggerStream.triggerBytes))
        return Read(after: through, limit: start == .now ? 1 : limit)
    }

    /// Triggers up to this number are in the outbox.
    package mutating func committed(_ seq: Int64) {
        head = max(head, seq)
        isDry = false
    }

    /// Takes the page that answers the last read.
    package mutating func page(_ page: TriggerPage) -> Outcome {
        let before = through
        isReading = false
        head = max(head, page.last)
        if start == .now {
            start = nil
            through = page.last
            return .lines([], count: 0)
        }
        if start != .oldest {
            if through > page.last, start != nil { return .future(oldest: page.oldest, last: page.last) }
            if through < page.oldest - 1 { return .gap(oldest: page.oldest, last: page.last) }
        } else {
            through = page.oldest - 1
        }
        start = nil
        through = max(through, page.through)
        isDry = through == before
        return .lines(page.lines, count: page.count)
    }
}
