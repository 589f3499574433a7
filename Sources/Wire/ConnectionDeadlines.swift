import Core
import Dispatch

/// When a silent or slow peer is given up. Times are microseconds of a clock that only goes forward.
package struct ConnectionDeadlines: Sendable {
    package enum Expiry: Sendable, Equatable {
        /// A line has been growing for too long.
        case line
        /// Nothing was read or written for too long.
        case idle
        /// The connection is over, but the peer neither reads nor ends it.
        case linger
    }

    /// A peer that is told goodbye has so long to take it.
    package static let lingerTime = 2 * Microseconds.second
    /// And in all, however slowly it takes it.
    package static let lingerTimeTotal = 10 * Microseconds.second

    private let lineTimeout: Int64
    private var idleTimeout: Int64
    private var lineSince: Int64?
    private var progressAt: Int64
    private var lingerSince: Int64?
    private var lingerUntil: Int64?
    /// The daemon owes something, so that silence is not the peer's.
    package var isOwing = false

    package init(lineTimeout: Int64, idleTimeout: Int64, now: Int64) {
        self.lineTimeout = lineTimeout
        self.idleTimeout = idleTimeout
        progressAt = now
    }

    /// A peer that has ended its side may be gone altogether, which TCP does not tell while there is nothing
    /// to send: once it has what there was, it is given up.
    package static let halfClosedTimeout = Microseconds.second / 2

    package mutating func peerEnded(at now: Int64) {
        idleTimeout = min(idleTimeout, ConnectionDeadlines.halfClosedTimeout)
        progressAt = now
    }

    /// Bytes went in or out.
    package mutating func progressed(at now: Int64) { progressAt = now }

    /// - Parameters:
    ///   - isPartial: a line has begun and not ended.
    ///   - lineEnded: so that the partial one is a new one.
    package mutating func line(isPartial: Bool, lineEnded: Bool, at now: Int64) {
        if !isPartial { lineSince = nil } else if lineEnded || lineSince == nil { lineSince = now }
    }

    /// Reading goes on after a pause that was ours.
    package mutating func resumed(at now: Int64) {
        progressAt = now
        if lineSince != nil { lineSince = now }
    }

    /// Nothing more will be owed; only the peer's reading, and its end, are awaited.
    package mutating func linger(from now: Int64) {
        let since = lingerSince ?? now
        lingerSince = since
        lingerUntil = min(
            max(since, progressAt) + ConnectionDeadlines.lingerTime,
            since + ConnectionDeadlines.lingerTimeTotal)
    }

    /// The earliest instant at which something can expire.
    package var next: Int64 {
        if let lingerUntil { return lingerUntil }
        return min(progressAt + idleTimeout, lineSince.map { $0 + lineTimeout } ?? .max)
    }

    package mutating func expired(at now: Int64) -> Expiry? {
        if let lingerUntil { return now >= lingerUntil ? .linger : nil }
        if isOwing {
            progressAt = now
            if lineSince != nil { lineSince = now }
            return nil
        }
        if let lineSince, now >= lineSince + lineTimeout { return .line }
        return now >= progressAt + idleTimeout ? .idle : nil
    }
}

/// Wakes a connection at its next deadline. Armed anew only for an earlier instant, so that traffic
/// costs nothing.
final class ConnectionAlarm {
    private let timer: any DispatchSourceTimer
    private var armedFor = Int64.max

    init(queue: DispatchQueue, onAlarm: @escaping @Sendable () -> Void) {
        timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler(handler: onAlarm)
        timer.resume()
    }

    deinit { timer.cancel() }

    /// The alarm has gone off.
    func rang() { armedFor = .max }

    func arm(for deadline: Int64, now: Int64) {
        guard deadline < armedFor else { return }
        armedFor = deadline
        let delay = Int(max(deadline - now, 1_000))
        timer.schedule(
            deadline: .now() + .microseconds(delay), leeway: .microseconds(min(delay / 8, 250_000)))
    }
}
