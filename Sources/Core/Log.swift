import Synchronization

/// Who must act: error, a person (or data was lost); warning, nobody, it recovered; info, life cycle.
package enum LogLevel: UInt8, Sendable, CaseIterable {
    case error
    case warning
    case info

    package var text: String {
        switch self {
        case .error: "error"
        case .warning: "warning"
        case .info: "info"
        }
    }
}

/// Where sentences for the operator go. Nothing is written per event.
package struct Log: Sendable {
    private let sink: @Sendable (LogLevel, String) -> Void

    /// - Parameter sink: called from any thread; must not block for long.
    package init(_ sink: @escaping @Sendable (LogLevel, String) -> Void) { self.sink = sink }

    /// Says nothing.
    package static let silent = Log { _, _ in }

    package func callAsFunction(_ level: LogLevel, _ text: String) { sink(level, text) }
    package func error(_ text: String) { sink(.error, text) }
    package func warning(_ text: String) { sink(.warning, text) }
    package func info(_ text: String) { sink(.info, text) }
}

/// Lets one sentence of a kind through in each interval and counts the others, so that a peer cannot
/// flood the log.
package final class LogThrottle: Sendable {
    private struct State {
        var openAt = Int64.min
        var suppressed = 0
    }

    private let log: Log
    private let time: any TimeSource
    private let interval: Int64
    private let state = Mutex(State())

    /// - Parameter interval: microseconds.
    package init(log: Log, time: any TimeSource, interval: Int64 = 10 * Microseconds.second) {
        self.log = log
        self.time = time
        self.interval = interval
    }

    package func callAsFunction(_ level: LogLevel, _ text: String) {
        let now = time.monotonic()
        let suppressed: Int? = state.withLock { state in
            guard now >= state.openAt else {
                state.suppressed += 1
                return nil
            }
            state.openAt = now + interval
            defer { state.suppressed = 0 }
            return state.suppressed
        }
        guard let suppressed else { return }
        log(level, suppressed == 0 ? text : "\(text) (and \(suppressed) more like it before)")
    }
}
